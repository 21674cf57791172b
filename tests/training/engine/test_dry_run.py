import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from personality.analysis.groups import accuracy_by
from personality.inference.evaluate import evaluate
from personality.preprocessing.cache import Cache
from training.__main__ import main
from training.config.run_config import Stage, preset
from training.engine.context import RunContext, has_random_backbone, prepare_run
from training.engine.dry_run import _estimate_run_seconds, _TrialTimes, perform_dry_run
from training.runs.run import Run

HEAD = (Stage(1, "head", 1e-3, frames=2),)


@pytest.fixture
def parts(cache: Cache, tmp_path: Path) -> RunContext:
    run = Run(tmp_path / "visual")
    run.create(preset("visual", stages=HEAD, batch=8), cache.folder)
    return prepare_run(run)


def test_counts_and_the_accuracy_to_beat(parts: RunContext, cache: Cache, runs: Path) -> None:
    found = perform_dry_run(parts)
    rows = {split: cache.labelled_clips(split) for split in ("training", "validation")}
    assert (found.training, found.validation, found.left_out) == (len(rows["training"]), len(rows["validation"]), 0)
    assert (found.shared_sources, found.shared_clips) == (0, 0)
    table, _ = evaluate([runs / "audio"], cache, "validation")
    assert found.mean_baseline_accuracy == pytest.approx(accuracy_by(table).iloc[-1]["baseline"], abs=1e-6)
    whole = replace(found, batch_seconds=0.5, run_seconds=5_000).report()
    assert "0.50 s" in whole and "83 min" in whole


def test_what_precedes_a_head_is_computed_once_and_all_layers_every_epoch(parts: RunContext) -> None:
    """Two frames a clip in training, eight in validation, on the trial's two; by hand."""
    trial = _TrialTimes(frames=2, forward_seconds=1.0, forward_backward_seconds=3.0)
    training, validation = len(parts.training.rows), len(parts.validation.rows)
    assert _estimate_run_seconds(parts, trial) == training + 4 * validation
    stages = (Stage(10, "head", 1e-3, frames=4), Stage(5, "all", 1e-5, frames=2))
    both = replace(parts, config=preset("visual", stages=stages, batch=8))
    assert _estimate_run_seconds(both, trial) == 2 * training + 4 * validation + 5 * (3 * training + 4 * validation)


def test_shared_sources_are_counted(parts: RunContext) -> None:
    rows = parts.validation.rows.copy()
    rows.loc[0, "source"] = parts.training.rows["source"].iloc[0]
    found = perform_dry_run(replace(parts, validation=replace(parts.validation, rows=rows)))
    assert (found.shared_sources, found.shared_clips) == (1, 1)
    assert "1 clips of validation are of 1 sources that are also trained on" in found.report()


def test_memory_is_that_of_weights_gradients_and_moments(parts: RunContext) -> None:
    """The head alone is trained: the backbone has neither gradients nor moments."""
    backbone = sum(parameter.numel() for parameter in parts.network.get_submodule("backbone").parameters())
    head = sum(parameter.numel() for parameter in parts.network.parameters()) - backbone
    found = perform_dry_run(parts)
    assert (found.parameters, found.trained_parameter_count) == (backbone + head, head)
    assert found.fixed_megabytes == pytest.approx((backbone + head + 3 * head) * 4 / 2**20)


def test_looking_changes_nothing(parts: RunContext) -> None:
    before = {name: tensor.clone() for name, tensor in parts.network.state_dict().items()}
    perform_dry_run(parts)
    assert all(torch.equal(tensor, before[name]) for name, tensor in parts.network.state_dict().items())
    assert all(parameter.grad is None for parameter in parts.network.parameters())


def test_check_prints_the_report_and_leaves_no_files(
    cache: Cache, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["check", str(cache.folder), "--modality", "audio", "--out", str(tmp_path / "runs")]) == 0
    assert "accuracy to beat" in capsys.readouterr().out
    assert not list((tmp_path / "runs").iterdir())
    assert main(["check", str(cache.folder), "--modality", "audiovisual", "--out", str(runs)]) == 0
    assert main(["check", str(cache.folder), "--modality", "audiovisual", "--out", str(tmp_path / "none")]) == 1
    assert "train audio first" in capsys.readouterr().err


def test_a_backbone_that_starts_at_random_is_named(parts: RunContext) -> None:
    """The preset of the thesis requires VGG-Face, which we cannot redistribute."""
    found = perform_dry_run(parts)
    assert not found.is_backbone_random
    assert "starts from random weights" not in found.report()
    assert "starts from random weights" in replace(found, is_backbone_random=True).report()
    assert has_random_backbone(preset("visual", "thesis"))
    assert not has_random_backbone(preset("visual", "thesis", backbone="vgg_face.safetensors"))
    assert [has_random_backbone(preset("visual", "modern", backbone=name)) for name in (None, "none")] == [False, True]


def test_a_run_logs_the_report_first_and_writes_tensorboard(runs: Path) -> None:
    log = (runs / "audio" / "log.txt").read_text()
    assert log.index("accuracy to beat") < log.index("epoch 1:")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(runs / "audio" / "tensorboard")).Reload()
    written = [event.value for event in events.Scalars("validation_loss")]
    assert written == pytest.approx([row["validation_loss"] for row in Run(runs / "audio").metrics()])
    assert json.loads((runs / "audio" / "status.json").read_text())["state"] == "done"
