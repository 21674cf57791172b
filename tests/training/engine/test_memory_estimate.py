from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from personality.preprocessing.cache import Cache
from training.__main__ import main
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine import memory_estimate
from training.engine.context import RunContext, prepare_run
from training.engine.process_memory import free_memory_bytes, measure_activation_bytes
from training.runs.run import Run


@pytest.fixture
def parts(cache: Cache, tmp_path: Path) -> RunContext:
    run = Run(tmp_path / "visual")
    stages = (Stage(1, "head", 1e-3, frames=2), Stage(1, "all", 1e-4, frames=1))
    run.create(preset("visual", stages=stages, batch=8), cache.folder)
    return prepare_run(run)


def test_what_a_pass_holds_by_hand() -> None:
    """A square keeps its input; a linear layer its input, or what it needs of it, and no more than once."""
    inputs = torch.rand(10, 4, requires_grad=True)
    assert measure_activation_bytes(lambda: inputs.square().sum()) == 160
    layer = nn.Linear(4, 3)
    assert measure_activation_bytes(lambda: layer(inputs).sum()) == 160 + layer.weight.nbytes


def test_a_clip_costs_most_where_all_layers_train(parts: RunContext) -> None:
    head_only = replace(parts, config=replace(parts.config, stages=parts.config.stages[:1]))
    assert memory_estimate.estimate_bytes_per_clip(head_only) < 1e5
    # EfficientNet-Lite0's activations of one 224x224 picture: tens of megabytes.
    assert 1e7 < memory_estimate.estimate_bytes_per_clip(parts) < 3e8


def test_the_largest_batch_follows_the_room_there_is(parts: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, fixed = memory_estimate.estimate_bytes_per_clip(parts), memory_estimate.estimate_fixed_bytes(parts)
    monkeypatch.setattr(
        memory_estimate, "free_memory_bytes", lambda _: fixed + 5 * clip / memory_estimate.ACTIVATION_MEMORY_SHARE
    )
    assert memory_estimate.find_largest_batch(parts) == 4
    monkeypatch.setattr(memory_estimate, "free_memory_bytes", lambda _: 1e15)
    assert memory_estimate.find_largest_batch(parts) == 8, "a power of two, no more than there are clips"
    monkeypatch.setattr(memory_estimate, "free_memory_bytes", lambda _: fixed)
    with pytest.raises(TrainingError, match="batch of two clips"):
        memory_estimate.find_largest_batch(parts)


def test_the_largest_batch_is_found_and_stored(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["run", str(cache.folder), "--modality", "audio", "--epochs", "1", "--out", str(tmp_path)]
    assert main([*command, "--batch", "largest"]) == 0
    assert "8 clips" in capsys.readouterr().out
    assert Run(tmp_path / "audio").config.batch == 8
    assert free_memory_bytes(torch.device("cpu")) > 2**20
