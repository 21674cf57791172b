"""Division of videos into parts to predict: whole clips, intervals, windows."""

from pathlib import Path

import numpy as np
import pytest

from personality.inference.video_files import VideoFile, VideoPart, divide_into_windows, plan_parts
from personality.preprocessing.streams import TimeSpan
from tests.preprocessing.clips import write_clip


def test_windows_cover_a_video_and_include_a_short_rest() -> None:
    assert divide_into_windows(0.0, 90.0, 30.0) == [(0, 30), (30, 60), (60, 90)]
    assert divide_into_windows(10.0, 80.0, 30.0) == [(10, 40), (40, 80)]
    assert divide_into_windows(0.0, 110.0, 30.0) == [(0, 30), (30, 60), (60, 90), (90, 110)]
    assert divide_into_windows(0.0, 3.0, 30.0) == [(0, 3)]
    assert divide_into_windows(0.0, 85.0, 60.0) == [(0, 60)]  # 85 s are too long for a clip


def test_only_long_videos_are_divided_unless_asked(tmp_path: Path) -> None:
    short = VideoFile("short", write_clip(tmp_path / "short.mp4", times=np.arange(0, 20, 0.5).tolist()))
    long = VideoFile("long", write_clip(tmp_path / "long.mp4", times=np.arange(0, 95, 0.5).tolist()))
    parts = plan_parts([short, long])
    assert parts[0] == VideoPart("short", short.file)
    assert [part.span for part in parts[1:]] == [(0, 30), (30, 60), (60, pytest.approx(95, abs=0.6))]
    assert plan_parts([long], start=10, end=40) == [VideoPart("long", long.file, TimeSpan(10, 40))]
    assert [part.span for part in plan_parts([short], window=10)] == [(0, 10), (10, pytest.approx(20, abs=0.6))]
    for wrong in ({"window": 61.0}, {"window": 4.0}, {"start": -1.0}, {"start": 9.0, "end": 3.0}):
        with pytest.raises(ValueError, match="xpected"):
            plan_parts([short], **wrong)


def test_unreadable_file_is_one_part(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    assert plan_parts([VideoFile("broken", broken)], window=10) == [VideoPart("broken", broken)]
