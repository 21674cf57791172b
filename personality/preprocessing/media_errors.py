"""Files that cannot be used: how that is reported, and what can be checked before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from personality.constants import LIMITS

OUT_OF_MEMORY_MESSAGE = "Reading this file takes more memory than it may. Make its picture smaller first."
VIDEO_SUFFIXES = (
    *(".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".flv"),
    *(".3gp", ".gif"),
)
SOUND_SUFFIXES = (".wav", ".mp3", ".m4a")  # of which voice and words can be predicted
MEDIA_SUFFIXES = VIDEO_SUFFIXES + SOUND_SUFFIXES

MediaSource = Path | bytes


class MediaError(ValueError):
    """A file that cannot be used; the message is one sentence for the user."""


@contextmanager
def convert_ffmpeg_errors() -> Iterator[None]:
    """Whatever FFmpeg raises in the block becomes MediaError: damaged files make a decoder raise nearly anything."""
    try:
        yield
    except MediaError:
        raise
    except MemoryError as error:
        raise MediaError(OUT_OF_MEMORY_MESSAGE) from error
    except PermissionError as error:
        raise MediaError(f"{error.filename} may not be read; check its permissions.") from error
    except Exception as error:
        kinds = ", ".join(suffix[1:] for suffix in MEDIA_SUFFIXES)
        raise MediaError(
            f"This file cannot be read as a video; expected {kinds}, complete and not encrypted."
        ) from error


def check_media_exists(path: Path) -> None:
    """Raise MediaError where there is no such file."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder; name a video in it.")
    if not path.is_file():
        raise MediaError(f"There is no file {path}; check the path.")


def check_picture_size(width: int, height: int) -> None:
    """Raise MediaError for a picture of no pixels, or of more than may be decoded."""
    if width < 1 or height < 1:
        raise MediaError(
            f"The picture of this file is {width}x{height} by its header, which is damaged; convert it to mp4."
        )
    if width * height > LIMITS.pixels:
        most = f"{LIMITS.width}x{LIMITS.height}"
        raise MediaError(f"This picture is {width}x{height}; at most {most} pixels are read, make it smaller first.")
