"""A run as a job, with submitit's executor for this machine in place of SLURM."""

import sys
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from tests.waiting import wait_for
from training.__main__ import main
from training.config.run_config import preset
from training.engine.cluster import TrainingJob, parse_parameters
from training.runs import launch
from training.runs.run import Run


def test_two_processes_of_a_job_train_one_run(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command = ["run", str(cache.folder), "--modality", "audio", "--epochs", "2", "--out", str(tmp_path)]
    assert main([*command, "--launcher", "local", "--job", "tasks_per_node=2", "--job", "timeout_min=5"]) == 0
    assert "job" in capsys.readouterr().out
    run = Run(tmp_path / "audio")
    assert run.status()["state"] != "stale"
    wait_for(lambda: run.status()["state"] in ("done", "failed", "stale"))
    assert run.status()["state"] == "done", run.log_tail()
    assert len(run.metrics()) == 2
    wait_for(lambda: len(list((tmp_path / ".jobs").glob("*_result.pkl"))) == 2)  # one per process


def test_a_wrong_parameter_is_a_sentence(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("submitit")
    command = ["run", str(cache.folder), "--modality", "audio", "--out", str(tmp_path), "--launcher", "local"]
    assert main([*command, "--job", "colour=red"]) == 1
    assert "colour" in capsys.readouterr().err
    assert main([*command, "--job", "red"]) == 1
    assert "NAME=VALUE" in capsys.readouterr().err
    assert not (tmp_path / "audio").exists()
    assert parse_parameters(["nodes=2", "slurm_partition=gpu=a"]) == {"nodes": 2, "slurm_partition": "gpu=a"}


def test_without_submitit_or_slurm_nothing_is_submitted(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["run", str(cache.folder), "--modality", "audio", "--out", str(tmp_path)]
    monkeypatch.setenv("PATH", "")
    pytest.importorskip("submitit")
    assert main([*command, "--launcher", "slurm"]) == 1
    assert "slurm" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main([*command, "--launcher", "local"]) == 1
    assert "pip install submitit" in capsys.readouterr().err


def test_a_job_waits_without_a_process_and_is_stopped_by_the_cluster(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio"), cache.folder)
    run.write_status("queued", pid=0, job="17")
    assert run.status()["state"] == "queued"
    with pytest.raises(ValueError, match="scancel 17"):
        launch.stop_run(run)


def test_an_interrupted_job_is_submitted_again(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    again = TrainingJob(tmp_path).checkpoint()
    assert again.function == TrainingJob(tmp_path)
