"""Failures of a run raise clear errors and leave the stored state and checkpoint unchanged."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from personality.preprocessing import cache_entry
from personality.preprocessing.cache import Cache, CacheError
from personality.utils.atomic_files import hold_lock_file
from tests.training.helpers import dying_after, run_to_end
from training.config import losses
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine import state_file
from training.engine.train_run import train_run
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


def interrupted_run(cache: Cache, folder: Path, **changes: Any) -> tuple[Run, bytes]:
    """A run of two epochs that was interrupted after the first, and the weights of its checkpoint."""
    run = Run(folder)
    run.create(preset("audio", stages=(Stage(2, "head", 1e-3),), **changes), cache.folder)
    with dying_after(1):
        train_run(run)
    return run, (run.folder / "model.safetensors").read_bytes()


def test_a_nan_loss_raises_and_the_checkpoint_remains(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights = interrupted_run(cache, tmp_path / "audio")
    monkeypatch.setitem(
        losses.LOSS_FUNCTIONS, "l1", lambda predicted, labels, weights: (predicted - labels).mean() * torch.nan
    )
    with pytest.raises(TrainingError, match="not finite"):
        train_run(run)
    assert run.status()["state"] == "failed"
    assert (run.folder / "model.safetensors").read_bytes() == weights


def test_a_full_disk_raises_and_the_last_epoch_remains(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights = interrupted_run(cache, tmp_path / "audio")
    whole = run_to_end(tmp_path / "whole", cache, run.config)
    state = (run.folder / "state.safetensors").read_bytes()

    def full(path: Path, data: bytes) -> None:
        path.with_name(f".{path.name}.torn").write_bytes(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(state_file, "write_bytes", full)
        with pytest.raises(TrainingError, match=r"disk of .* is full"):
            train_run(run)
    assert run.status()["why"].startswith("The disk of")
    assert (run.folder / "model.safetensors").read_bytes() == weights
    assert (run.folder / "state.safetensors").read_bytes() == state
    train_run(run)
    assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_a_cache_of_other_constants_raises(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_entry, "CACHE_FORMAT_VERSION", 99)
    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), cache.folder)
    with pytest.raises(CacheError, match=r"format was \d+ and is 99"):
        train_run(run)
    assert run.status()["state"] == "failed"


def with_other_labels(cache: Cache, folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    shutil.copytree(cache.folder, folder)
    change(pd.read_parquet(folder / "clips.parquet")).to_parquet(folder / "clips.parquet", index=False)
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda clips: clips.assign(openness=1 - clips["openness"]),
        lambda clips: clips.drop(clips.index[clips["split"].eq("training")][:1]),
    ],
    ids=["labels", "clips"],
)
def test_a_run_is_not_resumed_on_other_data(
    cache: Cache, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    run, weights = interrupted_run(cache, tmp_path / "audio")
    other = with_other_labels(cache, tmp_path / "other", change)
    config = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps({**config, "cache": str(other)}))
    with pytest.raises(TrainingError, match="other"):
        train_run(run)
    assert run.status()["state"] == "failed"
    assert (run.folder / "model.safetensors").read_bytes() == weights
    (run.folder / "config.json").write_text(json.dumps(config))
    train_run(run)
    assert run.status()["state"] == "done"


@pytest.mark.parametrize("size", [0, 7, 100])
def test_a_damaged_state_is_a_sentence(cache: Cache, tmp_path: Path, size: int) -> None:
    run, _ = interrupted_run(cache, tmp_path / "audio")
    state = run.folder / "state.safetensors"
    state.write_bytes(state.read_bytes()[:size])
    with pytest.raises(TrainingError, match=r"state\.safetensors"):
        train_run(run)


def test_one_clip_is_too_few_to_train_on(cache: Cache, tmp_path: Path) -> None:
    def keep_one(clips: pd.DataFrame) -> pd.DataFrame:
        return clips.drop(clips.index[clips["split"].eq("training")][1:])

    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), with_other_labels(cache, tmp_path / "one", keep_one))
    with pytest.raises(TrainingError, match="at least two"):
        train_run(run)
    assert run.status()["state"] == "failed"
