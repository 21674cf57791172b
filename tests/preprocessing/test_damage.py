"""Damaged packets are skipped and counted, truncated files are read up to their end, unusual names are accepted."""

import os
from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.media import open_media, probe
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sample import read_sample
from tests.preprocessing.clips import RATE, erase_packet, noise, tone, write_clip, write_tracks

TIMES = [number / 10 for number in range(60)]


def clip(path: Path) -> Path:
    return write_clip(path, times=TIMES, sound=tone(6, 48_000, 2))


def test_a_damaged_packet_of_sound_is_skipped_and_counted(tmp_path: Path) -> None:
    with open_media(clip(tmp_path / "a.mp4")) as video:
        whole = video.sound()
    with open_media(erase_packet(tmp_path / "a.mp4", "audio", 100)) as video:
        damaged = video.sound()
        assert any("sound, skipped: 1" in note for note in video.notes())
    assert damaged.seconds == 5.0
    different = np.flatnonzero(np.abs(damaged.samples - whole.samples) > 0.05) / RATE
    assert pytest.approx(different.mean(), abs=0.1) == 100 * 1024 / 48_000  # all else is where it was
    assert np.ptp(different) < 0.1


def test_damaged_packets_of_the_picture_are_skipped_and_counted(tmp_path: Path) -> None:
    with open_media(erase_packet(clip(tmp_path / "a.mp4"), "video", 30)) as video:
        times = [frame.time for frame in video.frames()]
        video.sound()
        assert any("picture, skipped" in note for note in video.notes())
    assert 30 < len(times) < 60
    assert times == sorted(times)


def test_truncated_file_is_read_up_to_its_end(tmp_path: Path) -> None:
    pictures = [(time, np.full((64, 96, 3), 99, np.uint8)) for time in TIMES]
    path = write_tracks(tmp_path / "a.mkv", pictures=pictures, tracks=[[(0.0, noise(6.0))]])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sample = read_sample(path)
    assert sample.duration == pytest.approx(3.0, abs=0.3)
    assert sample.audio_seconds == pytest.approx(3.0, abs=0.3)
    assert any("of 6.0 s" in warning for warning in sample.warnings)


def test_undecodable_file_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", times=TIMES[:3])
    for number in range(3):
        erase_packet(path, "video", number)
    with pytest.raises(MediaError), open_media(path):
        pass


@pytest.mark.parametrize("name", [b"10:30.mp4", b"caf\xe9.mp4", "Mu\u0308ller.MP4".encode(), b"file:a b.mp4"])
def test_any_file_name_is_accepted(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip(tmp_path / "a.mp4").rename(tmp_path / os.fsdecode(name))
    assert probe(Path(os.fsdecode(name))).duration == pytest.approx(6.0, abs=0.1)
