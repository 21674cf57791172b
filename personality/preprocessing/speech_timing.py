"""Attributes of the timing of speech: share of speech, pauses, and speech rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from personality.preprocessing.speech import MIN_SPEECH_SECONDS
from personality.preprocessing.text_features import normalise_transcript

SPEECH_COLUMNS = ("speech_share", "pauses_per_minute", "pause_share")
PAUSE_COLUMNS = ("pause_seconds",)
SPEECH_RATE_COLUMNS = ("speech_rate",)
MIN_PAUSE_SECONDS = 0.25  # seconds; shorter silences are part of articulation (Goldman-Eisler 1968)

SpeechSegments = Sequence[tuple[float, float]]  # start and end of each, in seconds


def total_speech_seconds(speech: SpeechSegments) -> float:
    """Return the seconds of speech."""
    return sum(end - start for start, end in speech)


def compute_speech_timing(speech: SpeechSegments, sound_seconds: float) -> dict[str, float]:
    """Compute the share of speech and of pauses.

    Parameters
    ----------
    speech : sequence of (float, float)
        What `find_speech` without margins found.
    sound_seconds : float
        Length of the sound.

    Returns
    -------
    dict of str to float
        Empty with less than MIN_SPEECH_SECONDS of speech.

        speech_share : seconds of speech over the length of the sound. Pauses are silences of at least
        MIN_PAUSE_SECONDS between the first and the last speech; pauses_per_minute and pause_share relate their number
        and their seconds to the time from the first to the last speech; pause_seconds : their mean length, missing if
        there are none.

    References
    ----------
    Goldman-Eisler (1968), Psycholinguistics: Experiments in Spontaneous Speech, for the shortest pause.
    """
    speech_seconds = total_speech_seconds(speech)
    if speech_seconds < MIN_SPEECH_SECONDS:
        return {}
    gaps = [after[0] - before[1] for before, after in pairwise(speech)]
    pauses = [gap for gap in gaps if gap >= MIN_PAUSE_SECONDS]
    span = speech[-1][1] - speech[0][0]
    found = (speech_seconds / sound_seconds, 60 * len(pauses) / span, sum(pauses) / span)
    mean = {PAUSE_COLUMNS[0]: sum(pauses) / len(pauses)} if pauses else {}
    return dict(zip(SPEECH_COLUMNS, found, strict=True)) | mean


def compute_speech_rate(text: str, speech_seconds: float) -> float:
    """Compute words per second of speech, without pauses.

    Parameters
    ----------
    text : str
        Transcript of the whole sound; hesitations are not counted, because many transcribers leave them out.
    speech_seconds : float
        Seconds of speech.

    Returns
    -------
    float
        NaN without words, or with less than MIN_SPEECH_SECONDS of speech.
    """
    words = len(normalise_transcript(text).split())
    return words / speech_seconds if words and speech_seconds >= MIN_SPEECH_SECONDS else float("nan")
