"""Prediction of a folder of videos as a table, which an interrupted run resumes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path, PosixPath

import pandas as pd
import pytest

from personality.assets import demo
from personality.cli.main import main
from personality.inference import batch
from personality.inference.batch import WORKER_DIED_MESSAGE, VideoFile, find_videos, predict_in_processes
from personality.inference.batch_table import BatchTable
from tests.preprocessing.clips import write_clip

ROOT = Path(__file__).parents[2]
MODEL = demo.PRACTICE_MODEL_FOLDERS[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips, one of them in a subfolder, a broken clip, and two files that are ignored."""
    place = tmp_path / "videos"
    (place / "day 2").mkdir(parents=True)
    for name in ("b.mp4", "day 2/a.MP4"):
        (place / name).write_bytes(demo.DEMO_CLIP_FILE.read_bytes())
    (place / "10:30.mp4").write_bytes(demo.DEMO_CLIP_FILE.read_bytes())
    (place / "broken.mp4").write_text("no video")
    (place / ".hidden.mp4").write_text("no video")
    (place / "notes.txt").write_text("no video")
    return place


class DeadlyPath(PosixPath):
    """A path that kills the process that checks whether it is a folder."""

    def is_dir(self) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False


def arguments(folder: Path, out: Path, workers: int = 1) -> list[str]:
    return ["predict", str(folder), "--run", str(MODEL), "--out", str(out), "--workers", str(workers)]


def test_folder_is_searched_and_clips_have_relative_paths(folder: Path, tmp_path: Path) -> None:
    assert [video.clip for video in find_videos([folder])] == ["10:30.mp4", "b.mp4", "broken.mp4", "day 2/a.MP4"]
    other = tmp_path / "b.mp4"
    clips = [video.clip for video in find_videos([folder, other])]
    assert {str(other), str(folder / "b.mp4")} < set(clips)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty"):
        find_videos([tmp_path / "empty"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_clip_has_a_row_and_finished_clips_are_kept(
    folder: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"table{suffix}"
    assert main(arguments(folder, out)) == 1
    first = out.read_bytes()
    table = pd.read_csv(out, keep_default_na=False) if suffix == ".csv" else pd.read_parquet(out)
    assert table["clip"].tolist() == ["10:30.mp4", "b.mp4", "broken.mp4", "day 2/a.MP4"]
    assert [bool(error) for error in table["error"]] == [False, False, True, False]
    assert not list(tmp_path.glob(".*"))
    good = table[table["error"] == ""]
    for name in ("openness", "emotional_stability_low"):
        assert good[f"{MODEL.name}_{name}"].astype(float).between(0, 1).all()
    assert good["age"].astype(float).between(5, 90).all()

    calls: list[str] = []

    def predict_video(video: VideoFile, *_: object, **__: object) -> batch.Document:
        calls.append(video.clip)
        return {"clip": video.clip, "error": "still broken"}

    monkeypatch.setattr(batch, "predict_video", predict_video)
    (folder / "broken.mp4").unlink()
    assert main(arguments(folder, out)) == 0
    assert calls == []
    os.utime(folder / "b.mp4", (1, 1))
    assert main(arguments(folder, out)) == 1
    assert calls == ["b.mp4"]
    assert out.read_bytes() != first


def test_killed_run_resumes_with_identical_result(folder: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "table.csv", tmp_path / "whole.csv"
    (folder / "broken.mp4").unlink()
    words = [sys.executable, "-m", "personality", *arguments(folder, out)]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 240
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = pd.read_csv(out)
    assert 1 <= len(kept) <= 3
    assert main(arguments(folder, out)) == 0
    assert main(arguments(folder, whole)) == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_clip_that_kills_its_process_costs_its_own_row(tmp_path: Path) -> None:
    videos = {name: VideoFile(name, write_clip(tmp_path / name, times=[0.0, 0.1])) for name in ("a.mp4", "b.mp4")}
    deadly = VideoFile("deadly.mp4", DeadlyPath("deadly.mp4"))
    documents = {one["clip"]: one for one in predict_in_processes({"deadly.mp4": deadly, **videos}, (MODEL,), 2)}
    assert set(documents) == {"a.mp4", "b.mp4", "deadly.mp4"}
    assert [clip for clip, one in documents.items() if one.get("error") == WORKER_DIED_MESSAGE] == ["deadly.mp4"]


def test_a_table_of_another_kind_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "other.csv").write_text("clip,mine\na,1\n")
    assert main(arguments(folder, tmp_path / "other.csv")) == 1
    assert "other.csv" in capsys.readouterr().err
    assert (tmp_path / "other.csv").read_text() == "clip,mine\na,1\n"
    with pytest.raises(ValueError, match=r"\.xlsx"):
        BatchTable(tmp_path / "table.xlsx", ["clip"])
