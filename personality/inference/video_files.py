"""Find the videos to predict in files and folders, and divide long videos into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from personality.constants import LIMITS, PREDICTED_SUFFIXES
from personality.preprocessing.media import LENGTH_TOLERANCE_SECONDS, measure_duration
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.still import STILL_IMAGE_SUFFIXES
from personality.preprocessing.streams import TimeSpan

DEFAULT_WINDOW_SECONDS = 30.0  # seconds; for videos that are too long for one clip; Whisper processes 30 s at a time
MIN_WINDOW_SECONDS = 5.0  # seconds; length of the input of the audio models


class VideoFile(NamedTuple):
    """A video file and the name of its clip."""

    clip: str
    file: Path


class VideoPart(NamedTuple):
    """A file, or a part of it, that is predicted as one clip."""

    clip: str
    file: Path
    span: TimeSpan | None = None

    @property
    def key(self) -> tuple[str, float | None]:
        """Return the printable name of the clip, and the start of the part in seconds."""
        return printable(self.clip), self.span and self.span.start


def printable(name: str) -> str:
    """Return a file name that can be printed and stored: bytes that are not UTF-8 are replaced."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def find_videos(paths: Sequence[Path]) -> list[VideoFile]:
    """Return the files among `paths`, and all videos and sound files in the folders among them.

    The name of a clip is the name of its file, or its path within a folder. Clips that would have the same name are
    named after the path as it was passed. Raises ValueError for a folder without videos.
    """
    found = [
        video for path in paths for video in (_find_in_folder(path) if path.is_dir() else [VideoFile(path.name, path)])
    ]
    names = [video.clip for video in found]
    named = [video if names.count(video.clip) == 1 else VideoFile(str(video.file), video.file) for video in found]
    return list({video.clip: video for video in named}.values())  # a file that is passed twice is one clip


def _find_in_folder(folder: Path) -> list[VideoFile]:
    """Return the videos in a folder without hidden files, which some systems write next to each video."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in PREDICTED_SUFFIXES and file.is_file())
    found = [VideoFile(file.relative_to(folder).as_posix(), file) for file in files if not file.name.startswith(".")]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in PREDICTED_SUFFIXES)
        raise ValueError(f"There is no video in {folder}; expected files that end in {kinds}.")
    return found


def plan_parts(
    videos: Sequence[VideoFile], *, start: float = 0.0, end: float | None = None, window: float | None = None
) -> list[VideoPart]:
    """Divide videos into the parts to predict.

    Parameters
    ----------
    videos : sequence of VideoFile
        As `find_videos` returns them.
    start, end : float
        Start and end in seconds of the part of each video to predict; by default all of it.
    window : float, optional
        Length in seconds of the windows into which a video is divided; by default a video is one clip, or is divided
        into windows of DEFAULT_WINDOW_SECONDS if it is too long for that.

    Returns
    -------
    list of VideoPart
        At least one per video; a file that cannot be opened is included, and its prediction reports the error.

    Raises
    ------
    ValueError
        The window is too short or too long, or `end` is not after `start`.
    """
    if window is not None and not MIN_WINDOW_SECONDS <= window <= LIMITS.seconds:
        raise ValueError(
            f"A window of {window:g} s was asked for; expected {MIN_WINDOW_SECONDS:g} to {LIMITS.seconds:g} s."
        )
    if start < 0 or (end is not None and end <= start):
        raise ValueError(f"Expected a start of at least 0 s and an end after it; received {start:g} and {end} s.")
    return [part for video in videos for part in _plan_video(video, start, end, window)]


def _plan_video(video: VideoFile, start: float, end: float | None, window: float | None) -> Iterator[VideoPart]:
    whole = VideoPart(*video)
    if video.file.suffix.lower() in STILL_IMAGE_SUFFIXES:
        yield whole
        return
    try:
        duration = measure_duration(video.file)
    except (MediaError, OSError):
        yield whole
        return
    last = duration if end is None else min(end, duration)
    is_short = last - start <= LIMITS.seconds + LENGTH_TOLERANCE_SECONDS
    if window is None and is_short:
        yield whole if (start, last) == (0.0, duration) else VideoPart(*video, TimeSpan(start, max(last, start)))
        return
    for span in divide_into_windows(start, last, window or DEFAULT_WINDOW_SECONDS):
        yield VideoPart(*video, span)


def divide_into_windows(start: float, end: float, window: float) -> list[TimeSpan]:
    """Return windows from `start` to `end`, in seconds. A last window shorter than half of the others is merged into
    the one before, which is cut at the limit of length of a clip."""
    starts = [start]
    while end - starts[-1] >= 1.5 * window:
        starts.append(round(starts[-1] + window, 3))
    ends = [*starts[1:], min(end, starts[-1] + min(1.5 * window, LIMITS.seconds))]
    return [TimeSpan(one, round(other, 3)) for one, other in zip(starts, ends, strict=True)]


def file_signature(file: Path) -> str:
    """Return the size and modification time of a file, by which changes are recognized."""
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}-{status.st_mtime_ns}"
