"""Which videos are predicted: files, the videos of folders, and the parts that long ones are divided into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from personality.constants import LIMITS
from personality.preprocessing.media import LENGTH_TOLERANCE_SECONDS, measure_duration
from personality.preprocessing.media_errors import PREDICTED_SUFFIXES, MediaError
from personality.preprocessing.still import STILL_IMAGE_SUFFIXES
from personality.preprocessing.streams import TimeSpan

DEFAULT_WINDOW_SECONDS = 30.0  # of a video that is too long to be one clip; Whisper reads 30 s at a time
MIN_WINDOW_SECONDS = 5.0  # what the audio models read


class VideoFile(NamedTuple):
    """A video file, and what its clip is called."""

    clip: str
    file: Path


class VideoPart(NamedTuple):
    """What is predicted as one clip: a file, or a part of it."""

    clip: str
    file: Path
    span: TimeSpan | None = None

    @property
    def key(self) -> tuple[str, float | None]:
        """The name of the clip as it is printed, and the start of the part in seconds."""
        return printable(self.clip), self.span and self.span.start


def printable(name: str) -> str:
    """A name of a file that can be printed and stored: bytes that are not UTF-8 become question marks."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def find_videos(paths: Sequence[Path]) -> list[VideoFile]:
    """The files among `paths`, and all videos and sound files in the folders among them.

    A clip is called by its file's name, one in a folder by its path within that folder; where two would be called the
    same, by the path as given. Raises ValueError for a folder without videos.
    """
    found = [
        video for path in paths for video in (_find_in_folder(path) if path.is_dir() else [VideoFile(path.name, path)])
    ]
    names = [video.clip for video in found]
    named = [video if names.count(video.clip) == 1 else VideoFile(str(video.file), video.file) for video in found]
    return list({video.clip: video for video in named}.values())  # the same file given twice is one clip


def _find_in_folder(folder: Path) -> list[VideoFile]:
    """Hidden files are left out: some systems write one beside each video."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in PREDICTED_SUFFIXES and file.is_file())
    found = [VideoFile(file.relative_to(folder).as_posix(), file) for file in files if not file.name.startswith(".")]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in PREDICTED_SUFFIXES)
        raise ValueError(f"There is no video in {folder}; expected files that end in {kinds}.")
    return found


def plan_parts(
    videos: Sequence[VideoFile], *, start: float = 0.0, end: float | None = None, window: float | None = None
) -> list[VideoPart]:
    """What is predicted of some videos.

    Parameters
    ----------
    videos : sequence of VideoFile
        What `find_videos` gives.
    start, end : float
        Seconds of each video between which it is predicted; by default all of it.
    window : float, optional
        Seconds of the windows that a video is divided into; by default it is one clip, if it is not too long for that,
        and else has windows of DEFAULT_WINDOW_SECONDS.

    Returns
    -------
    list of VideoPart
        At least one per video; a file that cannot be opened is a part too, whose prediction reports the error.

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
    """Windows from `start` to `end`, in seconds; a last one that would be shorter than half of the others is added to
    the one before, if that leaves it short enough for a clip, and is else left out."""
    starts = [start]
    while end - starts[-1] >= 1.5 * window:
        starts.append(round(starts[-1] + window, 3))
    ends = [*starts[1:], min(end, starts[-1] + min(1.5 * window, LIMITS.seconds))]
    return [TimeSpan(one, round(other, 3)) for one, other in zip(starts, ends, strict=True)]


def file_signature(file: Path) -> str:
    """What tells a file from a changed one."""
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}-{status.st_mtime_ns}"
