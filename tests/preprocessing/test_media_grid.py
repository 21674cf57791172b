"""Common variants of clips (containers, codecs, rates, channels, frame times, rotations), compared with OpenCV."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from personality.preprocessing.frame import Frame
from personality.preprocessing.media import open_media, probe
from personality.preprocessing.sound import Sound
from tests.preprocessing.clips import tone, turn, write_clip

EVEN = [number / 10 for number in range(60)]
UNEVEN = [0.0, 0.1, 0.15, 0.4, 1.0, 1.033, 1.5, 2.5, 2.6, 2.61]


def read(path: Path) -> tuple[list[Frame], Sound]:
    with open_media(path) as video:
        return list(video.frames()), video.sound()


def reference(path: Path) -> list[np.ndarray]:
    """Read all frames as RGB with OpenCV, which includes its own FFmpeg and rotates frames to upright."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while (got := capture.read())[0]:
        frames.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    return frames


def assert_same_pictures(found: list[Frame], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for frame, other in zip(found, expected, strict=True):
        assert frame.picture().shape == other.shape
        assert np.abs(frame.picture().astype(int) - other).mean() < 3


@pytest.mark.parametrize(
    ("suffix", "codec", "audio_codec", "layout", "rate"),
    [
        ("mp4", "libx264", "aac", "mono", 8_000),
        ("mp4", "libx264", "aac", "stereo", 44_100),
        ("mp4", "libx264", "aac", "5.1", 48_000),
        ("mp4", "libx264", "aac", "stereo", 96_000),
        ("mov", "libx264", "pcm_s16le", "stereo", 22_050),
        ("mov", "libx264", "pcm_s24le", "5.1", 96_000),
        ("webm", "libvpx", "libopus", "mono", 48_000),
        ("webm", "libvpx-vp9", "libopus", "5.1", 48_000),
        ("mkv", "libx264", "flac", "stereo", 44_100),
        ("avi", "mpeg4", "libmp3lame", "stereo", 32_000),
        ("avi", "mpeg4", "pcm_s16le", "mono", 8_000),
        ("avi", "libx264", "pcm_s16le", "stereo", 11_025),
    ],
)
def test_every_format_gives_frames_and_five_seconds_of_sound(
    tmp_path: Path, suffix: str, codec: str, audio_codec: str, layout: str, rate: int
) -> None:
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    kind: dict[str, Any] = {"codec": codec, "audio_codec": audio_codec, "layout": layout, "rate": rate}
    path = write_clip(tmp_path / f"a.{suffix}", times=EVEN, sound=tone(6, rate, channels), **kind)
    frames, sound = read(path)
    assert_same_pictures(frames, reference(path))
    assert [frame.time for frame in frames] == pytest.approx(EVEN, abs=0.04)
    assert (sound.samples.shape, sound.samples.dtype, sound.seconds) == ((80_000,), np.float32, 5.0)
    middle = sound.samples[16_000:64_000]
    assert np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle) == pytest.approx(440, abs=1)
    # The 6th channel of 5.1 carries low tones only: lossy codecs drop ours there, and the mean is of five in six.
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.2)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_of_an_uneven_rate_keep_their_times(tmp_path: Path, codec: str) -> None:
    path = write_clip(tmp_path / "a.mp4", times=UNEVEN, codec=codec)
    frames, sound = read(path)
    assert_same_pictures(frames, reference(path))
    assert [frame.time for frame in frames] == pytest.approx(UNEVEN, abs=0.002)
    assert (sound.samples.any(), sound.seconds) == (False, 0.0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotated_clip_is_upright(tmp_path: Path, degrees: int) -> None:
    path = turn(write_clip(tmp_path / "a.mp4", times=EVEN[:5], size=(96, 64)), degrees)
    frames, _ = read(path)
    assert_same_pictures(frames, reference(path))
    height, width = frames[0].grey().shape
    assert (width, height) == ((96, 64) if degrees % 180 == 0 else (64, 96))
    assert (probe(path).width, probe(path).height) == (width, height)
    left, top = {0: (True, True), 90: (False, True), 180: (False, False), 270: (True, False)}[degrees]
    corner = frames[0].picture()[slice(0, 8) if top else slice(-8, None), slice(0, 8) if left else slice(-8, None)]
    assert corner[..., 0].mean() > 180


def test_a_portrait_clip_keeps_its_shape(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", times=EVEN[:5], size=(64, 112))
    frames, _ = read(path)
    assert_same_pictures(frames, reference(path))


@pytest.mark.parametrize("seconds", [0.01, 2.5, 4.999])
def test_sound_that_ends_early_is_followed_by_silence(tmp_path: Path, seconds: float) -> None:
    sound = tone(seconds, 44_100, 2)
    path = write_clip(tmp_path / "a.mov", times=EVEN, sound=sound, rate=44_100, audio_codec="pcm_s16le")
    _, heard = read(path)
    assert heard.samples.shape == (80_000,)
    assert heard.seconds == pytest.approx(seconds, abs=0.002)
    assert not heard.samples[round(seconds * 16_000) + 50 :].any()
    assert heard.samples[: round(seconds * 16_000)].any()


def test_skipped_frames_do_not_shift_other_frames(tmp_path: Path) -> None:
    """In videos with many frames, non-reference frames are skipped; the others equal OpenCV's at the same times."""
    times = [number / 30 for number in range(240)]
    path = write_clip(tmp_path / "a.mp4", times=times, fps=30)
    frames, _ = read(path)
    assert 60 < len(frames) < 240
    everything = reference(path)
    assert_same_pictures(frames, [everything[round(frame.time * 30)] for frame in frames])
