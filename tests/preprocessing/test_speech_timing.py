"""Timing of speech: by hand, and in synthesized speech with planted silences."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speech_to_text import synthesize_with_espeak
from personality.preprocessing.speech_timing import (
    compute_speech_rate,
    compute_speech_timing,
    total_speech_seconds,
)
from personality.preprocessing.speech_to_text import find_speech
from tests.preprocessing.clips import RATE
from tests.preprocessing.test_speech_to_text import needs_espeak

PHRASES = (
    *("The weather was lovely this morning", "so we walked along the river", "and had coffee with our friends"),
    "before the rain came back",
)
LEAD_SECONDS = 1.0
EDGE_SECONDS = 0.1  # tolerance of the edges of speech: three steps of the detector


def test_shares_and_pauses_by_hand() -> None:
    speech = [(1.0, 3.0), (3.2, 5.0), (5.5, 7.0), (8.0, 9.0)]  # silences of .2, .5 and 1 s
    found = compute_speech_timing(speech, 12.0)
    assert found["speech_share"] == pytest.approx(6.3 / 12)
    assert found["pauses_per_minute"] == pytest.approx(2 * 60 / 8)
    assert found["pause_share"] == pytest.approx(1.5 / 8)
    assert found["pause_seconds"] == pytest.approx(0.75)


def test_what_is_unknown_is_missing() -> None:
    assert compute_speech_timing([], 10.0) == {}
    assert compute_speech_timing([(0.0, 0.6)], 10.0) == {}
    one = compute_speech_timing([(2.0, 6.0)], 10.0)
    assert one == {"speech_share": 0.4, "pauses_per_minute": 0, "pause_share": 0}
    assert np.isnan(compute_speech_rate("", 4.0))
    assert np.isnan(compute_speech_rate("hello", 0.5))


def test_rate_counts_words_without_hesitations() -> None:
    assert compute_speech_rate("Um, I'm going to [laughs] the sea-side, uh, today.", 3.5) == pytest.approx(7 / 3.5)


@pytest.fixture(scope="module")
def phrases() -> list[np.ndarray]:
    """Synthesized phrases without the silence around them, float32 (N,)."""
    sounds = [synthesize_with_espeak(phrase) for phrase in PHRASES]
    heard = [np.flatnonzero(np.abs(sound) > 0.01) for sound in sounds]
    return [sound[place[0] : place[-1] + 1] for sound, place in zip(sounds, heard, strict=True)]


def planted(phrases: list[np.ndarray], gap: float) -> np.ndarray:
    """The phrases with `gap` seconds between them, and noise of -50 dB everywhere."""
    silence, lead = np.zeros(round(gap * RATE)), np.zeros(round(LEAD_SECONDS * RATE))
    parts = [lead, *(part for phrase in phrases for part in (phrase, silence)), lead]
    sound = np.concatenate(parts)
    return (sound + np.random.default_rng(0).normal(scale=0.003, size=len(sound))).astype(np.float32)


@needs_espeak
@pytest.mark.parametrize("gap", [0.4, 0.6, 1.0])
def test_planted_silences_are_found(phrases: list[np.ndarray], gap: float) -> None:
    sound = planted(phrases, gap)
    seconds, speech_seconds = len(sound) / RATE, sum(map(len, phrases)) / RATE
    speech = find_speech(sound, margins=False)
    found = compute_speech_timing(speech, seconds)
    assert len(speech) == len(phrases)
    assert total_speech_seconds(speech) == pytest.approx(speech_seconds, abs=len(phrases) * EDGE_SECONDS)
    assert found["pause_seconds"] == pytest.approx(gap, abs=EDGE_SECONDS)
    assert found["pauses_per_minute"] == pytest.approx(3 * 60 / (speech_seconds + 3 * gap), rel=0.05)
    assert found["speech_share"] == pytest.approx(speech_seconds / seconds, abs=0.05)


@needs_espeak
def test_continuous_speech_has_no_pause(phrases: list[np.ndarray]) -> None:
    speech = find_speech(planted(phrases, 0.1), margins=False)
    assert compute_speech_timing(speech, 10.0)["pauses_per_minute"] == 0


@needs_espeak
@pytest.mark.parametrize("words_per_minute", [120, 220])
def test_rate_of_synthesized_speech(words_per_minute: int) -> None:
    text = " ".join(PHRASES)
    sound = synthesize_with_espeak(text, rate=words_per_minute)
    audible = np.flatnonzero(np.abs(sound) > 0.01)
    truth = len(text.split()) * RATE / (audible[-1] - audible[0])
    found = compute_speech_rate(text, total_speech_seconds(find_speech(sound, margins=False)))
    assert found == pytest.approx(truth, rel=0.08)
