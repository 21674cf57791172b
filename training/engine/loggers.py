"""Send the metrics of a run to trackers in addition to its folder: TensorBoard, MLflow, Weights & Biases."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from personality.utils.atomic_files import write_bytes
from training.config.run_config import NO_TRACKER
from training.data.dataloader import TrainingError
from training.runs.run import Run

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NON_SCALAR_METRICS = ("epoch", "stage", "trains")
TRACKER_PROJECT = "personality"


class MetricsLogger(Protocol):
    """Receives the metrics of each epoch."""

    def add(self, metrics: dict[str, Any]) -> None:
        """Add the metrics of an epoch; a resumed run may repeat an epoch."""

    def close(self) -> None:
        """Close the logger when the run ends or stops."""


def make_loggers(run: Run) -> list[MetricsLogger]:
    """Return the loggers of a run. Raises TrainingError if `log_to` names a package that is not installed."""
    try:
        importlib.import_module("tensorboard")
        loggers: list[MetricsLogger] = [TensorBoardLogger(run)]
    except ImportError:
        loggers = []
    tracker = run.config.log_to
    return loggers if tracker == NO_TRACKER else [*loggers, TRACKERS[tracker](run)]


def _select_scalars(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name not in NON_SCALAR_METRICS}


class TensorBoardLogger:
    """Writes event files to `tensorboard/` in the folder of the run."""

    def __init__(self, run: Run) -> None:
        self._folder = run.folder / "tensorboard"
        self._writer: SummaryWriter | None = None

    def add(self, metrics: dict[str, Any]) -> None:
        """As in MetricsLogger; figures of an interrupted attempt at the same epoch are removed."""
        from torch.utils.tensorboard import SummaryWriter

        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), purge_step=metrics["epoch"])
        for name, value in _select_scalars(metrics).items():
            self._writer.add_scalar(name, value, metrics["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """As in MetricsLogger."""
        if self._writer is not None:
            self._writer.close()


class MlflowLogger:
    """A run of MLflow, at the server that its environment variables specify."""

    def __init__(self, run: Run) -> None:
        self._mlflow = _import_tracker("mlflow")
        known = _read_identifier(run, "mlflow")
        self._mlflow.set_experiment(TRACKER_PROJECT)
        started = self._mlflow.start_run(run_id=known, run_name=run.folder.name)
        if known is None:
            self._mlflow.log_params(run.config.as_dict())
            _store_identifier(run, "mlflow", started.info.run_id)

    def add(self, metrics: dict[str, Any]) -> None:
        """As in MetricsLogger."""
        self._mlflow.log_metrics(_select_scalars(metrics), step=metrics["epoch"])

    def close(self) -> None:
        """As in MetricsLogger."""
        self._mlflow.end_run()


class WandbLogger:
    """A run of Weights & Biases."""

    def __init__(self, run: Run) -> None:
        options = {"project": TRACKER_PROJECT, "name": run.folder.name, "dir": str(run.folder), "resume": "allow"}
        known = _read_identifier(run, "wandb")
        self._run = _import_tracker("wandb").init(id=known, config=run.config.as_dict(), **options)
        _store_identifier(run, "wandb", self._run.id)

    def add(self, metrics: dict[str, Any]) -> None:
        """As in MetricsLogger."""
        self._run.log(_select_scalars(metrics), step=metrics["epoch"])

    def close(self) -> None:
        """As in MetricsLogger."""
        self._run.finish()


TRACKERS: dict[str, Callable[[Run], MetricsLogger]] = {"mlflow": MlflowLogger, "wandb": WandbLogger}


def _import_tracker(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TrainingError(f"--log-to {name} requires {name}; install it with `pip install {name}`.") from error


def _identifier_path(run: Run, tracker: str) -> Path:
    return run.folder / f"{tracker}.id"


def _read_identifier(run: Run, tracker: str) -> str | None:
    """Return the identifier of this run at a tracker; None before its first start."""
    path = _identifier_path(run, tracker)
    return path.read_text() if path.exists() else None


def _store_identifier(run: Run, tracker: str, identifier: str) -> None:
    write_bytes(_identifier_path(run, tracker), identifier.encode())
