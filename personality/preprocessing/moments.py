"""Search for faces at moments of a clip that are evenly spaced over the picture."""

from __future__ import annotations

from collections.abc import Iterator

from personality.constants import PREPROCESSING
from personality.preprocessing.faces import Face
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import StillImage, Video
from personality.preprocessing.people import MIN_CERTAIN_SCORE, PeopleTracker

MAX_FACELESS_FRAMES = 40  # after this many frames without a face, only one frame per moment is searched
FACE_RETRY_SECONDS = 0.1  # seconds from a frame without a face to the next one searched; heads turn more slowly


def track_people(video: Video | StillImage, tracker: PeopleTracker) -> Iterator[Face]:
    """Pass a frame for each of K evenly spaced moments of the picture to the tracker, and yield the faces found.

    For each moment, it is the first frame with a face that starts between this moment and the next; frames are
    searched every FACE_RETRY_SECONDS. If one frame is shown all that time, it is used.
    """
    count, (first, last) = PREPROCESSING.faces, video.picture_span
    starts = [first + (k + 0.5) * (last - first) / count for k in range(count)]
    k, misses, rests = 0, 0, 0.0
    for frame, until in _with_ends(video.frames(), last):
        while k + 1 < count and frame.time >= starts[k + 1]:
            k += 1
        covered = sum(until >= end for end in [*starts[k + 1 :], last])
        if frame.time < rests or (frame.time < starts[k] and not covered):
            continue
        face = tracker.find(frame, max(covered, 1))
        if face:
            yield face
        else:
            misses, rests = misses + 1, frame.time + FACE_RETRY_SECONDS
        if face or misses > MAX_FACELESS_FRAMES:
            k += max(covered, 1)
        if k >= count:
            return


def hold_until_certain(faces: Iterator[Face]) -> Iterator[Face]:
    """Yield faces as soon as one of them is certain. Some frames of a real face in bad light have scores near 0, but
    patterns that are not faces never have high scores."""
    held: list[Face] = []
    certain = False
    for face in faces:
        held.append(face)
        certain = certain or face.score >= MIN_CERTAIN_SCORE
        if certain:
            yield from held
            held.clear()


def _with_ends(frames: Iterator[Frame], last: float) -> Iterator[tuple[Frame, float]]:
    """Yield each frame and the time until which it is shown: the time of the next frame, or the end of the picture."""
    before = next(frames, None)
    while before is not None:
        after = next(frames, None)
        yield before, last if after is None else after.time
        before = after
