"""Warnings about inputs that are missing from a clip or are incomplete."""

from __future__ import annotations

from collections.abc import Iterator

from personality.constants import PREPROCESSING
from personality.preprocessing.media import Metadata
from personality.preprocessing.sound import Sound

SHORT_VIDEO_SECONDS = 1.0  # seconds; shorter videos are read with a warning


def list_sample_warnings(metadata: Metadata, moments: int, heard: Sound) -> Iterator[str]:
    """Yield the warnings of a clip. moments: number of the K moments for which a face was found."""
    if moments == 0:
        yield "no face was found"
    elif moments < PREPROCESSING.faces and metadata.duration:
        yield f"a face was found at {moments} of {PREPROCESSING.faces} moments"
    if not metadata.has_audio:
        yield "there is no sound"
    elif 0 < heard.seconds < PREPROCESSING.audio_seconds:
        yield f"the sound lasts {heard.seconds:.1f} s, the rest of {PREPROCESSING.audio_seconds:.0f} s is silence"
    if heard.damaged:
        yield f"damaged samples of the sound, no numbers or far too large, taken as silence: {heard.damaged}"
    if 0 < metadata.duration < SHORT_VIDEO_SECONDS:
        yield f"the video lasts {metadata.duration:.2f} s only"
