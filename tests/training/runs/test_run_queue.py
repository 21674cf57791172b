"""Runs wait for each other, and the queue survives the processes that work it off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import hold_lock_file
from tests.conftest import ROOT
from tests.waiting import wait_for
from training.__main__ import main
from training.config.run_config import Stage, preset
from training.runs import launch, run_queue
from training.runs.run import Run
from training.runs.run_queue import enqueue_runs, has_worker, hold_device, list_group, list_waiting_runs, work_off_queue

ONE_EPOCH = (Stage(1, "head", 1e-3),)


def new_runs(folder: Path, cache: Cache, *names: str) -> list[Run]:
    runs = [Run(folder / name) for name in names]
    for run in runs:
        run.create(preset("audio", stages=ONE_EPOCH), cache.folder)
    return runs


def test_runs_wait_in_the_order_in_which_they_were_added(cache: Cache, tmp_path: Path) -> None:
    b, a, other = new_runs(tmp_path, cache, "b", "a", "other")
    assert list_waiting_runs(tmp_path) == [], "a run that was only created is not in the queue"
    enqueue_runs([b, a])
    assert list_waiting_runs(tmp_path) == [b, a]
    assert list_group(a) == [b, a]
    assert list_group(other) == [other]
    b.write_status("done")
    assert list_waiting_runs(tmp_path) == [a]
    assert list_group(a) == [b, a]


def test_a_waiting_run_outlives_the_process_that_added_it(cache: Cache, tmp_path: Path) -> None:
    (run,) = new_runs(tmp_path, cache, "audio")
    code = "import sys; from pathlib import Path; from training.runs.run import Run; "
    code += "from training.runs.run_queue import enqueue_runs; enqueue_runs([Run(Path(sys.argv[1]))])"
    subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=ROOT, check=True)
    assert run.status()["state"] == "queued"
    assert list_waiting_runs(tmp_path) == [run]


@pytest.mark.trial
def test_the_command_works_the_queue_off(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (run,) = new_runs(tmp_path, cache, "audio")
    enqueue_runs([run])
    assert main(["queue", str(tmp_path)]) == 0
    assert "audio" in capsys.readouterr().out
    assert run.status()["state"] == "done"
    assert run.status()["pid"] != os.getpid()
    assert main(["queue", str(tmp_path)]) == 0
    assert "no run" in capsys.readouterr().out


def test_a_process_that_ends_before_it_trains_does_not_block_the_queue(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = new_runs(tmp_path, cache, "a", "b")
    enqueue_runs(runs)
    monkeypatch.setattr(run_queue.sys, "executable", "/bin/false")
    assert work_off_queue(tmp_path)
    assert [run.status()["state"] for run in runs] == ["failed", "failed"]


def test_there_is_one_worker(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue_runs(new_runs(tmp_path, cache, "audio"))
    started: list[Path] = []
    monkeypatch.setattr(launch, "_start_worker", started.append)
    monkeypatch.setattr(run_queue, "WORKER_WAIT_SECONDS", 0.0)
    with hold_lock_file(run_queue._lock_path(tmp_path, "queue"), ""):
        assert has_worker(tmp_path)
        assert not work_off_queue(tmp_path)
        launch.continue_queue(tmp_path)
        assert started == []
    launch.continue_queue(tmp_path)
    assert started == [tmp_path]


def test_a_waiting_run_is_stopped_without_a_signal(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = new_runs(tmp_path, cache, "a", "b")
    enqueue_runs(runs)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("no process belongs to it"))
    launch.stop_runs(runs)
    assert [run.status()["state"] for run in runs] == ["stopped", "stopped"]
    assert list_waiting_runs(tmp_path) == []


def test_a_run_of_the_command_line_waits_for_the_device(cache: Cache, tmp_path: Path) -> None:
    (first,) = new_runs(tmp_path, cache, "first")
    command = [sys.executable, "-m", "training", "run", str(cache.folder), "--modality", "audio", "--epochs", "1"]
    with hold_device(first, wait=True):
        with pytest.raises(ValueError, match="Another run"), hold_device(first, wait=False):
            pass
        second = subprocess.Popen([*command, "--out", str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
        wait_for(lambda: "waiting" in Run(tmp_path / "audio").log_tail(), seconds=60)
        assert Run(tmp_path / "audio").status()["state"] == "queued"
    assert second.wait(timeout=120) == 0
    assert Run(tmp_path / "audio").status()["state"] == "done"


def test_errors_within_the_device_are_not_taken_for_a_busy_one(cache: Cache, tmp_path: Path) -> None:
    (run,) = new_runs(tmp_path, cache, "audio")
    with pytest.raises(ValueError, match="inside"), hold_device(run, wait=True):
        raise ValueError("inside")
