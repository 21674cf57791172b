"""Attributes of the head in a clip: its tilt, turns and nods, its motion and its size, from landmarks of the face."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from personality.preprocessing.faces import Face, box_width

HEAD_COLUMNS = (
    *("head_roll_mean", "head_roll_sd", "head_turn_mean", "head_turn_sd", "head_nod_sd"),
    *("head_speed", "face_width", "face_share"),
)
MIN_HEAD_STEPS = 5  # steps from one face to the next, about 1 s; with fewer, no motion is computed
MAX_STEP_SECONDS = 0.5  # seconds; over a longer gap without a face, the path of the head is unknown
MAX_STEP_FACE_WIDTHS = 1.0  # a larger step from one frame to the next is a cut, or the face of another person


def compute_head_attributes(faces: Sequence[Face], picture_size: tuple[int, int]) -> dict[str, float]:
    """Compute the pose, motion and size of a head.

    Five landmarks do not determine a pose in three dimensions. Only the roll is an angle; turns and nods are positions
    of the nose relative to the eyes, which also depend on the shape of the face.

    Parameters
    ----------
    faces : sequence of Face
        The faces of one person with landmarks, in the order of time.
    picture_size : (int, int)
        Width and height of the picture in pixels.

    Returns
    -------
    dict of str to float
        The values of HEAD_COLUMNS; empty with less than MIN_HEAD_STEPS steps of motion.

        head_roll_mean, head_roll_sd : angle of the line through the eyes in degrees, mean and standard deviation over
        time; positive if the head is tilted clockwise for the viewer.

        head_turn_mean, head_turn_sd : position of the base of the nose along this line from the middle of the eyes, in
        distances between the eyes; positive to the right of the viewer. For a rigid head it is proportional to the
        tangent of the yaw.

        head_nod_sd : standard deviation of the distance of the base of the nose from this line, in distances between
        the eyes. The mean is left out, because it describes the shape of the face more than its pose.

        head_speed : length of the path of the mean of the landmarks, in widths of the face per second.

        face_width : mean width of the face box in pixels; face_share : mean area of the box over that of the picture.
    """
    steps = _measure_steps(faces)
    if len(steps) < MIN_HEAD_STEPS:
        return {}
    path, seconds = steps.sum(axis=0)
    roll, turn, nod = _measure_pose(np.stack([_landmarks(face) for face in faces]))
    boxes = np.array([face.box for face in faces], float)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    share = (width * height).mean() / (picture_size[0] * picture_size[1])
    values = (roll.mean(), roll.std(), turn.mean(), turn.std(), nod.std(), path / seconds, width.mean(), share)
    return dict(zip(HEAD_COLUMNS, map(float, values), strict=True))


def _landmarks(face: Face) -> np.ndarray:
    assert face.landmarks is not None
    return face.landmarks


def _measure_pose(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return roll in degrees, turn and nod in distances between the eyes, each (T,), of landmarks (T, 5, 2)."""
    right, left, nose = landmarks[:, :2].mean(axis=1), landmarks[:, 2:4].mean(axis=1), landmarks[:, 4]
    across = right - left
    distance = np.maximum(np.hypot(across[:, 0], across[:, 1]), 1.0)
    below = nose - (right + left) / 2
    turn = (below * across).sum(axis=1) / distance**2
    nod = (across[:, 0] * below[:, 1] - across[:, 1] * below[:, 0]) / distance**2
    return np.degrees(np.arctan2(across[:, 1], across[:, 0])), turn, nod


def _measure_steps(faces: Sequence[Face]) -> np.ndarray:
    """Return the steps from each face to the next, float64 (N, 2): face widths and seconds; cuts are left out."""
    steps = []
    for before, after in pairwise(faces):
        shift = _landmarks(after).mean(axis=0) - _landmarks(before).mean(axis=0)
        length = float(np.hypot(*shift)) / max((box_width(before.box) + box_width(after.box)) / 2, 1.0)
        seconds = after.time - before.time
        if seconds <= MAX_STEP_SECONDS and length <= MAX_STEP_FACE_WIDTHS:
            steps.append((length, seconds))
    return np.array(steps, float).reshape(-1, 2)
