"""Compare runs: the options that differ, and the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from training.runs.run import Run

MISSING_MARK = "-"


def compare_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each option that differs between the runs: columns choice, then the runs' names; values as text. The
    last rows are the validation accuracy and its epoch."""
    choices = {run.folder.name: {**_flatten_config(run.config.as_dict()), "data": run.cache.name} for run in runs}
    names = list(dict.fromkeys(name for one in choices.values() for name in one))
    rows = [{"choice": name, **{run: str(of.get(name, MISSING_MARK)) for run, of in choices.items()}} for name in names]
    differing = [row for row in rows if len(set(list(row.values())[1:])) > 1]
    return pd.DataFrame([*differing, *_reached_accuracy_rows(runs)], columns=["choice", *choices])


def collect_run_metrics(runs: Sequence[Run]) -> pd.DataFrame:
    """The metrics of all runs, with a column run."""
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
    """Nested options by their path, such as stages.1.rate."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            value = {str(number): one for number, one in enumerate(value, 1)}
        flat |= _flatten_config(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat
