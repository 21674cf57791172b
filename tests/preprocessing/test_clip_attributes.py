"""Attributes of made videos: a face that is moved and tilted before a background of known brightness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from personality.preprocessing.clip_attributes import ATTRIBUTE_TABLES, describe_clip
from personality.synthetic.voice import Voice, synthesize_voice
from tests.preprocessing.clips import RATE, noise, sample_picture, write_tracks

WIDTH, HEIGHT, SIDE, FPS, SECONDS = 640, 360, 256, 10, 3.0
SCALE = 0.7
PICTURE_COLUMNS = {*ATTRIBUTE_TABLES["head"], *ATTRIBUTE_TABLES["background"]}


def write_head(
    path: Path,
    *,
    left: Callable[[float], float] = lambda time: 200.0,
    roll: Callable[[float], float] = lambda time: 0.0,
    background: int = 90,
    mirrored: bool = False,
    sound: np.ndarray | None = None,
) -> Path:
    """Write a video of the sample's face. left: pixels, roll: degrees clockwise, both at a time in seconds."""
    face = sample_picture()[:, :: -1 if mirrored else 1]
    pictures = []
    for time in np.arange(0, SECONDS, 1 / FPS).tolist():
        canvas = np.full((HEIGHT, WIDTH, 3), background, np.uint8)
        move = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), -roll(time), SCALE)
        move[:, 2] += (left(time) - (1 - SCALE) * SIDE / 2, 100 - (1 - SCALE) * SIDE / 2)
        drawn = cv2.warpAffine(face, move, (WIDTH, HEIGHT), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
        pictures.append((time, drawn))
    return write_tracks(path, pictures=pictures, tracks=[] if sound is None else [[(0.0, sound)]])


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The attributes of the face at rest."""
    return describe_clip(write_head(tmp_path_factory.mktemp("still") / "a.mkv"), threads=1)


def test_a_face_at_rest_does_not_move(still: dict[str, float]) -> None:
    assert set(still) == PICTURE_COLUMNS
    assert still["head_speed"] < 0.03
    assert still["head_roll_sd"] < 1
    assert still["head_turn_sd"] < 0.03
    assert still["head_nod_sd"] < 0.03


@pytest.mark.parametrize("speed", [20, 60])
def test_speed_is_that_of_the_face(speed: float, tmp_path: Path) -> None:
    found = describe_clip(write_head(tmp_path / "a.mkv", left=lambda time: 150 + speed * time), threads=1)
    assert found["head_speed"] == pytest.approx(speed / found["face_width"], rel=0.1)
    assert found["face_share"] == pytest.approx(found["face_width"] ** 2 / (WIDTH * HEIGHT), rel=0.05)


@pytest.mark.parametrize("roll", [-20, 15])
def test_roll_is_the_angle_of_the_picture(roll: float, still: dict[str, float], tmp_path: Path) -> None:
    found = describe_clip(write_head(tmp_path / "a.mkv", roll=lambda time: roll), threads=1)
    assert found["head_roll_mean"] - still["head_roll_mean"] == pytest.approx(roll, abs=1.5)


def test_tilting_to_and_fro_is_in_the_deviation(still: dict[str, float], tmp_path: Path) -> None:
    found = describe_clip(write_head(tmp_path / "a.mkv", roll=lambda time: 15 * np.sin(2 * np.pi * time)), threads=1)
    assert found["head_roll_sd"] == pytest.approx(15 / 2**0.5, rel=0.1)
    assert found["head_roll_mean"] == pytest.approx(still["head_roll_mean"], abs=1.5)


def test_the_mirrored_face_turns_the_other_way(still: dict[str, float], tmp_path: Path) -> None:
    found = describe_clip(write_head(tmp_path / "a.mkv", mirrored=True), threads=1)
    assert still["head_turn_mean"] > 0.08
    assert found["head_turn_mean"] == pytest.approx(-still["head_turn_mean"], abs=0.04)


@pytest.mark.parametrize("luma", [20, 128, 230])
def test_background_is_what_was_painted(luma: int, tmp_path: Path) -> None:
    found = describe_clip(write_head(tmp_path / "a.mkv", background=luma), threads=1)
    assert found["background_luma"] == pytest.approx(luma, abs=1.5)


def test_each_part_is_described_alone(tmp_path: Path) -> None:
    voice, _ = synthesize_voice(Voice("female", 40, 0, 0, 0), SECONDS, np.random.default_rng(1))
    heard = describe_clip(write_head(tmp_path / "voice.mkv", sound=voice), threads=1)
    assert {*heard} >= {*PICTURE_COLUMNS, *ATTRIBUTE_TABLES["speech"], *ATTRIBUTE_TABLES["prosody"]}
    assert heard["speech_seconds"] == pytest.approx(heard["speech_share"] * len(voice) / RATE, rel=0.01)
    noisy = describe_clip(write_head(tmp_path / "noise.mkv", sound=noise(SECONDS)), threads=1)
    assert set(noisy) == PICTURE_COLUMNS
    grey = [(time, np.full((HEIGHT, WIDTH, 3), 90, np.uint8)) for time in np.arange(0, SECONDS, 1 / FPS).tolist()]
    faceless = write_tracks(tmp_path / "faceless.mkv", pictures=grey, tracks=[[(0.0, voice)]])
    assert set(describe_clip(faceless, threads=1)) == set(heard) - PICTURE_COLUMNS
