"""Find the face in each of a few small pictures of a live camera, which arrive together, packed in one file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from personality.preprocessing.faces import Face, FaceFinder
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import StillImage
from personality.preprocessing.media_errors import MediaError, MediaSource
from personality.preprocessing.moments import hold_until_certain
from personality.preprocessing.still import read_still

PICTURE_SIZE_STRUCT = struct.Struct("!I")  # bytes of the picture that follows


@dataclass(frozen=True)
class SnapshotLimits:
    """Upper limits of the pictures that are searched at once."""

    pictures: int = 16
    side: int = 640  # pixels
    picture_bytes: int = 25_000


SNAPSHOT_LIMITS = SnapshotLimits()


def pack_snapshots(pictures: Sequence[bytes]) -> bytes:
    """Pack JPEG or PNG files into one file, each after its size in bytes.

    Raises
    ------
    MediaError
        There are more pictures than SNAPSHOT_LIMITS allows, or one has more bytes.
    """
    largest = max(map(len, pictures), default=0)
    if len(pictures) > SNAPSHOT_LIMITS.pictures or largest > SNAPSHOT_LIMITS.picture_bytes:
        raise MediaError(
            f"{len(pictures)} pictures of up to {largest:,} bytes; expected at most {SNAPSHOT_LIMITS.pictures} of "
            f"{SNAPSHOT_LIMITS.picture_bytes:,} bytes."
        )
    return b"".join(PICTURE_SIZE_STRUCT.pack(len(picture)) + picture for picture in pictures)


def find_faces_in_snapshots(source: MediaSource) -> Iterator[Face]:
    """Yield the face in each picture of a file made by `pack_snapshots`.

    Parameters
    ----------
    source : MediaSource
        Successive pictures of one camera, by which a face is followed from one to the next.

    Yields
    ------
    Face
        `time` is the index of its picture. Pictures without a face are left out; so are all of them if no face is
        certain, see `moments.hold_until_certain`.

    Raises
    ------
    MediaError
        A picture cannot be decoded, or is larger than SNAPSHOT_LIMITS allows.
    """
    packed = source if isinstance(source, bytes) else source.read_bytes()
    finder = FaceFinder()
    found = (finder.find(frame) for frame in _unpack_frames(packed))
    yield from hold_until_certain(face for face in found if face is not None)


def _unpack_frames(packed: bytes) -> Iterator[Frame]:
    start, number = 0, 0
    while start < len(packed) and number < SNAPSHOT_LIMITS.pictures:
        (size,) = PICTURE_SIZE_STRUCT.unpack_from(packed, start)
        start += PICTURE_SIZE_STRUCT.size
        yield replace(_decode_snapshot(packed[start : start + size]), time=float(number))
        start, number = start + size, number + 1


def _decode_snapshot(data: bytes) -> Frame:
    picture = read_still(data)
    if picture is None:
        raise MediaError("A picture of the camera is neither JPEG nor PNG.")
    if max(picture.shape[:2]) > SNAPSHOT_LIMITS.side:
        height, width = picture.shape[:2]
        raise MediaError(
            f"A picture of the camera has {width} x {height} pixels; at most {SNAPSHOT_LIMITS.side} per side are read."
        )
    return next(StillImage(picture).frames())
