"""Faces in a few pictures of a live camera."""

import io

import numpy as np
import pytest
from PIL import Image

from personality.assets import demo
from personality.preprocessing.faces import FaceFinder
from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.snapshots import SNAPSHOT_LIMITS, find_faces_in_snapshots, pack_snapshots

BLACK = np.zeros((256, 256, 3), np.uint8)


def snapshot(picture: np.ndarray) -> bytes:
    """A picture as JPEG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG")
    return out.getvalue()


def first_picture() -> np.ndarray:
    """The first frame of the practice sample, 256x256 RGB."""
    with open_media(demo.DEMO_CLIP_FILE) as video:
        return next(video.frames()).picture()


def test_each_face_has_the_index_of_its_picture() -> None:
    person = first_picture()
    moved = np.roll(person, 8, axis=1)
    faces = list(find_faces_in_snapshots(pack_snapshots([snapshot(one) for one in (person, BLACK, moved)])))
    assert [face.time for face in faces] == [0.0, 2.0]
    assert faces[1].box[0] - faces[0].box[0] == pytest.approx(8, abs=3)


def test_the_box_is_that_of_the_frame() -> None:
    with open_media(demo.DEMO_CLIP_FILE) as video:
        expected = FaceFinder().find(next(video.frames()))
    (face,) = find_faces_in_snapshots(pack_snapshots([snapshot(first_picture())]))
    assert expected is not None
    assert face.box == pytest.approx(expected.box, abs=2)  # the picture was compressed again


def test_pictures_without_a_face_have_no_box() -> None:
    assert list(find_faces_in_snapshots(pack_snapshots([snapshot(BLACK)] * 3))) == []
    assert list(find_faces_in_snapshots(pack_snapshots([]))) == []


def test_too_many_or_too_large_pictures_are_refused() -> None:
    with pytest.raises(MediaError, match="17 pictures"):
        pack_snapshots([b""] * (SNAPSHOT_LIMITS.pictures + 1))
    with pytest.raises(MediaError, match="25,001 bytes"):
        pack_snapshots([bytes(SNAPSHOT_LIMITS.picture_bytes + 1)])
    with pytest.raises(MediaError, match="641 x 2 pixels"):
        list(find_faces_in_snapshots(pack_snapshots([snapshot(np.zeros((2, 641, 3), np.uint8))])))


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff damaged"])
def test_what_is_not_a_picture_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        list(find_faces_in_snapshots(pack_snapshots([data])))
