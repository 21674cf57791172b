"""Speech in a clip: its segments and its words. Detected only if a model requires them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.sample import Sample
from personality.preprocessing.sound import SILENT_PEAK
from personality.preprocessing.voice_descriptors import VOICE_WINDOW_SECONDS

MIN_SPEECH_SECONDS = 1.0  # seconds of speech in the window of the voice descriptors; with less, no prediction is made


def with_speech(sample: Sample) -> Sample:
    """Return the sample with `speech`, the segments that the voice activity detector found."""
    from personality.preprocessing.speech_to_text import find_speech

    return sample if sample.speech is not None else replace(sample, speech=tuple(find_speech(sample.sound)))


def with_transcript(sample: Sample) -> Sample:
    """Return the sample with `transcript`. Raises SpeechModelError if the speech recognizer is not installed."""
    from personality.preprocessing.speech_to_text import transcribe

    if sample.transcript is not None:
        return sample
    return replace(sample, transcript=transcribe(sample.sound, sample.speech))


def explain_missing_voice(sample: Sample) -> str:
    """Explain why the voice descriptors of a sample with `speech` do not describe a voice; empty if they do."""
    if not sample.voice_descriptors.any():
        return "there is no sound"
    return explain_missing_speech(sample, VOICE_WINDOW_SECONDS)


def explain_missing_sound(sample: Sample, seconds: float) -> str:
    """Explain why a model of the first `seconds` of the sound cannot predict; empty if it can."""
    if not sample.audio_seconds:
        return "there is no sound"
    window = np.concatenate([sample.audio, sample.rest])[: round(seconds * PREPROCESSING.sample_rate)]
    silent = np.abs(window).max() < SILENT_PEAK
    return f"the first {seconds:g} s of the sound are silent{_describe_later_speech(sample, seconds)}" if silent else ""


def explain_missing_speech(sample: Sample, seconds: float) -> str:
    """Explain that the first `seconds` of a sample with `speech` contain too little of it; empty if they do not."""
    heard = sum(max(0.0, min(end, seconds) - start) for start, end in sample.speech or ())
    if heard >= MIN_SPEECH_SECONDS:
        return ""
    found = f"only {heard:.1f} s of" if heard else "no"
    return f"{found} speech was found in the first {seconds:g} s{_describe_later_speech(sample, seconds)}"


def _describe_later_speech(sample: Sample, seconds: float) -> str:
    later = [start for start, end in sample.speech or () if end > seconds]
    return f"; speech begins at {max(later[0], seconds):.1f} s" if later else ""


def explain_missing_words(sample: Sample) -> str:
    """Explain why a sample has no words; empty if it has."""
    return "the words were not recognized" if sample.transcript is None else sample.transcript.problem
