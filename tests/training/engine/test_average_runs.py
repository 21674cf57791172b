"""The average of seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from personality.inference.evaluate import evaluate
from personality.models.checkpoint import load_model
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from tests.training.helpers import run_to_end
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine.average_runs import average_runs, fit_stretch


def test_the_stretch_by_hand() -> None:
    deviations = torch.tensor([[1.0, 1.0, 1.0, 0.0], [-1.0, -1.0, -1.0, 0.0]])
    labels = torch.tensor([[1.5, 9.0, -1.0, 1.0], [-1.5, -9.0, 1.0, 1.0]])
    assert fit_stretch(deviations, labels).tolist() == [1.5, 2.0, 0.5, 0.5]


def test_the_average_of_seeds_is_a_model(cache: Cache, tmp_path: Path) -> None:
    folders = [tmp_path / f"run{seed}" for seed in range(2)]
    for seed, folder in enumerate(folders):
        stages = (Stage(2, "head", 1e-2),)
        run_to_end(folder, cache, preset("features", table="voice_descriptors", stages=stages, seed=seed))
    reached = average_runs(folders, tmp_path / "average")
    assert set(reached) == {"average", "run0", "run1"}
    model = load_model(tmp_path / "average")
    table, _ = evaluate([*folders, tmp_path / "average"], cache, "validation")
    wide = table.pivot(index=["clip", "trait"], columns="model", values="predicted")
    means = torch.from_numpy(cache.labelled_clips("training")[list(TRAIT_NAMES)].to_numpy(copy=True)).mean(0)
    traits = wide.index.get_level_values("trait")
    centre = traits.map(dict(zip(TRAIT_NAMES, means.tolist(), strict=True))).astype(float)
    stretch = traits.map(dict(zip(TRAIT_NAMES, model.card["calibration"]["stretch"], strict=True))).astype(float)
    expected = centre + stretch * (wide[["run0", "run1"]].mean(axis=1) - centre)
    assert wide["average"].to_numpy() == pytest.approx(expected.to_numpy(), abs=2e-3)
    error = (table["predicted"] - table["actual"]).abs()[table["model"] == "average"].mean()
    assert reached["average"] == pytest.approx(1 - error, abs=2e-3)


def test_runs_that_differ_in_more_than_the_seed_are_refused(cache: Cache, tmp_path: Path) -> None:
    for name, rate in (("a", 1e-2), ("b", 1e-3)):
        stages = (Stage(1, "head", rate),)
        run_to_end(tmp_path / name, cache, preset("features", table="voice_descriptors", stages=stages))
    with pytest.raises(TrainingError, match="more than the seed"):
        average_runs([tmp_path / "a", tmp_path / "b"], tmp_path / "average")
    with pytest.raises(TrainingError, match="two or more"):
        average_runs([tmp_path / "a", tmp_path / "a"], tmp_path / "average")
