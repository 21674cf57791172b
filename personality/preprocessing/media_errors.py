"""Files that cannot be used: how that is said, and what can be told before anything is decoded."""

from __future__ import annotations

from pathlib import Path

from personality.constants import LIMITS

OUT_OF_MEMORY_MESSAGE = "Reading this file takes more memory than it may. Make its picture smaller first."

MediaSource = Path | bytes


class MediaError(ValueError):
    """A file that cannot be used; the message is one sentence for the person who brought it."""


def check_media_exists(path: Path) -> None:
    """Raise MediaError where there is no such file."""
    if path.is_dir():
        raise MediaError(f"{path} is a folder; name a video in it.")
    if not path.is_file():
        raise MediaError(f"There is no file {path}; check the path.")


def check_picture_size(width: int, height: int) -> None:
    """Raise MediaError for a picture of no pixels, or of more than may be decoded."""
    if width < 1 or height < 1:
        raise MediaError(f"This file says its picture is {width}x{height}; it is damaged. Convert it to mp4.")
    if width * height > LIMITS.pixels:
        most = f"{LIMITS.width}x{LIMITS.height}"
        raise MediaError(f"This picture is {width}x{height}; at most {most} pixels are read, make it smaller first.")
