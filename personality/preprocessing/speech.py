"""What is said in a clip: where there is speech, and its words. Looked for only when a model needs it."""

from __future__ import annotations

from dataclasses import replace

from personality.preprocessing.sample import Sample
from personality.preprocessing.voice_descriptors import VOICE_WINDOW_SECONDS

MIN_SPEECH_SECONDS = 1.0  # seconds within those that the descriptors are computed from; less is no voice to judge


def with_speech(sample: Sample) -> Sample:
    """The sample with `speech`: where a voice detector found some."""
    from personality.preprocessing.speech_to_text import find_speech

    return sample if sample.speech is not None else replace(sample, speech=tuple(find_speech(sample.sound)))


def with_transcript(sample: Sample) -> Sample:
    """The sample with `transcript`. Raises SpeechModelError where the recogniser is not installed."""
    from personality.preprocessing.speech_to_text import transcribe

    return sample if sample.transcript is not None else replace(sample, transcript=transcribe(sample.sound))


def explain_missing_voice(sample: Sample) -> str:
    """Why the descriptors of a sample with `speech` describe no voice; empty where they do."""
    if not sample.voice_descriptors.any():
        return "there is no sound"
    heard = sum(max(0.0, min(end, VOICE_WINDOW_SECONDS) - start) for start, end in sample.speech or ())
    return "" if heard >= MIN_SPEECH_SECONDS else f"no speech was found in the first {VOICE_WINDOW_SECONDS:.0f} s"


def explain_missing_words(sample: Sample) -> str:
    """Why a sample has no words; empty where it has."""
    return "the words were not recognised" if sample.transcript is None else sample.transcript.problem
