"""The 26 descriptors, compared with the published rows, torchaudio, and tones with known descriptors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_limits
from torchaudio.transforms import MFCC

from personality.preprocessing.media import open_media
from personality.preprocessing.voice_descriptors import (
    VOICE_DESCRIPTOR_COLUMNS,
    VOICE_SAMPLE_RATE_HZ,
    VOICE_WINDOW_SAMPLES,
    _resample_to_half_rate,
    compute_voice_descriptors,
)
from tests.preprocessing.clips import tone, write_clip

REAL = {
    "first-impressions/videos/training80_01/_G3kw9HwCqY.000.mp4": "training",
    "first-impressions/videos/validation80_01/0ObEtA6Q8vU.004.mp4": "validation",
    "more/-AmMDnVl4s8.003.mp4": "training",
}


def sine(frequency: float, seconds: float = 7.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * tone(seconds, VOICE_SAMPLE_RATE_HZ, 1, frequency)[:, 0].astype(np.float32) / 0.5


def noise(seconds: float = 7.0) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * VOICE_SAMPLE_RATE_HZ)).astype(np.float32)


def named(sound: np.ndarray) -> dict[str, float]:
    return dict(zip(VOICE_DESCRIPTOR_COLUMNS, compute_voice_descriptors(sound).tolist(), strict=True))


def heard(path: Path) -> np.ndarray:
    with open_media(path) as video:
        return video.wideband()


@pytest.mark.parametrize("clip", REAL)
def test_real_clips_match_published_descriptors(real_data: Path, clip: str) -> None:
    table = pd.read_csv(real_data / f"first-impressions/audio_features/{REAL[clip]}.csv", index_col=0)
    assert tuple(table.columns) == VOICE_DESCRIPTOR_COLUMNS
    published = table.loc[Path(clip).name].to_numpy()
    found = compute_voice_descriptors(heard(real_data / clip))
    large = np.abs(published) > 0.01
    assert large.sum() >= 25
    np.testing.assert_allclose(found[large], published[large], rtol=1e-3)


def test_a_tone_has_the_descriptors_of_its_frequency() -> None:
    found = named(sine(1000))
    assert found["rmse"] == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
    assert found["spectral_centroid"] == pytest.approx(1000, rel=0.01)
    assert found["spectral_bandwidth"] < 100
    assert found["rolloff"] == pytest.approx(1000, abs=2 * 22_050 / 2048)  # two bins: the window is as wide
    assert found["zero_crossing_rate"] == pytest.approx(2 * 1000 / 22_050, rel=0.01)
    assert 1 / 12 < found["chroma_stft"] < 0.3


def test_mfccs_match_torchaudio() -> None:
    sound = noise() + sine(220) * np.linspace(0, 1, VOICE_WINDOW_SAMPLES, dtype=np.float32)
    mel = {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "norm": "slaney", "mel_scale": "slaney"}
    other = MFCC(22_050, n_mfcc=20, melkwargs=mel)(torch.from_numpy(_resample_to_half_rate(sound))).mean(1)
    np.testing.assert_allclose(compute_voice_descriptors(sound)[-20:], other, rtol=1e-3, atol=2e-3)


def test_resampling_keeps_frequencies_below_its_limit_only() -> None:
    for frequency in (100, 3000, 9000):
        inside = _resample_to_half_rate(sine(frequency))[2000:-2000]
        np.testing.assert_allclose(inside, sine(frequency)[::2][2000:-2000], atol=2e-4)
    assert np.abs(_resample_to_half_rate(sine(12_000)))[2000:-2000].max() < 1e-4
    assert len(_resample_to_half_rate(np.ones(10_001, np.float32))) == 5_000


def test_only_first_seven_seconds_are_used() -> None:
    np.testing.assert_array_equal(
        compute_voice_descriptors(noise(9)), compute_voice_descriptors(noise(9)[:VOICE_WINDOW_SAMPLES])
    )
    assert named(noise(3))["mfcc1"] == pytest.approx(named(noise())["mfcc1"], rel=0.01)


@pytest.mark.parametrize("length", [0, 1, 4095])
def test_sound_shorter_than_a_frame_gives_zeros(length: int) -> None:
    assert not compute_voice_descriptors(noise()[:length]).any()
    assert compute_voice_descriptors(noise()[:4096]).all()


def test_silence_gives_zeros_and_near_silence_is_finite() -> None:
    silence = np.zeros(VOICE_WINDOW_SAMPLES, np.float32)
    assert (compute_voice_descriptors(silence).dtype, compute_voice_descriptors(silence).any()) == (np.float32, False)
    click, constant = silence.copy(), silence + np.float32(0.25)
    click[VOICE_WINDOW_SAMPLES // 2] = 1 / 32768
    for sound in (click, constant, -np.sign(sine(50)), sine(21_000), np.float32(1 / 32768) * np.sign(noise())):
        assert np.isfinite(compute_voice_descriptors(sound)).all()


def test_number_of_threads_does_not_change_results() -> None:
    """A cache must not depend on the number of workers."""
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.append(compute_voice_descriptors(noise()))
    np.testing.assert_array_equal(found[0], found[1])


def wave(channels: int, sounding: int, seconds: float = 8.0) -> np.ndarray:
    """Return a tone of amplitude .5 in one of several channels, float (N, channels)."""
    return tone(seconds, VOICE_SAMPLE_RATE_HZ, channels) * (np.arange(channels) == sounding)


@pytest.mark.parametrize(
    ("layout", "channels", "gain"),
    [
        ("stereo", 2, 1 / 2),
        ("mono", 1, np.sqrt(1 / 2)),
        ("7.1", 8, 1),  # of the channels that carry something, where the centre is silent
    ],
)
def test_channels_are_mixed_to_one(tmp_path: Path, layout: str, channels: int, gain: float) -> None:
    path = tmp_path / "a.mkv"
    kind: dict[str, Any] = {"layout": layout, "rate": VOICE_SAMPLE_RATE_HZ, "audio_codec": "pcm_s16le"}
    write_clip(path, times=[0.0, 0.1], sound=wave(channels, sounding=0), **kind)
    sound = heard(path)
    assert (sound.shape, sound.dtype) == ((VOICE_WINDOW_SAMPLES,), np.float32)
    np.testing.assert_allclose(sound, gain * wave(1, 0)[:VOICE_WINDOW_SAMPLES, 0], atol=2e-4)
    assert named(sound)["rmse"] == pytest.approx(gain * 0.5 / np.sqrt(2), rel=2e-3)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_short_sound_is_used_to_its_end(tmp_path: Path, rate: int) -> None:
    path = write_clip(tmp_path / "a.mov", times=[0.0, 0.1], sound=tone(2, rate, 2), rate=rate, audio_codec="pcm_s16le")
    assert len(heard(path)) == pytest.approx(2 * VOICE_SAMPLE_RATE_HZ, abs=2)
    assert compute_voice_descriptors(heard(path)).all()


def test_sound_with_unusual_layout_is_mixed(tmp_path: Path) -> None:
    kind: dict[str, Any] = {"layout": "ambisonic 1", "audio_codec": "libopus", "audio_options": {"mapping_family": "2"}}
    path = write_clip(tmp_path / "a.webm", times=[0.0, 0.1], codec="libvpx", sound=tone(2, 48_000, 4), **kind)
    with open_media(path) as video:
        assert video.sound().seconds == pytest.approx(2, abs=0.05)
        assert len(video.wideband()) == pytest.approx(2 * VOICE_SAMPLE_RATE_HZ, abs=VOICE_SAMPLE_RATE_HZ / 20)
