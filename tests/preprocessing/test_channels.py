"""Sound without content, and sound in which the mean of the channels loses the voice: opposite channels, surround."""

from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.channels import pick_channels
from personality.preprocessing.media import open_media
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample, read_sample
from personality.preprocessing.sound import Sound
from personality.preprocessing.speech import explain_missing_sound, explain_missing_speech
from tests.preprocessing.clips import noise, write_clip

SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")
VOICE = noise(2.0)


def read(path: Path, channels: list[np.ndarray], layout: str) -> tuple[Sound, np.ndarray]:
    """The sound of a clip of uncompressed channels at 16 kHz."""
    times = [number / 10 for number in range(20)]
    sound = np.stack(channels, axis=1)
    write_clip(path, times=times, sound=sound, rate=16_000, layout=layout, audio_codec="pcm_f32le")
    with open_media(path) as video:
        return video.sound(), video.wideband()


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    sound, wide = read(tmp_path / "a.mkv", [VOICE * 0.8, -VOICE], "stereo")
    np.testing.assert_allclose(sound.samples[:32_000], -VOICE, atol=1e-3)
    assert level(wide) == pytest.approx(level(VOICE), rel=0.05)
    assert any("cancel" in note for note in sound.notes)


@pytest.mark.parametrize("other", [VOICE, VOICE * 0, noise(2.0, 3)], ids=["the same", "silent", "unrelated"])
def test_other_pairs_are_averaged(tmp_path: Path, other: np.ndarray) -> None:
    sound, _ = read(tmp_path / "a.mkv", [VOICE, other], "stereo")
    np.testing.assert_allclose(sound.samples[:32_000], (VOICE + other) / 2, atol=1e-3)
    assert sound.notes == ()


def test_center_channel_of_surround_sound_is_used(tmp_path: Path) -> None:
    music = [noise(2.0, seed) * 0.2 for seed in range(1, 6)]
    sound, wide = read(tmp_path / "a.mkv", [*music[:2], VOICE, *music[2:]], "5.1")
    np.testing.assert_allclose(sound.samples[:32_000], VOICE, atol=1e-3)
    assert level(wide) == pytest.approx(level(VOICE), rel=0.05)
    assert any("center" in note for note in sound.notes)


def test_silent_center_channel_is_not_used() -> None:
    samples = np.zeros((100, 6), np.float32)
    samples[:, 0] = samples[:, 1] = 0.5
    assert pick_channels(SURROUND, samples)[0] == [0, 1]
    samples[:, 2] = 0.03  # leakage, not a voice
    assert pick_channels(SURROUND, samples)[0] == [0, 1, 2]
    samples[:, 2] = 0.06
    assert pick_channels(SURROUND, samples)[0] == [2]


@pytest.mark.parametrize(("layout", "channels", "place"), [("quad", 4, 3), ("7.1", 8, 0)])
def test_voice_in_one_of_many_channels_keeps_its_level(tmp_path: Path, layout: str, channels: int, place: int) -> None:
    sound, wide = read(tmp_path / "a.mkv", [VOICE * (one == place) for one in range(channels)], layout)
    np.testing.assert_allclose(sound.samples[:32_000], VOICE, atol=1e-3)
    assert level(wide) == pytest.approx(level(VOICE), rel=0.05)
    assert any(f"1 of the {channels} channels" in note for note in sound.notes)


@pytest.mark.parametrize("noise_level", [0.0, 1 / 32_768])
def test_silent_sound_counts_as_missing(tmp_path: Path, noise_level: float) -> None:
    read(tmp_path / "a.mkv", [np.sign(VOICE) * noise_level], "mono")
    sample = read_sample(tmp_path / "a.mkv")
    assert (sample.audio_seconds, len(sample.rest), sample.voice_descriptors.any()) == (0.0, 0, False)
    assert any("silent" in warning for warning in sample.warnings)
    assert not any("is silence" in warning for warning in sample.warnings)
    assert explain_missing_sound(sample, 5.0)


def with_speech(*stretches: tuple[float, float], silent_window: bool = False) -> Sample:
    audio = np.zeros(80_000, np.float32) if silent_window else noise(5.0)
    return Sample(**{**EMPTY_SAMPLE.__dict__, "audio": audio, "audio_seconds": 5.0, "speech": stretches,
                     "rest": noise(3.0)})  # fmt: skip


def test_missing_speech_is_explained_with_time_and_amount() -> None:
    assert explain_missing_speech(with_speech((0.5, 2.0)), 5.0) == ""
    assert "6.2" in explain_missing_speech(with_speech((6.2, 8.0)), 5.0)
    assert "0.4" in explain_missing_speech(with_speech((4.6, 8.0)), 5.0)
    assert explain_missing_sound(with_speech((6.2, 8.0)), 5.0) == ""
    assert "6.2" in explain_missing_sound(with_speech((6.2, 8.0), silent_window=True), 5.0)
    assert explain_missing_sound(with_speech((6.2, 8.0), silent_window=True), 8.0) == ""
