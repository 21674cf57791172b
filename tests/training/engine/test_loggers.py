"""Metrics are also sent to trackers; stand-ins record what these receive."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from personality.preprocessing.cache import Cache
from tests.training.helpers import dying_after
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine.train_run import train_run
from training.runs.run import Run


class Tracker:
    """What MLflow or Weights & Biases would have received."""

    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self.params: dict[str, Any] = {}
        self.ends = 0
        self.id = "17"

    def start(self, **options: Any) -> Any:
        self.starts.append(options)
        return SimpleNamespace(info=SimpleNamespace(run_id=self.id), id=self.id, log=self.log, finish=self.end)

    def log(self, metrics: dict[str, float], step: int) -> None:
        assert {"loss", "validation_loss", "accuracy"} <= set(metrics)
        assert all(isinstance(value, float) for value in metrics.values())
        self.steps.append(step)

    def end(self) -> None:
        self.ends += 1


def interrupted_and_resumed(cache: Cache, folder: Path, tracker: str) -> None:
    run = Run(folder)
    run.create(preset("audio", stages=(Stage(3, "head", 1e-3),), log_to=tracker), cache.folder)
    with dying_after(2):
        train_run(run)
    train_run(run)
    assert run.status()["state"] == "done"


def test_mlflow_receives_each_epoch_and_a_resumed_run_continues_its_entry(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Tracker()
    names = {"set_experiment": lambda _: None, "start_run": seen.start, "end_run": seen.end}
    stand_in = SimpleNamespace(**names, log_params=seen.params.update, log_metrics=seen.log)
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    interrupted_and_resumed(cache, tmp_path / "audio", "mlflow")
    assert [start["run_id"] for start in seen.starts] == [None, "17"]
    assert (seen.steps, seen.ends) == ([1, 2, 3], 2)
    assert seen.params["modality"] == "audio"


def test_wandb_receives_each_epoch_and_a_resumed_run_continues_its_entry(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Tracker()
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=seen.start))
    interrupted_and_resumed(cache, tmp_path / "audio", "wandb")
    assert [start["id"] for start in seen.starts] == [None, "17"]
    assert (seen.steps, seen.ends) == ([1, 2, 3], 2)
    assert seen.starts[0]["config"]["modality"] == "audio"


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_a_sentence(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracker: str
) -> None:
    monkeypatch.setitem(sys.modules, tracker, None)
    run = Run(tmp_path / "audio")
    run.create(preset("audio", log_to=tracker), cache.folder)
    with pytest.raises(TrainingError, match=f"pip install {tracker}"):
        train_run(run)
    assert run.status()["state"] == "failed"
