"""Read still pictures: JPEG and PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from personality.preprocessing.media_errors import MediaError, MediaSource, check_media_exists, check_picture_size

STILL_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
STILL_IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG")
PHOTO_BRANDS = ("heic", "heix", "mif1", "avif")  # major brands of files that contain photos


def refuse_tiled_photo(brand: str, pictures: int) -> None:
    """Raise MediaError for a photo of several pictures, of which FFmpeg would give one as the whole."""
    if brand in PHOTO_BRANDS and pictures > 1:
        raise MediaError("This photo is stored as tiles, like most of phones, which cannot be read; save it as JPEG.")


def read_still(source: MediaSource) -> np.ndarray | None:
    """Read a JPEG or PNG as RGB, uint8 (H, W, 3); return None if `source` is neither by its suffix or first bytes.
    Raises MediaError if the file does not exist, or the picture is damaged or too large."""
    if isinstance(source, Path):
        if source.suffix.lower() not in STILL_IMAGE_SUFFIXES:
            return None
        check_media_exists(source)
        source = source.read_bytes()
    if not source.startswith(STILL_IMAGE_SIGNATURES):
        return None
    try:
        with Image.open(io.BytesIO(source), formats=("JPEG", "PNG")) as picture:
            check_picture_size(*picture.size)
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, MediaError):
            raise
        raise MediaError("This picture cannot be decoded; save it again as JPEG or PNG.") from error
