"""Attributes of a clip beyond those of the thesis: head, background, timing of speech, and prosody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.background import BACKGROUND_COLUMNS, measure_background_luma
from personality.preprocessing.faces import Face, FaceFinder
from personality.preprocessing.head_pose import HEAD_COLUMNS, compute_head_attributes
from personality.preprocessing.media import StillImage, Video, open_media
from personality.preprocessing.media_errors import MediaSource
from personality.preprocessing.prosody import PROSODY_COLUMNS, compute_prosody
from personality.preprocessing.speech_timing import (
    PAUSE_COLUMNS,
    SPEECH_COLUMNS,
    SPEECH_RATE_COLUMNS,
    compute_speech_timing,
    total_speech_seconds,
)
from personality.preprocessing.speech_to_text import find_speech

# The feature tables of a cache and their columns. A clip has a row in a table if all its columns are known: a clip
# without a face, speech, a pause or a transcript has no row in one of them, and keeps those in the others.
ATTRIBUTE_TABLES = {
    "head": HEAD_COLUMNS,
    "background": BACKGROUND_COLUMNS,
    "speech": SPEECH_COLUMNS,
    "pauses": PAUSE_COLUMNS,
    "speech_rate": SPEECH_RATE_COLUMNS,
    "prosody": PROSODY_COLUMNS,
}
SPEECH_SECONDS = "speech_seconds"  # from which the speech rate is computed if there is a transcript
FACE_INTERVAL_SECONDS = 0.2  # seconds from one searched frame to the next


@dataclass(frozen=True)
class _Moment:
    """A searched frame with a face: its size in pixels, the face, and the luma of its background."""

    size: tuple[int, int]
    face: Face
    luma: float


def describe_clip(source: MediaSource, *, threads: int = 0) -> dict[str, float]:
    """Compute the attributes of a clip: of the largest face in the first frame with one, which is followed, and of all
    speech.

    Parameters
    ----------
    source : MediaSource
        The file of the clip.
    threads : int
        Threads for decoding; 0: one per core.

    Returns
    -------
    dict of str to float
        The columns of ATTRIBUTE_TABLES that are known, except for the speech rate, and SPEECH_SECONDS.

    Raises
    ------
    MediaError
        The file cannot be read.
    """
    with open_media(source, threads=threads) as video:
        moments = list(_watch(video))
        heard = video.sound()
    used = round(heard.seconds * PREPROCESSING.sample_rate)
    return _describe_picture(moments) | _describe_sound(np.concatenate([heard.samples[:used], heard.rest]))


def _watch(video: Video | StillImage) -> Iterator[_Moment]:
    """Search a frame for the face every FACE_INTERVAL_SECONDS."""
    finder, due = FaceFinder(), -np.inf
    for frame in video.frames():
        if frame.time < due:
            continue
        due = frame.time + FACE_INTERVAL_SECONDS - 1e-3  # times are rounded to milliseconds
        face = finder.find(frame)
        if face is not None:
            yield _Moment(frame.size, face, measure_background_luma(frame.grey(), face.box))


def _describe_picture(moments: list[_Moment]) -> dict[str, float]:
    if not moments:
        return {}
    lumas = [moment.luma for moment in moments if moment.luma == moment.luma]
    background = {BACKGROUND_COLUMNS[0]: float(np.mean(lumas))} if lumas else {}
    return compute_head_attributes([moment.face for moment in moments], moments[0].size) | background


def _describe_sound(sound: np.ndarray) -> dict[str, float]:
    if not len(sound):
        return {}
    speech = find_speech(sound, margins=False)
    timing = compute_speech_timing(speech, len(sound) / PREPROCESSING.sample_rate)
    if not timing:
        return {}
    return timing | {SPEECH_SECONDS: total_speech_seconds(speech)} | compute_prosody(sound, speech)
