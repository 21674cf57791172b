"""Errors of media files, and checks that are made before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from personality.constants import LIMITS, PREDICTED_SUFFIXES

OUT_OF_MEMORY_MESSAGE = "Reading this file requires more memory than allowed. Reduce its resolution first."

MediaSource = Path | bytes


class MediaError(ValueError):
    """A file that cannot be used; the message is one sentence for the user."""


@contextmanager
def convert_ffmpeg_errors() -> Iterator[None]:
    """Convert any exception in the block to MediaError, because decoders raise many types for damaged files."""
    try:
        yield
    except MediaError:
        raise
    except MemoryError as error:
        raise MediaError(OUT_OF_MEMORY_MESSAGE) from error
    except PermissionError as error:
        raise MediaError(f"{error.filename} cannot be read; check its permissions.") from error
    except Exception as error:
        kinds = ", ".join(suffix[1:] for suffix in PREDICTED_SUFFIXES)
        raise MediaError(
            f"This file cannot be read as a video; expected {kinds}, complete and not encrypted."
        ) from error


def check_media_exists(path: Path) -> None:
    """Raise MediaError if there is no such file."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder; expected a video.")
    if not path.is_file():
        raise MediaError(f"There is no file {path}; check the path.")


def check_picture_size(width: int, height: int) -> None:
    """Raise MediaError if a picture has no pixels, or more than LIMITS allows to decode."""
    if width < 1 or height < 1:
        raise MediaError(
            f"The header of this file is damaged: it states a picture of {width}x{height}; convert the file to mp4."
        )
    if width * height > LIMITS.pixels:
        most = f"{LIMITS.width}x{LIMITS.height}"
        raise MediaError(f"This picture is {width}x{height}; expected at most {most} pixels; reduce its resolution.")
