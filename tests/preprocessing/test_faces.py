"""Tracking of a face over frames, on portraits of computer-made people pasted into larger frames."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from personality.preprocessing.faces import FaceFinder, compute_likeness
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import open_media


@pytest.fixture(scope="module")
def portraits(people: Path) -> list[np.ndarray]:
    """Portraits of two people, 256x256 RGB."""
    shown = []
    for clip in sorted(people.rglob("*.000.mp4"))[:2]:
        with open_media(clip) as video:
            shown.append(next(video.frames()).picture())
    return shown


def frame(*placed: tuple[np.ndarray, int, int, float], time: float = 0.0) -> Frame:
    """Return a 1280x720 frame with portraits, each with its left and top position and its scale."""
    picture = np.full((720, 1280, 3), 90, np.uint8)
    for portrait, left, top, scale in placed:
        large = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture[top : top + len(large), left : left + len(large)] = large
    return Frame(time, av.VideoFrame.from_ndarray(picture, format="rgb24"))


def middle(box: tuple[int, int, int, int]) -> np.ndarray:
    return np.array([box[0] + box[2], box[1] + box[3]]) / 2


def test_face_is_found_at_last_place_and_after_a_jump(portraits: list[np.ndarray]) -> None:
    finder = FaceFinder()
    first = finder.find(frame((portraits[0], 100, 100, 1.0)))
    moved = finder.find(frame((portraits[0], 140, 110, 1.0)))
    jumped = finder.find(frame((portraits[0], 900, 400, 1.2)))
    assert first and moved and jumped
    np.testing.assert_allclose(middle(moved.box) - middle(first.box), (40, 10), atol=6)
    np.testing.assert_allclose(middle(jumped.box), (middle(first.box) - 100) * 1.2 + (900, 400), atol=8)


def test_crop_is_independent_of_search_area(portraits: list[np.ndarray]) -> None:
    shown = frame((portraits[0], 300, 200, 1.5))
    finder = FaceFinder()
    anywhere, near = finder.find(shown), finder.find(shown)
    assert anywhere and near
    assert np.abs(middle(anywhere.box) - middle(near.box)).max() < 4
    assert np.abs(anywhere.crop.astype(int) - near.crop).mean() < 6


def test_finder_follows_its_person_when_a_larger_face_appears(portraits: list[np.ndarray]) -> None:
    finder = FaceFinder()
    alone = finder.find(frame((portraits[0], 50, 300, 1.0)))
    both = frame((portraits[0], 50, 300, 1.0), (portraits[1], 500, 50, 2.0))
    beside = finder.find(both)
    fresh = FaceFinder().find(both)
    assert alone and beside and fresh
    assert np.abs(middle(alone.box) - middle(beside.box)).max() < 6
    assert middle(fresh.box)[0] > 500


def test_a_small_face_is_found_at_twice_the_size(portraits: list[np.ndarray]) -> None:
    """A face of about 60 pixels in a frame that is searched at half its size; the detector's window has 80."""
    found = FaceFinder().find(frame((portraits[0], 600, 300, 0.5)))
    assert found
    assert 45 < found.box[2] - found.box[0] < 90


def test_frame_without_face_gives_none_also_after_a_face(portraits: list[np.ndarray]) -> None:
    finder = FaceFinder()
    assert finder.find(frame()) is None
    assert finder.find(frame((portraits[0], 100, 100, 1.0)))
    assert finder.find(frame()) is None


def test_a_face_at_the_edge_keeps_its_box_within_the_frame(portraits: list[np.ndarray]) -> None:
    cut = portraits[0][:, 60:]
    picture = np.full((720, 1280, 3), 90, np.uint8)
    picture[: len(cut), : cut.shape[1]] = cut
    found = FaceFinder().find(Frame(0.0, av.VideoFrame.from_ndarray(picture, format="rgb24")))
    assert found
    assert min(found.box) >= 0
    assert found.crop.shape == (224, 224, 3)


def test_all_faces_come_from_left_to_right_and_the_largest_are_kept(portraits: list[np.ndarray]) -> None:
    both = frame((portraits[0], 50, 300, 1.0), (portraits[1], 500, 50, 2.0))
    small, large = FaceFinder().find_all(both, 8)
    assert middle(small.box)[0] < 400 < middle(large.box)[0]
    assert [one.box for one in FaceFinder().find_all(both, 1)] == [large.box]


def test_likeness_tells_two_people_apart_and_not_two_sizes_of_one(portraits: list[np.ndarray]) -> None:
    finder = FaceFinder()
    one, larger, other = (
        finder.find_all(frame((portraits[number], 300, 100, scale)), 1)[0]
        for number, scale in ((0, 1.0), (0, 1.6), (1, 1.0))
    )
    first, second, third = (compute_likeness(face.crop) for face in (one, larger, other))
    assert np.linalg.norm(first - second) < 0.3
    assert np.linalg.norm(first - third) > 0.4
