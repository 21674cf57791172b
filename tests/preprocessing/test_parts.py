"""A part of a long video is read as if it had been cut out."""

from pathlib import Path

import numpy as np
import pytest

from personality.preprocessing.media import measure_duration, open_media
from personality.preprocessing.streams import TimeSpan
from tests.preprocessing.clips import RATE, noise, picture, write_tracks

SECONDS = 90


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 s of picture, four frames a second, with noise; too long for one clip."""
    shown = [(number / 4, picture(number % 60, 96, 64)) for number in range(4 * SECONDS)]
    return write_tracks(tmp_path_factory.mktemp("long") / "a.mkv", pictures=shown, tracks=[[(0.0, noise(SECONDS))]])


def test_sound_and_frames_of_a_part_are_those_of_its_time(video: Path) -> None:
    with open_media(video, part=TimeSpan(70.0, 80.0)) as part:
        frames = list(part.frames())
        assert part.metadata.duration == pytest.approx(10.0, abs=0.02)
        assert part.picture_span == (pytest.approx(0, abs=0.01), pytest.approx(10, abs=0.3))
        heard = part.sound()
    assert min(frame.time for frame in frames) == pytest.approx(0.0, abs=0.01)
    assert max(frame.time for frame in frames) == pytest.approx(10.0, abs=0.3)
    sound = np.concatenate([heard.samples, heard.rest])
    np.testing.assert_allclose(sound, noise(SECONDS)[70 * RATE : 80 * RATE], atol=1e-4)


def test_a_part_after_the_end_has_nothing(video: Path) -> None:
    with open_media(video, part=TimeSpan(85.0, 95.0)) as part:
        assert part.metadata.duration == pytest.approx(5.0, abs=0.3)
        assert part.sound().seconds == pytest.approx(5.0, abs=0.01)


def test_the_length_of_a_video_of_any_length_is_measured(video: Path) -> None:
    assert measure_duration(video) == pytest.approx(SECONDS, abs=0.3)
