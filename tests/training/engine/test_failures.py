"""What goes wrong is one sentence, and costs nothing that was there."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from personality.preprocessing import cache as cache_module
from personality.preprocessing.cache import Cache, CacheError
from personality.utils.atomic_files import hold_lock_file
from tests.training.helpers import Death, run_to_end
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine import epoch as epoch_module
from training.engine import resume
from training.engine.trainer import train_run
from training.runs.run import Run

HEAD = (Stage(3, "head", 1e-3, frames=2),)


def test_fusion_without_trained_branches_raises(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audiovisual")
    run.create(preset("audiovisual", stages=HEAD), cache.folder)
    with pytest.raises(TrainingError, match="train audio first"):
        train_run(run)
    assert run.status()["state"] == "failed"
    assert "train audio first" in run.status()["why"]


def test_two_processes_cannot_write_one_run(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), cache.folder)
    with hold_lock_file(run.folder / "lock", ""), pytest.raises(ValueError, match="Another process is writing"):
        train_run(run)
    train_run(run)
    assert run.status()["state"] == "done"


def a_run_of_two_epochs(cache: Cache, folder: Path, **changes: Any) -> tuple[Run, bytes]:
    """A run that stops after its first epoch, and the checkpoint that it has then."""
    run = Run(folder)
    run.create(preset("audio", stages=(Stage(2, "head", 1e-3),), **changes), cache.folder)
    record = Run.record_metrics

    def die(self: Run, metrics: dict) -> None:
        if metrics["epoch"] > 1:
            raise Death
        record(self, metrics)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "record_metrics", die)
        with pytest.raises(Death):
            train_run(run)
    return run, (run.folder / "model.safetensors").read_bytes()


def test_a_loss_that_is_no_number_is_a_sentence_and_costs_nothing(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = a_run_of_two_epochs(cache, tmp_path / "audio")
    monkeypatch.setitem(
        epoch_module.LOSS_FUNCTIONS, "l1", lambda predicted, labels, weights: (predicted - labels).mean() * torch.nan
    )
    with pytest.raises(TrainingError, match="not finite"):
        train_run(run)
    assert run.status()["state"] == "failed"
    assert (run.folder / "model.safetensors").read_bytes() == kept


def test_a_full_disk_is_a_sentence_and_the_last_epoch_is_kept(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = a_run_of_two_epochs(cache, tmp_path / "audio")
    whole = run_to_end(tmp_path / "whole", cache, run.config)
    state = (run.folder / "state.safetensors").read_bytes()

    def full(path: Path, data: bytes) -> None:
        path.with_name(f".{path.name}.torn").write_bytes(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(resume, "write_bytes", full)
        with pytest.raises(TrainingError, match=r"disk of .* is full"):
            train_run(run)
    assert run.status()["why"].startswith("The disk of")
    assert (run.folder / "model.safetensors").read_bytes() == kept
    assert (run.folder / "state.safetensors").read_bytes() == state
    train_run(run)
    assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_a_cache_of_other_constants_is_a_sentence(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "CACHE_FORMAT_VERSION", 99)
    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), cache.folder)
    with pytest.raises(CacheError, match=r"is stale \(format was \d+ and is 99\); run `python -m"):
        train_run(run)
    assert run.status()["state"] == "failed"
