"""Prediction of a folder of videos as a table, which an interrupted run resumes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path, PosixPath

import pandas as pd
import pytest

from personality.assets import demo
from personality.cli.main import main
from personality.explain.document import EXPLANATIONS
from personality.inference import batch
from personality.inference.batch import predict_in_processes
from personality.inference.batch_table import BatchTable
from personality.inference.video_files import VideoPart, find_videos
from personality.inference.video_prediction import Document, PredictionOptions
from personality.preprocessing.worker_pools import WORKER_DIED_MESSAGE
from personality.traits import TRAIT_NAMES
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

    def predict_part(part: VideoPart, *_: object, **__: object) -> list[Document]:
        calls.append(part.clip)
        return [{"clip": part.clip, "error": "still broken"}]

    monkeypatch.setattr(batch, "predict_part", predict_part)
    (folder / "broken.mp4").unlink()
    assert main(arguments(folder, out)) == 0
    assert calls == []
    os.utime(folder / "b.mp4", (1, 1))
    assert main(arguments(folder, out)) == 1
    assert calls == ["b.mp4"]
    assert out.read_bytes() != first


@pytest.mark.trial
def test_a_cluster_gives_the_table_of_this_process(
    folder: Path, tmp_path: Path, dask: Callable[..., None], scheduler: str
) -> None:
    dask("worker", "--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "1")
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert main(arguments(folder, here)) == 1  # one clip is broken
    assert main([*arguments(folder, there)[:-2], "--dask", scheduler]) == 1
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.trial
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


@pytest.mark.trial
def test_clip_that_kills_its_process_fails_alone(tmp_path: Path) -> None:
    parts = [VideoPart(name, write_clip(tmp_path / name, times=[0.0, 0.1])) for name in ("a.mp4", "b.mp4")]
    todo = {part.key: part for part in [VideoPart("deadly.mp4", DeadlyPath("deadly.mp4")), *parts]}
    documents = {clip: one for (clip, _), (one,) in predict_in_processes(todo, (MODEL,), PredictionOptions(), 2)}
    assert set(documents) == {"a.mp4", "b.mp4", "deadly.mp4"}
    assert [clip for clip, one in documents.items() if one.get("error") == WORKER_DIED_MESSAGE] == ["deadly.mp4"]


def test_windows_and_people_have_separate_rows(tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    words = ["predict", str(demo.DEMO_SPEECH_CLIP_FILE), "--run", str(MODEL), "--out", str(out), "--workers", "1"]
    assert main([*words, "--windows", "5"]) == 0
    table = pd.read_csv(out)
    assert table["start"].tolist() == [0.0, 5.0]
    assert table["end"].iloc[0] == 5.0
    assert table["end"].iloc[1] == pytest.approx(table["duration"].sum(), abs=0.1)
    assert table[f"{MODEL.name}_openness"].nunique() == 2
    assert main([*words, "--person", "each"]) == 0
    table = pd.read_csv(out)
    assert table["person"].tolist() == [1]
    assert table["start"].isna().all()


def test_a_part_of_a_video_is_predicted_and_windows_have_a_summary(capsys: pytest.CaptureFixture) -> None:
    words = ["predict", str(demo.DEMO_SPEECH_CLIP_FILE), "--run", str(MODEL), "--json", "--workers", "1"]
    assert main([*words, "--from", "2", "--to", "8"]) == 0
    part = json.loads(capsys.readouterr().out)
    assert (part["start"], part["end"], part["duration"]) == (2.0, 8.0, 6.0)
    assert main([*words, "--windows", "6"]) == 0
    whole = json.loads(capsys.readouterr().out)
    values = [window["traits"][MODEL.name]["openness"] for window in whole["windows"]]
    assert len(values) == 2
    assert whole["traits"][MODEL.name]["openness"] == pytest.approx(sum(values) / 2, abs=1e-4)
    assert whole["spread"][MODEL.name]["openness"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5, abs=1e-4)
    assert max(face["time"] for face in whole["faces"]) > 6
    assert main([*words, "--windows", "2"]) == 1
    assert "2 s" in capsys.readouterr().err


def test_explanations_are_added_to_the_json(capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(demo.DEMO_CLIP_FILE), "--run", str(MODEL), "--json", "--explain"]) == 0
    found = json.loads(capsys.readouterr().out)["explanations"]
    assert set(found) == set(EXPLANATIONS)
    assert {row["trait"] for row in found["audio_occlusion"]} == set(TRAIT_NAMES)
    assert found["word_occlusion"] == []


def test_unrelated_or_unsupported_table_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "other.csv").write_text("clip,mine\na,1\n")
    assert main(arguments(folder, tmp_path / "other.csv")) == 1
    assert "other.csv" in capsys.readouterr().err
    assert (tmp_path / "other.csv").read_text() == "clip,mine\na,1\n"
    with pytest.raises(ValueError, match=r"\.xlsx"):
        BatchTable(tmp_path / "table.xlsx", ["clip"])
