"""What is said in a clip: where there is speech, and its words. Looked for only when a model needs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.sample import Sample
from personality.preprocessing.sound import SILENT_PEAK
from personality.preprocessing.voice_descriptors import VOICE_WINDOW_SECONDS

MIN_SPEECH_SECONDS = 1.0  # seconds within those that the descriptors are computed from; less is no voice to judge


def with_speech(sample: Sample) -> Sample:
    """The sample with `speech`: where a voice detector found some."""
    from personality.preprocessing.speech_to_text import find_speech

    return sample if sample.speech is not None else replace(sample, speech=tuple(find_speech(sample.sound)))


def with_transcript(sample: Sample) -> Sample:
    """The sample with `transcript`. Raises SpeechModelError where the recogniser is not installed."""
    from personality.preprocessing.speech_to_text import transcribe

    if sample.transcript is not None:
        return sample
    return replace(sample, transcript=transcribe(sample.sound, sample.speech))


def explain_missing_voice(sample: Sample) -> str:
    """Why the descriptors of a sample with `speech` describe no voice; empty where they do."""
    if not sample.voice_descriptors.any():
        return "there is no sound"
    return explain_missing_speech(sample, VOICE_WINDOW_SECONDS)


def explain_missing_sound(sample: Sample, seconds: float) -> str:
    """Why a model of the first `seconds` of the sound has nothing to predict from; empty where it has."""
    if not sample.audio_seconds:
        return "there is no sound"
    window = np.concatenate([sample.audio, sample.rest])[: round(seconds * PREPROCESSING.sample_rate)]
    silent = np.abs(window).max() < SILENT_PEAK
    return f"the first {seconds:g} s of the sound are silent{_describe_later_speech(sample, seconds)}" if silent else ""


def explain_missing_speech(sample: Sample, seconds: float) -> str:
    """How little speech there is in the first `seconds` of a sample with `speech`; empty where there is enough."""
    heard = sum(max(0.0, min(end, seconds) - start) for start, end in sample.speech or ())
    if heard >= MIN_SPEECH_SECONDS:
        return ""
    found = f"only {heard:.1f} s of" if heard else "no"
    return f"{found} speech was found in the first {seconds:g} s{_describe_later_speech(sample, seconds)}"


def _describe_later_speech(sample: Sample, seconds: float) -> str:
    later = [start for start, end in sample.speech or () if end > seconds]
    return f"; there is speech from {max(later[0], seconds):.1f} s on" if later else ""


def explain_missing_words(sample: Sample) -> str:
    """Why a sample has no words; empty where it has."""
    return "the words were not recognised" if sample.transcript is None else sample.transcript.problem
