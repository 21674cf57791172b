"""Pitch and level of sounds whose pitch and level are known."""

from __future__ import annotations

import numpy as np
import pytest

from personality.preprocessing.prosody import PITCH_STEP_SEMITONES, PROSODY_COLUMNS, compute_prosody
from personality.synthetic.voice import Voice, synthesize_voice
from tests.preprocessing.clips import RATE, noise

SECONDS = 4.0
TIMES = np.arange(round(SECONDS * RATE)) / RATE
ALL = [(0.0, SECONDS)]


def buzz(pitch: np.ndarray | float) -> np.ndarray:
    """Eight harmonics of a pitch in Hz, scalar or (N,), float32 (N,)."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, TIMES.shape)) / RATE
    harmonics = [np.sin(number * phase) / number for number in range(1, 9)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


def semitones(high: float, low: float) -> float:
    return 12 * np.log2(high / low)


@pytest.mark.parametrize("pitch", [80.0, 120.0, 210.0, 350.0])
def test_pitch_of_a_steady_voice(pitch: float) -> None:
    found = compute_prosody(buzz(pitch), ALL)
    assert tuple(found) == PROSODY_COLUMNS
    assert abs(semitones(found["pitch_median"], pitch)) < PITCH_STEP_SEMITONES
    assert found["pitch_range"] <= PITCH_STEP_SEMITONES + 1e-6
    assert found["voiced_share"] > 0.95


def test_pitch_range_of_a_glide_is_half_of_it() -> None:
    found = compute_prosody(buzz(110 * 2 ** (TIMES / SECONDS)), ALL)
    assert found["pitch_median"] == pytest.approx(110 * 2**0.5, rel=0.02)
    assert found["pitch_range"] == pytest.approx(6, abs=0.4)


@pytest.mark.parametrize("gender", ["male", "female"])
def test_pitch_of_a_synthetic_speaker(gender: str) -> None:
    voice = Voice(gender, 40, 0, 0, melody=-20)  # monotonous: all syllables have the mean pitch
    sound, _ = synthesize_voice(voice, SECONDS, np.random.default_rng(1))
    found = compute_prosody(sound, ALL)
    assert abs(semitones(found["pitch_median"], voice.pitch)) < PITCH_STEP_SEMITONES
    assert found["pitch_range"] < 2 * PITCH_STEP_SEMITONES


def test_only_speech_counts() -> None:
    sound = np.where(TIMES < 2, buzz(120), buzz(240)).astype(np.float32)
    found = compute_prosody(sound, [(0.1, 1.9)])
    assert found["pitch_median"] == pytest.approx(120, rel=0.01)
    half_voiced = np.where(TIMES < 2, buzz(120), noise(SECONDS) / 10).astype(np.float32)
    assert compute_prosody(half_voiced, ALL)["voiced_share"] == pytest.approx(0.5, abs=0.05)


def test_level_is_relative_to_full_scale() -> None:
    sine = np.sin(2 * np.pi * 200 * TIMES)
    steady = compute_prosody((0.5 * sine).astype(np.float32), ALL)
    assert steady["level_mean"] == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.01)
    assert steady["level_sd"] == pytest.approx(0, abs=0.01)
    two = compute_prosody((np.where(TIMES < 2, 0.5, 0.05) * sine).astype(np.float32), ALL)
    assert two["level_mean"] == pytest.approx(steady["level_mean"] - 10, abs=0.01)
    assert two["level_sd"] == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("sound", [noise(SECONDS) / 10, np.zeros(len(TIMES), np.float32), np.zeros(100, np.float32)])
def test_sound_without_voice_has_no_prosody(sound: np.ndarray) -> None:
    assert compute_prosody(sound, ALL) == {}
    assert compute_prosody(sound, []) == {}
