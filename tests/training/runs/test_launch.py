"""Folders of runs, and runs as processes of their own."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from tests.waiting import wait_for
from training.__main__ import main
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine.train_run import train_run
from training.runs import launch
from training.runs.run import ACTIVE_STATES, Run
from training.runs.run_queue import list_group

HEAD = (Stage(3, "head", 1e-3, frames=2),)


def test_a_run_folder_is_not_overwritten(runs: Path, cache: Cache) -> None:
    with pytest.raises(FileExistsError, match="resume it"):
        Run(runs / "audio").create(preset("audio"), cache.folder)
    assert launch.find_free_run_folder(runs, preset("audio")) == runs / "audio-2"


def test_a_run_without_clips_or_table_leaves_no_folder(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = ["--out", str(tmp_path / "runs")]
    assert main(["run", str(tmp_path / "none"), "--modality", "audio", *out]) == 1
    assert "none" in capsys.readouterr().err
    assert main(["run", str(cache.folder), "--modality", "features", "--table", "missing", *out]) == 1
    assert "missing" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_not_resumed(runs: Path, capsys: pytest.CaptureFixture) -> None:
    before = (runs / "audio" / "status.json").read_bytes()
    assert main(["resume", str(runs / "audio")]) == 0
    assert "finished" in capsys.readouterr().out
    assert (runs / "audio" / "status.json").read_bytes() == before


def test_a_run_that_never_began_gives_its_name_back(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audiovisual")
    run.create(preset("audiovisual", stages=HEAD), cache.folder)
    with pytest.raises(TrainingError):
        train_run(run)
    assert launch.find_free_run_folder(tmp_path, preset("audiovisual")) == run.folder


def test_stop_never_signals_its_own_process(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio"), cache.folder)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("the server would have died"))
    launch.stop_run(run)


def test_a_run_whose_process_has_ended_is_stale(tmp_path: Path, cache: Cache) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio"), cache.folder)
    status = json.loads((run.folder / "status.json").read_text())
    (run.folder / "status.json").write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 1}))
    assert run.status()["state"] == "stale"


def wait(run: Run, wanted: set[str], seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while run.status()["state"] not in wanted and time.monotonic() < end:
        time.sleep(0.1)
    return run.status()["state"]


def test_a_job_runs_in_the_background_stops_and_resumes(cache: Cache, tmp_path: Path) -> None:
    config = preset("audio", stages=(Stage(4000, "head", 1e-5),), patience=4000)
    run = launch.start_runs([config], cache=cache.folder, runs=tmp_path)[0]
    end = time.monotonic() + 60
    while len(run.metrics()) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    pid = run.status()["pid"]
    assert pid != os.getpid()
    assert os.getsid(pid) != os.getsid(0)
    launch.stop_run(run)
    assert wait(run, {"stopped"}) == "stopped"
    epochs = len(run.metrics())
    launch.resume_runs([run])
    end = time.monotonic() + 60
    while len(run.metrics()) <= epochs and time.monotonic() < end:
        time.sleep(0.1)
    assert len(run.metrics()) > epochs
    assert run.status()["state"] in ACTIVE_STATES
    with pytest.raises(ValueError, match="is running; stop it first"):
        launch.resume_runs([run])
    os.kill(run.status()["pid"], signal.SIGKILL)
    assert wait(run, {"stale"}) == "stale"


@pytest.mark.trial
def test_four_modalities_are_trained_one_after_the_other(cache: Cache, tmp_path: Path) -> None:
    configs = [preset(one, stages=HEAD, batch=4) for one in ("audio", "visual", "audiovisual", "handcrafted")]
    begun = launch.start_runs(configs, cache=cache.folder, runs=tmp_path)
    assert [run.folder.name for run in begun] == ["audio", "visual", "audiovisual", "handcrafted"]
    assert {run.status()["state"] for run in begun[1:]} == {"queued"}
    assert [run.folder.name for run in list_group(begun[2])] == ["audio", "visual", "audiovisual", "handcrafted"]
    assert wait(begun[-1], {"done", "failed", "stopped"}, 120) == "done", begun[-1].log_tail()
    assert [run.status()["state"] for run in begun] == ["done"] * 4
    status = begun[0].status()
    assert status["memory"] > 2**20
    assert status["device"]


@pytest.mark.trial
def test_a_run_that_fails_does_not_hold_up_the_next(cache: Cache, tmp_path: Path) -> None:
    """A fusion without its branches fails, with the reason."""
    configs = [preset(one, stages=HEAD, batch=4) for one in ("audiovisual", "audio")]
    first, second = launch.start_runs(configs, cache=cache.folder, runs=tmp_path)
    assert wait(second, {"done", "failed"}) == "done"
    assert first.status()["state"] == "failed"
    assert "train audio first" in first.status()["why"]


@pytest.mark.trial
def test_a_look_before_the_start_trains_nothing_and_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    words = launch.dry_run_in_subprocess(preset("audio", stages=HEAD, batch=4), cache=cache.folder, runs=tmp_path)
    assert "clips to train on" in words and "accuracy to beat" in words
    with pytest.raises(ValueError, match="No finished audio run"):
        launch.dry_run_in_subprocess(preset("audiovisual", stages=HEAD, batch=4), cache=cache.folder, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_active_cannot_be_stopped(runs: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["stop", str(runs / "audio")]) == 1
    assert "done" in capsys.readouterr().err


def test_the_command_stops_an_active_run(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = preset("audio", stages=(Stage(100_000, "head", 1e-5),))
    run = launch.start_runs([config], cache=cache.folder, runs=tmp_path)[0]
    wait_for(lambda: len(run.metrics()) > 0)
    assert main(["stop", str(run.folder)]) == 0
    assert "audio" in capsys.readouterr().out
    wait_for(lambda: run.status()["state"] not in ACTIVE_STATES)
    assert run.status()["state"] == "stopped"
