"""Whose face is whose: scenes of several people who do not exist, made of clips in which they speak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sample import Sample, read_clip_updates, read_sample_of_each_person
from tests.preprocessing.clips import write_tracks

WIDTH, HEIGHT, SIDE, FPS, SECONDS = 640, 360, 256, 10, 4.0
Place = tuple[float, float, float]  # left, top and scale of a portrait
Layer = tuple[int, Callable[[float], Place | None], bool]  # who, where at a time, and whether the picture moves


@pytest.fixture(scope="module")
def portraits(people: Path) -> list[list[np.ndarray]]:
    """The frames of four people, 256x256 RGB, 10 a second."""
    shown = []
    for clip in sorted(people.rglob("*.000.mp4"))[:4]:
        with open_media(clip) as video:
            shown.append([frame.picture() for frame in video.frames()])
    return shown


def at(left: float, top: float, scale: float) -> Callable[[float], Place | None]:
    """Always there."""
    return lambda time: (left, top, scale)


def during(start: float, end: float, place: Place) -> Callable[[float], Place | None]:
    """There between two times."""
    return lambda time: place if start <= time < end else None


def shots(first: bool) -> Callable[[float], Place | None]:
    """In the middle in every other second, beginning with the first or the second."""
    return lambda time: (190, 40, 1.0) if (int(time) % 2 == 0) is first else None


def walk(left: float, right: float) -> Callable[[float], Place | None]:
    """From one side to the other."""
    return lambda time: (left + (right - left) * time / SECONDS, 90, 0.8)


def write_scene(path: Path, portraits: list[list[np.ndarray]], layers: list[Layer]) -> Path:
    """A video of a scene; later layers are in front."""
    pictures = []
    for number in range(round(SECONDS * FPS)):
        canvas = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        for who, where, moves in layers:
            place = where(number / FPS)
            if place is not None:
                _paste(canvas, portraits[who][number if moves else 0], place)
        pictures.append((number / FPS, canvas))
    return write_tracks(path, pictures=pictures)


def _paste(canvas: np.ndarray, portrait: np.ndarray, place: Place) -> None:
    left, top, side = round(place[0]), round(place[1]), round(SIDE * place[2])
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    right, bottom = min(left + side, WIDTH), min(top + side, HEIGHT)
    canvas[max(top, 0) : bottom, max(left, 0) : right] = small[
        max(-top, 0) : bottom - top, max(-left, 0) : right - left
    ]


def is_followed(sample: Sample, where: Callable[[float], Place | None]) -> bool:
    """Whether every face of the sample is within the portrait's place at its time, and there are some."""
    for time, box in zip(sample.times.tolist(), sample.boxes.tolist(), strict=True):
        place = where(time)
        middle = (box[0] + box[2]) / 2
        if place is None or not place[0] < middle < place[0] + SIDE * place[2]:
            return False
    return len(sample.faces) >= 4


def read(path: Path, person: PersonChoice = "largest") -> Sample:
    *_, sample = read_clip_updates(path, threads=1, person=person)
    assert isinstance(sample, Sample)
    return sample


# Who is followed by default, and how many people are reported.
SCENES: dict[str, tuple[list[Layer], int, int]] = {
    "alone": ([(0, at(180, 50, 1.0), True)], 0, 1),
    "the larger of two": ([(0, at(10, 120, 0.7), True), (1, at(330, 50, 1.1), True)], 1, 2),
    "a larger picture on the wall": ([(1, at(340, 30, 1.1), False), (0, at(20, 110, 0.8), True)], 1, 2),
    "two pictures on the wall": (
        [(1, at(390, 20, 0.9), False), (2, at(10, 10, 0.6), False), (0, at(190, 130, 0.8), True)], 2, 3
    ),
    "alternating shots": ([(0, shots(True), True), (1, shots(False), True)], 0, 2),
    "alternating shots with more of the second": (
        [(0, during(1.0, 2.0, (190, 40, 1.0)), True), (1, during(0.0, 1.0, (150, 40, 1.0)), True),
         (1, during(2.0, 4.0, (190, 40, 1.0)), True)], 1, 2
    ),
    "a larger one enters late": ([(0, at(20, 80, 0.9), True), (1, during(3.0, 4.0, (330, 40, 1.1)), True)], 0, 2),
    "the first leaves": ([(0, during(0.0, 1.2, (20, 80, 0.9)), True), (1, at(330, 80, 0.9), True)], 1, 2),
    "crossing": ([(0, walk(0, 400), True), (1, walk(430, 20), True)], 1, 2),
    "walking alone": ([(0, walk(0, 400), True)], 0, 1),
    "a jump cut of one": (
        [(0, during(0.0, 2.0, (10, 60, 0.9)), True), (0, during(2.0, 4.0, (350, 40, 1.1)), True)], -1, 1
    ),
    "three": ([(0, at(0, 150, 0.7), True), (1, at(200, 50, 1.0), True), (2, at(460, 150, 0.7), True)], 1, 3),
}  # fmt: skip


TRIALS_ONLY = (  # half of the scenes; each needs seconds
    "two pictures on the wall",
    "alternating shots with more of the second",
    "a larger one enters late",
    "the first leaves",
    "walking alone",
    "three",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.trial) if name in TRIALS_ONLY else name for name in SCENES]
)
def test_the_right_person_is_followed(name: str, portraits: list[list[np.ndarray]], tmp_path: Path) -> None:
    layers, followed, count = SCENES[name]
    sample = read(write_scene(tmp_path / "scene.mkv", portraits, layers))
    noted = [note for note in sample.warnings if "people were found" in note]
    assert [note.split()[0] for note in noted] == ([str(count)] if count > 1 else [])
    who = layers[followed][0]
    anywhere = [where for number, where, _ in layers if number == who]
    assert is_followed(sample, lambda time: next(filter(None, (where(time) for where in anywhere)), None))


def test_a_number_or_who_speaks_can_be_chosen(portraits: list[list[np.ndarray]], tmp_path: Path) -> None:
    left, right = at(10, 120, 0.7), at(330, 50, 1.1)
    scene = write_scene(tmp_path / "scene.mkv", portraits, [(0, left, True), (1, right, False)])
    assert is_followed(read(scene, 1), left)
    assert is_followed(read(scene, 2), right)
    assert is_followed(read(scene, "speaking"), left)
    with pytest.raises(MediaError, match="no person 3"):
        read(scene, 3)


@pytest.mark.parametrize("turns", [1, *(pytest.param(more, marks=pytest.mark.trial) for more in (2, 3))])
def test_a_picture_in_which_heads_are_not_upright_is_turned(
    turns: int, portraits: list[list[np.ndarray]], tmp_path: Path
) -> None:
    pictures = [np.full((SIDE, 400, 3), 90, np.uint8) for _ in range(20)]
    for picture, portrait in zip(pictures, portraits[0], strict=False):
        picture[:, 20 : 20 + SIDE] = portrait
    upright = write_tracks(tmp_path / "a.mkv", pictures=[(n / FPS, one) for n, one in enumerate(pictures)])
    turned = write_tracks(
        tmp_path / "b.mkv", pictures=[(n / FPS, np.rot90(one, turns).copy()) for n, one in enumerate(pictures)]
    )
    expected, found = read(upright), read(turned)
    assert len(found.faces) == len(expected.faces)
    assert np.abs(found.faces.astype(int) - expected.faces).mean() < 8
    assert any("turned by" in note for note in found.warnings)
    assert not any("turned by" in note for note in expected.warnings)
    left, top, right, bottom = expected.boxes[0].tolist()
    sides = {
        1: (top, 399 - right, bottom, 399 - left),
        2: (399 - right, 255 - bottom, 399 - left, 255 - top),
        3: (255 - bottom, left, 255 - top, right),
    }
    assert found.boxes[0].tolist() == pytest.approx(sides[turns], abs=8)


def test_each_person_is_a_sample_with_the_same_sound(portraits: list[list[np.ndarray]], tmp_path: Path) -> None:
    places = [at(10, 120, 0.7), at(330, 50, 1.1)]
    scene = write_scene(tmp_path / "scene.mkv", portraits, [(0, places[0], True), (1, places[1], True)])
    first, second = read_sample_of_each_person(scene, threads=1)
    assert is_followed(first, places[0])
    assert is_followed(second, places[1])
    np.testing.assert_array_equal(first.audio, second.audio)
    assert all("2 people were found" in sample.warnings for sample in (first, second))
