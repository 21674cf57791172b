"""Picture and sound are placed by their timestamps: late, early, with gaps, or all of them offset."""

from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.media import open_media, probe
from personality.preprocessing.sample import read_sample
from tests.preprocessing.clips import RATE, Piece, noise, picture, sample_picture, write_clip, write_tracks

SOUND = noise(4.0)
TIMES = [number / 10 for number in range(40)]
GREY = picture(0, 96, 64)


def read(
    path: Path, pieces: list[Piece], *, shown: float = 0.0
) -> tuple[np.ndarray, np.ndarray, list[float], tuple[float, float]]:
    """Read the sound at both rates, the times of the frames, and the span of the picture of a written clip."""
    write_tracks(path, pictures=[(shown + time, GREY) for time in TIMES], tracks=[pieces])
    with open_media(path) as video:
        times, span = [frame.time for frame in video.frames()], video.picture_span
        sound = video.sound()
        return np.concatenate([sound.samples, sound.rest]), video.wideband(), times, span


def placed(*pieces: Piece) -> np.ndarray:
    """Return the expected sound of these pieces, float32 (80000,)."""
    expected = np.zeros(80_000, np.float32)
    for start, samples in pieces:
        place = round(start * RATE)
        expected[max(place, 0) : place + len(samples)] = samples[max(-place, 0) :]
    return expected


def lag_seconds(wide: np.ndarray, narrow: np.ndarray) -> float:
    """Return the delay of the 44.1 kHz sound relative to the other, from the peak of their correlation."""
    wide = np.interp(np.arange(0, len(wide) / 44_100, 1 / RATE), np.arange(len(wide)) / 44_100, wide)
    count = len(wide) + len(narrow)
    product = np.fft.rfft(wide, count) * np.conj(np.fft.rfft(narrow, count))
    peak = int(np.fft.irfft(product, count).argmax())
    return (peak - count if peak > count / 2 else peak) / RATE


@pytest.mark.parametrize(
    "pieces",
    [
        [(0.0, SOUND)],
        [(3.0, SOUND[: 2 * RATE])],
        [(0.0, SOUND[:RATE]), (3.0, SOUND[RATE : 2 * RATE])],
        [(0.0, SOUND[: 2 * RATE]), (1.5, SOUND[2 * RATE :])],
    ],
    ids=["as it is", "late", "gap", "overlap"],
)
def test_sound_is_placed_by_its_timestamps(tmp_path: Path, pieces: list[Piece]) -> None:
    narrow, wide, times, _ = read(tmp_path / "a.mkv", pieces)
    np.testing.assert_allclose(narrow, placed(*pieces), atol=1e-4)
    assert abs(lag_seconds(wide, placed(*pieces))) < 0.02
    assert times == pytest.approx(TIMES, abs=0.001)


def test_timestamp_jitter_leaves_no_gap(tmp_path: Path) -> None:
    jitter = np.random.default_rng(1).uniform(-0.005, 0.005, 40)
    pieces = [(0.1 * k + 0.005 + float(jitter[k]), SOUND[1600 * k : 1600 * (k + 1)]) for k in range(40)]
    narrow, *_ = read(tmp_path / "a.mkv", pieces)
    np.testing.assert_allclose(narrow, placed((0.0, SOUND)), atol=1e-4)


def test_late_picture_does_not_shift_the_sound(tmp_path: Path) -> None:
    narrow, _, times, span = read(tmp_path / "a.mkv", [(0.0, SOUND)], shown=3.0)
    np.testing.assert_allclose(narrow, placed((0.0, SOUND)), atol=1e-4)
    assert times == pytest.approx([3.0 + time for time in TIMES], abs=0.001)
    assert span == pytest.approx((3.0, 7.0), abs=0.11)


def test_common_offset_of_all_streams_changes_nothing(tmp_path: Path) -> None:
    plain = read(tmp_path / "a.mkv", [(1.0, SOUND)])
    moved = read(tmp_path / "b.mkv", [(11.0, SOUND)], shown=10.0)
    np.testing.assert_array_equal(moved[0], plain[0])
    assert moved[2] == pytest.approx(plain[2], abs=0.001)
    with open_media(tmp_path / "b.mkv") as video:
        assert video.metadata.duration == pytest.approx(5.0, abs=0.11)


@pytest.mark.parametrize("start", [0.0, 2.0])
def test_the_first_timestamp_is_stated(tmp_path: Path, start: float) -> None:
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")):
        path = write_clip(tmp_path / name, times=[start + 0.1 * number for number in range(30)], codec=codec)
        metadata = probe(path)
        assert metadata.start == pytest.approx(start, abs=0.001)
        assert metadata.duration == pytest.approx(3.0, abs=0.11)


def test_moments_are_spread_over_the_time_with_picture(tmp_path: Path) -> None:
    person = sample_picture()
    path = write_tracks(tmp_path / "a.mkv", pictures=[(3.0 + time, person) for time in TIMES], tracks=[[(0.0, SOUND)]])
    sample = read_sample(path)
    assert np.abs(sample.times - (3.0 + (np.arange(16) + 0.5) * 0.25)).max() < 0.11
    assert not any("moments" in warning for warning in sample.warnings)


@pytest.mark.parametrize(("times", "faces"), [([0.0], 1), ([0.0, 1.5, 3.0], 3)])
def test_a_frame_is_shown_until_the_next(tmp_path: Path, times: list[float], faces: int) -> None:
    person = sample_picture()
    path = write_tracks(tmp_path / "a.mkv", pictures=[(time, person) for time in times], tracks=[[(0.0, SOUND)]])
    sample = read_sample(path)
    assert sample.times.tolist() == pytest.approx(times, abs=0.001)
    assert len(sample.faces) == faces
    assert not any("moments" in warning for warning in sample.warnings)


def test_video_slightly_over_maximum_length_is_read(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", pictures=[(0.0, GREY), (60.2, GREY)], tracks=[[(0.0, SOUND)]])
    with open_media(path) as video:
        assert [frame.time for frame in video.frames()] == [0.0]
