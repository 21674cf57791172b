"""Thumbnails of cached clips."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from personality.preprocessing.cache import Cache
from personality.preprocessing.thumbnails import face_thumbnails


def test_a_thumbnail_shows_the_middle_face(cache: Cache) -> None:
    (url,) = face_thumbnails(cache, cache.clips.head(1))
    head, content = url.split(",")
    assert head == "data:image/jpeg;base64"
    found = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (found.format, found.size) == ("JPEG", (96, 96))
    faces = cache.read(cache.clips["clip"].iloc[0]).faces
    expected = Image.fromarray(faces[len(faces) // 2]).resize((96, 96), Image.Resampling.BOX)
    assert np.abs(np.asarray(found, float) - np.asarray(expected, float)).mean() < 6


def test_clips_without_face_or_entry_have_none(cache: Cache) -> None:
    clips = cache.clips.head(3).assign(faces=[0, 8, 1000])
    clips["clip"] = [clips["clip"].iloc[0], "unknown.mp4", clips["clip"].iloc[2]]
    assert face_thumbnails(cache, clips) == ["", "", ""]
