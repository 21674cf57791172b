"""How far a run is, and how long it may still take."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from training.config.run_config import Config

ETA_WINDOW_EPOCHS = 5  # epochs of the current stage whose median says how long the next takes


@dataclass(frozen=True)
class RunEta:
    """epoch: that is going on, from 1; epochs: of all stages, at most; share: of the whole, 0 to 1; seconds: left in
    the current stage at most, None before its first epoch has ended; later: epochs of later stages, whose time nobody
    knows."""

    epoch: int
    epochs: int
    share_done: float
    stage_seconds_left: float | None
    later_stage_epochs: int


def estimate_eta(config: Config, status: dict[str, Any], metrics: list[dict[str, Any]]) -> RunEta:
    """The outlook of a run from its config, its status and the metrics of its epochs."""
    counts = [stage.epochs for stage in config.stages]
    stage = min(metrics[-1]["stage"], len(counts)) if metrics else 1
    of_stage = [row["seconds"] for row in metrics if row["stage"] == stage]
    if len(of_stage) >= counts[stage - 1] and stage < len(counts):  # the next one has begun
        stage, of_stage = stage + 1, []
    done = status.get("done", 0.0)
    left = counts[stage - 1] - len(of_stage) - done
    return RunEta(
        epoch=min(len(metrics) + 1, sum(counts)),
        epochs=sum(counts),
        share_done=min(1.0, (len(metrics) + done) / sum(counts)),
        stage_seconds_left=max(0.0, left) * median(of_stage[-ETA_WINDOW_EPOCHS:]) if of_stage else None,
        later_stage_epochs=sum(counts[stage:]),
    )


def format_duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
