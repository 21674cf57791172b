"""Estimate the progress of a run and its remaining time."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from training.config.run_config import Config

ETA_WINDOW_EPOCHS = 5  # last epochs of the current stage, whose median duration predicts that of the next ones


@dataclass(frozen=True)
class RunEta:
    """Progress of a run. epoch: current epoch, from 1, of at most `epochs`; share_done: share of them that is done;
    stage_seconds_left: maximum remaining time of the current stage in seconds, None during its first epoch;
    later_stage_epochs: epochs of later stages."""

    epoch: int
    epochs: int
    share_done: float
    stage_seconds_left: float | None
    later_stage_epochs: int


def estimate_eta(config: Config, status: dict[str, Any], metrics: list[dict[str, Any]]) -> RunEta:
    """Estimate the progress of a run from its config, `Run.status()` and `Run.metrics()`."""
    counts = [stage.epochs for stage in config.stages]
    stage = min(metrics[-1]["stage"], len(counts)) if metrics else 1
    stage_epochs = [row["seconds"] for row in metrics if row["stage"] == stage]
    if len(stage_epochs) >= counts[stage - 1] and stage < len(counts):  # the next stage has started
        stage, stage_epochs = stage + 1, []
    done = status.get("done", 0.0)
    left = counts[stage - 1] - len(stage_epochs) - done
    return RunEta(
        epoch=min(len(metrics) + 1, sum(counts)),
        epochs=sum(counts),
        share_done=min(1.0, (len(metrics) + done) / sum(counts)),
        stage_seconds_left=max(0.0, left) * median(stage_epochs[-ETA_WINDOW_EPOCHS:]) if stage_epochs else None,
        later_stage_epochs=sum(counts[stage:]),
    )


def format_duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours, as text."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
