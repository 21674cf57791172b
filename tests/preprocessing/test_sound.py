"""Sound with invalid samples, such as NaN: they are treated as silence, and reported in a warning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.media import open_media
from personality.preprocessing.sample import read_sample
from tests.preprocessing.clips import tone, write_clip

RATE, CHANNELS = 48_000, 2
PLACES = (24_000, 24_001, 100_000)  # samples of the first channel that are damaged


def clip(path: Path, damage: float, codec: str = "pcm_f32le") -> Path:
    """Write six seconds of a tone in float samples, some of which are replaced by `damage`."""
    sound = tone(6, RATE, CHANNELS)
    sound[list(PLACES), 0] = damage
    return write_clip(path, times=np.arange(0, 6, 0.1).tolist(), sound=sound, rate=RATE, audio_codec=codec)


def heard(path: Path) -> np.ndarray:
    """Read all sound that is used, at both rates."""
    with open_media(path) as opened:
        sound = opened.sound()
    with open_media(path) as opened:
        return np.concatenate([sound.samples, sound.rest, opened.wideband()])


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with silence at the places where other clips are damaged."""
    return clip(tmp_path_factory.mktemp("silent") / "silent.mkv", 0.0)


@pytest.mark.parametrize("damage", [np.nan, np.inf, -np.inf, 3e38, -1e20])
@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_f64le"])
def test_damaged_sample_is_treated_as_silence(tmp_path: Path, silent: Path, damage: float, codec: str) -> None:
    np.testing.assert_array_equal(heard(clip(tmp_path / "damaged.mkv", damage, codec)), heard(silent))


def test_damage_is_counted_in_a_warning_and_the_voice_is_described(tmp_path: Path, silent: Path) -> None:
    sample, right = read_sample(clip(tmp_path / "damaged.mkv", np.nan)), read_sample(silent)
    np.testing.assert_array_equal(sample.voice_descriptors, right.voice_descriptors)
    (warning,) = set(sample.warnings) - set(right.warnings)
    assert warning.endswith(f": {len(PLACES)}")


def test_sound_above_full_scale_is_not_damage(tmp_path: Path) -> None:
    with open_media(clip(tmp_path / "loud.mkv", 8.0)) as opened:
        sound = opened.sound()
    assert sound.damaged == 0
    assert np.abs(sound.samples).max() == 1.0


def test_sound_of_nan_only_counts_as_missing(tmp_path: Path) -> None:
    nothing = np.full((6 * RATE, 8), np.nan)
    path = write_clip(
        tmp_path / "a.mkv", times=[0.0, 5.9], sound=nothing, rate=RATE, layout="7.1", audio_codec="pcm_f32le"
    )
    sample = read_sample(path)
    assert not sample.sound.any() and not sample.voice_descriptors.any()
    assert any(str(6 * RATE * 8) in warning for warning in sample.warnings)
