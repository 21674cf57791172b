"""Small pictures of the people in a cache, for tables in a browser."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pandas as pd
from safetensors import SafetensorError

from personality.preprocessing.cache import Cache, CacheError

THUMBNAIL_PIXELS = 96  # side
THUMBNAIL_JPEG_QUALITY = 80  # percent


def face_thumbnails(cache: Cache, clips: pd.DataFrame) -> list[str]:
    """Return a picture of the middle one of each clip's faces as a data URL; "" for a clip without a face or entry.

    Parameters
    ----------
    cache
        The cache with the entries.
    clips
        Rows of `cache.clips`.
    """
    return [_thumbnail(cache, clip, count) for clip, count in zip(clips["clip"], clips["faces"], strict=True)]


def _thumbnail(cache: Cache, clip: str, face_count: int) -> str:
    if not face_count:
        return ""
    try:
        (face,) = cache.read(clip, np.array([face_count // 2])).faces
    except (CacheError, SafetensorError, OSError, IndexError):
        return ""
    small = cv2.resize(face, (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_JPEG_QUALITY]
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)[1]
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"
