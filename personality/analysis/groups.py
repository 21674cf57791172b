"""Accuracy per model, trait and group, from a predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from personality.analysis.group_assignment import clip_groups
from personality.analysis.jackknife import MIN_SOURCES, degrees_of_freedom, jackknife_units, standard_error, t_interval
from personality.analysis.metrics import SUM_NAMES, compute_metrics, summands
from personality.predictions.predictions_table import PredictionArrays, to_prediction_arrays
from personality.traits import TRAIT_NAMES

TRAIT_MEAN = "mean"
MIN_GROUP_CLIPS = 30  # clips; groups below are marked
METRICS_WITH_INTERVAL = (
    *("accuracy", "signed_error", "gain", "pearson", "concordance", "r2", "calibration_slope"),
    "actual_mean",
)
CORRELATION_METRICS = ("pearson", "concordance")  # their intervals are made on Fisher's scale, where they are symmetric
# The columns that come first in a table of figures.
LEADING_ACCURACY_COLUMNS = (
    *("model", "trait", "group", "n", "sources", "effective_sources"),
    *("accuracy", "low", "high", "signed_error", "baseline"),
)
BOUND_COLUMNS = {
    "accuracy": ("low", "high")
}  # what the bounds of a figure are called; of others, figure_low and figure_high


@dataclass(frozen=True)
class GroupSourcePairs:
    """Clips told apart by group and by source, or by whatever is left out at once.

    clips: int (K,), those of a known group, in the order of pairs; starts: where the clips of each of the P pairs of a
    group and a source begin; group and source: int (P,), ascending by group.
    """

    clips: np.ndarray
    starts: np.ndarray
    group: np.ndarray
    source: np.ndarray

    @classmethod
    def from_group_codes(cls, code: np.ndarray, source: np.ndarray) -> Self:
        """From codes of groups (N,), -1 where it is unknown, and of sources (N,)."""
        pair = np.where(code >= 0, code * (source.max() + 1) + source, -1)
        order = np.argsort(pair, kind="stable")[(pair < 0).sum() :]
        pairs, starts = np.unique(pair[order], return_index=True)
        return cls(order, starts, *np.divmod(pairs, source.max() + 1))

    def sum_by_pair(self, values: np.ndarray) -> np.ndarray:
        """Sums (P, ...) of what the clips have (K, ...)."""
        return np.add.reduceat(values, self.starts, axis=0) if len(self.starts) else values

    def pairs_of_group(self, number: int) -> slice:
        """The pairs of a group."""
        return slice(*np.searchsorted(self.group, (number, number + 1)))


def accuracy_by(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """One row per model, trait (the five and `mean`) and group, with 95 % intervals by leaving out sources.

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes, numeric ones perhaps with edges (`assign_groups`).

    Returns
    -------
    pandas.DataFrame
        Columns model, trait, group, n (clips), sources, effective_sources (as many sources of one size would tell as
        much: Kish 1965), accuracy, low, high, signed_error, baseline (the accuracy of always predicting the training
        mean on the same clips; NaN where unknown), then the other figures of `metrics.figures`, with bounds called
        after them (`gain_low`). Groups without clips keep a row of n = 0; fewer than LEAST_SOURCES sources have no
        interval.

    Raises
    ------
    PredictionsError
        As `to_prediction_arrays` and `group_codes`.
    """
    scores = to_prediction_arrays(table)
    assigned = clip_groups(scores, by)
    code, groups = assigned.codes, assigned.names
    by_source, by_unit = (
        GroupSourcePairs.from_group_codes(code, scores.source_codes),
        GroupSourcePairs.from_group_codes(code, jackknife_units(scores.source_codes)),
    )
    found = []
    for number in range(len(scores.models)):
        sums, clips = sum_by_group_and_unit(scores, number, by_unit), count_clips_by_pair(scores, number, by_source)
        places = range(max(1, len(groups)))  # where there is no group, one without clips knows the columns
        found += [
            {
                **_count_clips_and_sources(clips[by_source.pairs_of_group(place)]),
                **_metrics_with_bounds(sums[by_unit.pairs_of_group(place)]),
            }
            for place in places
        ]
    names = ["model", "group", "trait"]
    rows = pd.MultiIndex.from_product([scores.models, groups, [*TRAIT_NAMES, TRAIT_MEAN]], names=names).to_frame(
        index=False
    )
    rows = rows.assign(**{name: np.concatenate([part[name] for part in found])[: len(rows)] for name in found[0]})
    rows.loc[rows["sources"] < MIN_SOURCES, [name for name in rows if name.endswith(("low", "high"))]] = np.nan
    return rows[[*LEADING_ACCURACY_COLUMNS, *(name for name in rows if name not in LEADING_ACCURACY_COLUMNS)]]


def sum_by_group_and_unit(scores: PredictionArrays, model: int, split: GroupSourcePairs) -> np.ndarray:
    """The SUMS of one model for each pair of a group and what is left out at once, (P, 5, len(SUMS))."""
    sums = np.empty((len(split.starts), len(TRAIT_NAMES), len(SUM_NAMES)))
    for place, part in enumerate(summands(scores, model, split.clips)):
        sums[..., place] = split.sum_by_pair(part)
    return sums


def count_clips_by_pair(scores: PredictionArrays, model: int, split: GroupSourcePairs) -> np.ndarray:
    """On how many clips of each pair of a group and a source a model predicts, (P, 6); the mean has those of any
    trait."""
    present = ~np.isnan(scores.predicted[split.clips, model])
    present = np.concatenate([present, present.any(-1, keepdims=True)], axis=-1).astype(float)
    return split.sum_by_pair(present)


def _count_clips_and_sources(clips: np.ndarray) -> dict[str, np.ndarray]:
    """n, sources and effective_sources (6,) of a group, from its clips by source (S, 6)."""
    n, squares = clips.sum(0), np.square(clips).sum(0)
    effective = np.divide(n**2, squares, out=np.zeros_like(n), where=squares > 0)
    return {"n": n.astype(int), "sources": (clips > 0).sum(0), "effective_sources": effective}


def _metrics_with_bounds(parts: np.ndarray) -> dict[str, np.ndarray]:
    """Every figure (6,) of a group with its bounds, from its sums by unit (U, 5, len(SUMS))."""
    whole, left_out = compute_metrics(parts.sum(0)), compute_metrics(parts.sum(0) - parts)
    clips = append_largest_count(parts[..., 0])
    degrees, units = degrees_of_freedom(clips), (clips > 0).sum(0)
    columns: dict[str, np.ndarray] = {}
    for name, value in whole.items():
        columns[name] = value
        if name in METRICS_WITH_INTERVAL:
            names = BOUND_COLUMNS.get(name, (f"{name}_low", f"{name}_high"))
            bounds = _metric_bounds(name, value, left_out[name], units, degrees)
            columns.update(zip(names, bounds, strict=True))
    return columns


def _metric_bounds(
    name: str, value: np.ndarray, left_out: np.ndarray, units: np.ndarray, degrees: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if name not in CORRELATION_METRICS:
        return t_interval(value, standard_error(left_out, value, units), degrees)
    value, left_out = (np.arctanh(part.clip(-1 + 1e-12, 1 - 1e-12)) for part in (value, left_out))
    low, high = t_interval(value, standard_error(left_out, value, units), degrees)
    return np.tanh(low), np.tanh(high)


def append_largest_count(counts: np.ndarray) -> np.ndarray:
    """Counts of five traits (..., 5) with those of the mean after them, which is of the clips of any: (..., 6)."""
    return np.concatenate([counts, counts.max(-1, keepdims=True)], axis=-1)
