"""Compare runs: their validation results and the options that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from personality.models.model_card import read_model_card
from personality.utils.untrusted_files import DamagedFileError
from training.runs.notes import read_note
from training.runs.run import Run

MISSING_MARK = "-"


@dataclass(frozen=True)
class RunSummary:
    """Validation results of a run. accuracy; low, high: its 95 % interval; r2: share of the variance explained; None if
    unknown. date: time of the last change, in UTC. note: the text that a person added, or empty."""

    run: str
    modality: str
    preset: str
    state: str
    accuracy: float | None
    low: float | None
    high: float | None
    r2: float | None
    date: str
    note: str


def summarise_runs(runs: Sequence[Run]) -> list[RunSummary]:
    """Return the validation results of each run."""
    return [_summarise_run(run) for run in runs]


def _summarise_run(run: Run) -> RunSummary:
    status, config = run.status(), run.config
    mean = _read_mean_metrics(run) if status["state"] == "done" else {}
    date = datetime.fromtimestamp(status.get("heartbeat", 0), UTC).isoformat(" ", "minutes").removesuffix("+00:00")
    accuracy = mean.get("accuracy", status.get("best_accuracy"))
    interval = mean.get("low"), mean.get("high"), mean.get("r2")
    identity = run.folder.name, config.modality, config.preset, status["state"]
    return RunSummary(*identity, accuracy, *interval, date, read_note(run))


def _read_mean_metrics(run: Run) -> dict[str, Any]:
    """Return the metrics of the mean of the traits from the card; empty if it cannot be read."""
    try:
        return read_model_card(run.folder)["metrics"]["traits"]["mean"]
    except (DamagedFileError, OSError, KeyError, TypeError):
        return {}


def format_run_summaries(summaries: Sequence[RunSummary]) -> list[str]:
    """Return the lines of a table with a header."""
    if not summaries:
        return ["no runs"]
    rows = [
        {
            **{name: getattr(one, name) for name in ("run", "modality", "preset", "state")},
            "accuracy": _format_with_interval(one),
            "R2": MISSING_MARK if one.r2 is None else f"{one.r2:.3f}",
            "date (UTC)": one.date,
            "note": one.note,
        }
        for one in summaries
    ]
    return pd.DataFrame(rows).to_string(index=False, justify="left").split("\n")


def _format_with_interval(summary: RunSummary) -> str:
    if summary.accuracy is None:
        return MISSING_MARK
    bounds = "" if summary.low is None or summary.high is None else f" [{summary.low:.4f}, {summary.high:.4f}]"
    return f"{summary.accuracy:.4f}{bounds}"


def compare_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row for each option that differs between the runs: columns choice, then the names of the runs; values as
    text. The last rows are the validation accuracy and its epoch."""
    choices = {run.folder.name: {**_flatten_config(run.config.as_dict()), "data": run.cache.name} for run in runs}
    names = list(dict.fromkeys(name for one in choices.values() for name in one))
    rows = [{"choice": name, **{run: str(of.get(name, MISSING_MARK)) for run, of in choices.items()}} for name in names]
    differing = [row for row in rows if len(set(list(row.values())[1:])) > 1]
    return pd.DataFrame([*differing, *_reached_accuracy_rows(runs)], columns=["choice", *choices])


def collect_run_metrics(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the metrics of all runs, with a column run."""
    tables = [pd.DataFrame(run.metrics()).assign(run=run.folder.name) for run in runs]
    return pd.concat([table for table in tables if "accuracy" in table] or [pd.DataFrame()], ignore_index=True)


def _reached_accuracy_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    status = {run.folder.name: run.status() for run in runs}
    best = {
        name: f"{one['best_accuracy']:.4f}" if "best_accuracy" in one else MISSING_MARK for name, one in status.items()
    }
    return [
        {"choice": "validation accuracy", **best},
        {
            "choice": "stored epoch",
            **{name: str(one.get("best_epoch", MISSING_MARK)) for name, one in status.items()},
        },
    ]


def _flatten_config(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested options by their path, such as stages.1.rate."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            value = {str(number): one for number, one in enumerate(value, 1)}
        flat |= _flatten_config(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat
