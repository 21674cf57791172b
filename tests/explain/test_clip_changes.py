"""Changes of a video: what they do to a picture and a sound, and to predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from personality.explain.clip_changes import (
    CLIP_CHANGES,
    add_noise,
    brighten,
    change_clip,
    compare_predictions,
    compress,
    crop_closer,
    keep_band,
    mute,
    predict_changed,
    with_sound,
)
from personality.models.checkpoint import Model
from personality.preprocessing.pitch import shift_pitch
from personality.preprocessing.sample import EMPTY_SAMPLE
from personality.preprocessing.voice_descriptors import VOICE_SAMPLE_RATE_HZ, compute_voice_descriptors
from personality.traits import TRAIT_NAMES
from tests.explain.test_occlusion import Corner

RATE = VOICE_SAMPLE_RATE_HZ
SECONDS = np.arange(2 * RATE) / RATE


def tone(frequency: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * SECONDS).astype(np.float32)


def strongest_frequency(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


def test_brightness_multiplies_and_stays_in_range() -> None:
    crop = np.array([[[10, 100, 200]]], np.uint8)
    assert brighten(crop, 0.5).tolist() == [[[5, 50, 100]]]
    assert brighten(crop, 1.5).tolist() == [[[15, 150, 255]]]


def test_a_crop_keeps_the_middle() -> None:
    crop = np.zeros((224, 224, 3), np.uint8)
    crop[56:168, 56:168] = 255
    assert crop_closer(crop, 0.5).min() == 255
    np.testing.assert_array_equal(crop_closer(crop, 1.0), crop)


def test_stronger_compression_loses_more() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (224, 224, 3), np.uint8)
    errors = [np.abs(compress(crop, quality).astype(int) - crop).mean() for quality in (95, 50, 5)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_an_octave_doubles_the_frequency() -> None:
    moved = shift_pitch(tone(220), 12, rate=RATE)
    assert len(moved) == len(SECONDS)
    assert strongest_frequency(moved) == pytest.approx(440, abs=2)


def test_a_band_removes_what_is_outside() -> None:
    assert strongest_frequency(keep_band(tone(100) + 0.5 * tone(1000), 300, 3400)) == pytest.approx(1000, abs=1)


def test_noise_has_the_level_that_was_asked_for() -> None:
    added = add_noise(tone(440), 20, np.random.default_rng(1)) - tone(440)
    assert 20 * np.log10(tone(440).std() / added.std()) == pytest.approx(20, abs=0.1)


def test_mute_silences_the_start() -> None:
    muted = mute(tone(440), 0.5)
    assert not muted[: RATE // 2].any()
    np.testing.assert_array_equal(muted[RATE // 2 :], tone(440)[RATE // 2 :])


def test_the_sound_of_a_clip_is_read_at_both_rates() -> None:
    heard = with_sound(EMPTY_SAMPLE, tone(440))
    np.testing.assert_array_equal(heard.voice_descriptors, compute_voice_descriptors(tone(440)))
    spectrum = np.abs(np.fft.rfft(heard.audio[:32_000]))
    assert spectrum.argmax() * 16_000 / 32_000 == pytest.approx(440, abs=1)
    silent = with_sound(replace(EMPTY_SAMPLE, audio_seconds=2.0), np.zeros_like(SECONDS, np.float32))
    assert silent.audio_seconds == 0
    assert not silent.voice_descriptors.any()


@pytest.mark.parametrize("name", CLIP_CHANGES)
def test_every_change_changes_only_what_it_names(name: str) -> None:
    faces = np.random.default_rng(0).integers(50, 200, (2, 224, 224, 3), np.uint8)
    sample = with_sound(replace(EMPTY_SAMPLE, faces=faces), tone(440))
    change = CLIP_CHANGES[name]
    changed = change_clip(sample, change, change.start, tone(440))
    moves_picture = not np.array_equal(changed.faces, sample.faces)
    moves_sound = not np.array_equal(changed.audio, sample.audio)
    assert (moves_picture, moves_sound) == (change.picture is not None, change.sound is not None)
    assert changed.faces.dtype == np.uint8 and changed.faces.shape == faces.shape
    assert changed.audio.shape == sample.audio.shape


def test_predictions_move_by_what_the_model_sees() -> None:
    model = Model(name="corner", network=Corner(), card={}, folder=Path(), sha256="")
    sample = replace(EMPTY_SAMPLE, faces=np.full((2, 224, 224, 3), 200, np.uint8), speech=())
    darker = change_clip(sample, CLIP_CHANGES["Brightness"], 0.5, np.zeros(0, np.float32))
    with torch.inference_mode():
        rows = compare_predictions(predict_changed(sample, [model]), predict_changed(darker, [model]))
    assert rows["trait"].tolist() == list(TRAIT_NAMES)
    np.testing.assert_allclose(rows["before"], 200 / 255, atol=1e-6)
    np.testing.assert_allclose(rows["after"], 100 / 255, atol=1e-6)


def test_a_model_that_no_longer_predicts_has_no_value() -> None:
    before = pd.DataFrame({"model": ["a", "b"], "trait": ["openness"] * 2, "value": [0.4, 0.5]})
    rows = compare_predictions(before, before[before["model"].eq("a")])
    assert rows.set_index("model")["after"].isna().to_dict() == {"a": False, "b": True}
