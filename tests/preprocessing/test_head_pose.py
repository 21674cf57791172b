"""Attributes of the head, from landmarks of a rigid head in known poses; `test_clip_attributes` reads videos."""

from __future__ import annotations

import numpy as np
import pytest

from personality.preprocessing.faces import Face
from personality.preprocessing.head_pose import HEAD_COLUMNS, MIN_HEAD_STEPS, compute_head_attributes

# Corners of the eyes and base of the nose of a head, in pixels: x to the right, y down, z toward the camera. The eyes
# are 60 apart, and the nose is 45 below them and 24 in front of them.
HEAD = np.array([[42, 0, 0], [18, 0, 0], [-42, 0, 0], [-18, 0, 0], [0, 45, 24]], float)
STEP = 0.2
PICTURE = (640, 360)


def face_at(time: float, *, yaw: float = 0, pitch: float = 0, roll: float = 0, place: tuple = (300, 150)) -> Face:
    """The face of a head turned by angles in degrees, seen from afar; its box has 100x100 pixels."""
    y, p, r = np.radians([yaw, pitch, roll])
    nodded = HEAD @ np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]).T
    turned = nodded @ np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]).T
    tilted = turned[:, :2] @ np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]]).T
    left, top = round(place[0] - 50), round(place[1] - 50)
    box = (left, top, left + 100, top + 100)
    return Face(time, box, 1.0, np.zeros((1, 1, 3), np.uint8), landmarks=tilted + place)


def describe(**motions: list) -> dict[str, float]:
    """The attributes of a head with a value of each motion per step."""
    poses = [dict(zip(motions, values, strict=True)) for values in zip(*motions.values(), strict=True)]
    return compute_head_attributes([face_at(number * STEP, **pose) for number, pose in enumerate(poses)], PICTURE)


@pytest.mark.parametrize("roll", [-35, -5, 0, 12, 40])
def test_roll_is_the_angle_in_degrees(roll: float) -> None:
    found = describe(roll=[roll] * 6)
    assert found["head_roll_mean"] == pytest.approx(roll)
    assert found["head_roll_sd"] == pytest.approx(0, abs=1e-9)
    assert found["head_turn_mean"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("yaw", [-30, -10, 10, 30])
def test_turn_is_proportional_to_the_tangent_of_the_yaw(yaw: float) -> None:
    found = describe(yaw=[yaw] * 6, roll=[17] * 6)
    assert found["head_turn_mean"] == pytest.approx(24 / 60 * np.tan(np.radians(yaw)))
    assert found["head_roll_mean"] == pytest.approx(17)


def test_nod_varies_with_the_pitch_only() -> None:
    pitches = [-15, -5, 0, 5, 15, 8]
    angles = np.radians(pitches)
    found = describe(pitch=pitches)
    assert found["head_nod_sd"] == pytest.approx(((45 * np.cos(angles) - 24 * np.sin(angles)) / 60).std())
    assert found["head_turn_sd"] == pytest.approx(0, abs=1e-9)
    assert describe(roll=[-20, -10, 0, 10, 20, 5])["head_nod_sd"] == pytest.approx(0, abs=1e-9)


def test_speed_is_in_face_widths_per_second_and_skips_cuts() -> None:
    left_and_right = [300, 330, 300, 330, 300, 330]
    found = describe(place=[(x, 150) for x in left_and_right])
    assert found["head_speed"] == pytest.approx(0.3 / STEP)
    assert found["face_width"] == 100
    assert found["face_share"] == pytest.approx(100 * 100 / (640 * 360))
    cut = describe(place=[(x, 150) for x in [*left_and_right, 100, 130, 100]])
    assert cut["head_speed"] == pytest.approx(0.3 / STEP)


def test_time_without_a_face_is_not_motion() -> None:
    faces = [face_at(number * STEP, place=(300 + 2 * number, 150)) for number in range(12)]
    found = compute_head_attributes(faces[:6] + faces[9:], PICTURE)
    assert found["head_speed"] == pytest.approx(0.02 / STEP)


def test_too_few_faces_have_no_attributes() -> None:
    assert describe(roll=[0] * MIN_HEAD_STEPS) == {}
    assert tuple(describe(roll=[0] * (MIN_HEAD_STEPS + 1))) == HEAD_COLUMNS
    assert compute_head_attributes([], PICTURE) == {}
