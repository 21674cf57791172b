"""The moments of a clip at which faces are looked for, spread evenly over the picture."""

from __future__ import annotations

from collections.abc import Iterator

from personality.constants import PREPROCESSING
from personality.preprocessing.faces import Face
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import StillImage, Video
from personality.preprocessing.people import MIN_CERTAIN_SCORE, PeopleTracker

MAX_FACELESS_FRAMES = 40  # after this many frames without a face, only one frame per moment is searched
FACE_RETRY_SECONDS = 0.1  # seconds after a frame without a face until the next is looked at: a head turns no faster


def track_people(video: Video | StillImage, tracker: PeopleTracker) -> Iterator[Face]:
    """Show a frame for each of K moments, spread evenly over the picture, to the tracker; the face found in it.

    It is the first with a face that begins between the moment and the next, looking every FACE_RETRY_SECONDS;
    where a frame is shown all that time, it is that frame.
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
    """Pass on faces once one of them is certain. Of a real face in bad light some frames score near 0; patterns never
    score high."""
    held: list[Face] = []
    certain = False
    for face in faces:
        held.append(face)
        certain = certain or face.score >= MIN_CERTAIN_SCORE
        if certain:
            yield from held
            held.clear()


def _with_ends(frames: Iterator[Frame], last: float) -> Iterator[tuple[Frame, float]]:
    """Each frame, and until when it is shown: until the next, the last one until the end of the picture."""
    before = next(frames, None)
    while before is not None:
        after = next(frames, None)
        yield before, last if after is None else after.time
        before = after
