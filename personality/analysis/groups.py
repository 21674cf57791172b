"""Accuracy per model, trait and group."""

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
MIN_GROUP_CLIPS = 30  # clips; smaller groups are marked
METRICS_WITH_INTERVAL = (
    *("accuracy", "signed_error", "gain", "pearson", "concordance", "r2", "calibration_slope"),
    "actual_mean",
)
CORRELATION_METRICS = ("pearson", "concordance")  # intervals are computed on Fisher's z scale
# The first columns of the result of `accuracy_by`; the other metrics follow.
LEADING_ACCURACY_COLUMNS = (
    *("model", "trait", "group", "n", "sources", "effective_sources"),
    *("accuracy", "low", "high", "signed_error", "baseline"),
)
BOUND_COLUMNS = {
    "accuracy": ("low", "high")
}  # columns of the interval; those of other metrics are NAME_low and NAME_high


@dataclass(frozen=True)
class GroupSourcePairs:
    """Clips sorted by group and, within a group, by source (or another jackknife unit): K clips, P pairs.

    Attributes
    ----------
    clips : ndarray of int, shape (K,)
        Indices of the clips with a known group, sorted by pair.
    starts : ndarray of int, shape (P,)
        Position in `clips` of the first clip of each pair.
    group, source : ndarray of int, shape (P,)
        Codes of the group and the source of each pair, in ascending order of groups.
    """

    clips: np.ndarray
    starts: np.ndarray
    group: np.ndarray
    source: np.ndarray

    @classmethod
    def from_group_codes(cls, code: np.ndarray, source: np.ndarray) -> Self:
        """Sort N clips by their group codes, int (N,), -1 if unknown, and their source codes, int (N,)."""
        pair = np.where(code >= 0, code * (source.max() + 1) + source, -1)
        order = np.argsort(pair, kind="stable")[(pair < 0).sum() :]
        pairs, starts = np.unique(pair[order], return_index=True)
        return cls(order, starts, *np.divmod(pairs, source.max() + 1))

    def sum_by_pair(self, values: np.ndarray) -> np.ndarray:
        """Sums per pair, (P, ...), of the values of clips, (K, ...)."""
        return np.add.reduceat(values, self.starts, axis=0) if len(self.starts) else values

    def pairs_of_group(self, group: int) -> slice:
        """The positions of the pairs of a group, given by its code."""
        return slice(*np.searchsorted(self.group, (group, group + 1)))


def accuracy_by(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Accuracy and other figures per model, trait and group, with 95 % intervals clustered by source.

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes; several are crossed. Numeric ones are cut into ranges by `age:25,40`. Without any, all
        clips are one group.

    Returns
    -------
    pandas.DataFrame
        Columns model, trait (the five and `mean`), group (name, `all` without attributes), n (clips), sources,
        effective_sources (Kish's effective sample size of the sources), accuracy (1 - mean absolute error), low, high,
        signed_error, baseline (accuracy of always predicting the training mean on the same clips; NaN if unknown), then
        the other figures of `metrics.compute_metrics`, with bounds such as gain_low and gain_high. Empty groups have a
        row with n = 0; groups with fewer than MIN_SOURCES sources have no intervals.

    Raises
    ------
    PredictionsError
        If the table is invalid, an attribute is not in it, or there are more than MAX_TABLE_GROUPS groups.

    References
    ----------
    Kish, L. (1965): Survey Sampling. Wiley.

    Examples
    --------
    >>> accuracy_by(table, ["gender", "age:25,40"])
    """
    scores = to_prediction_arrays(table)
    assigned = clip_groups(scores, by)
    code, groups = assigned.codes, assigned.names
    by_source, by_unit = (
        GroupSourcePairs.from_group_codes(code, scores.source_codes),
        GroupSourcePairs.from_group_codes(code, jackknife_units(scores.source_codes)),
    )
    columns = []  # one dictionary per model and group: arrays (6,) by column name
    for model in range(len(scores.models)):
        sums, clips = sum_by_group_and_unit(scores, model, by_unit), count_clips_by_pair(scores, model, by_source)
        columns += [
            {
                **_count_clips_and_sources(clips[by_source.pairs_of_group(group)]),
                **_metrics_with_bounds(sums[by_unit.pairs_of_group(group)]),
            }
            for group in range(max(1, len(groups)))  # without any group, an empty one defines the columns
        ]
    names = ["model", "group", "trait"]
    rows = pd.MultiIndex.from_product([scores.models, groups, [*TRAIT_NAMES, TRAIT_MEAN]], names=names).to_frame(
        index=False
    )
    rows = rows.assign(**{name: np.concatenate([one[name] for one in columns])[: len(rows)] for name in columns[0]})
    rows.loc[rows["sources"] < MIN_SOURCES, [name for name in rows if name.endswith(("low", "high"))]] = np.nan
    return rows[[*LEADING_ACCURACY_COLUMNS, *(name for name in rows if name not in LEADING_ACCURACY_COLUMNS)]]


def sum_by_group_and_unit(scores: PredictionArrays, model: int, pairs: GroupSourcePairs) -> np.ndarray:
    """The sums of one model for each pair of a group and a jackknife unit, float64 (P, 5, len(SUM_NAMES))."""
    sums = np.empty((len(pairs.starts), len(TRAIT_NAMES), len(SUM_NAMES)))
    for index, values in enumerate(summands(scores, model, pairs.clips)):
        sums[..., index] = pairs.sum_by_pair(values)
    return sums


def count_clips_by_pair(scores: PredictionArrays, model: int, pairs: GroupSourcePairs) -> np.ndarray:
    """Number of clips that a model predicts in each pair of a group and a source, float64 (P, 6): five traits, and
    their mean, which counts the clips with a prediction of at least one trait."""
    present = ~np.isnan(scores.predicted[pairs.clips, model])
    present = np.concatenate([present, present.any(-1, keepdims=True)], axis=-1).astype(float)
    return pairs.sum_by_pair(present)


def _count_clips_and_sources(clips: np.ndarray) -> dict[str, np.ndarray]:
    """n, sources and effective_sources (6,) of a group, from its numbers of clips by source (S, 6)."""
    n, squares = clips.sum(0), np.square(clips).sum(0)
    effective = np.divide(n**2, squares, out=np.zeros_like(n), where=squares > 0)
    return {"n": n.astype(int), "sources": (clips > 0).sum(0), "effective_sources": effective}


def _metrics_with_bounds(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The figures (6,) of a group with their bounds, from its sums by jackknife unit (U, 5, len(SUM_NAMES))."""
    whole, left_out = compute_metrics(sums.sum(0)), compute_metrics(sums.sum(0) - sums)
    clips = append_largest_count(sums[..., 0])
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
    """Append the maximum of the counts of five traits, (..., 5), as the count of their mean: (..., 6)."""
    return np.concatenate([counts, counts.max(-1, keepdims=True)], axis=-1)
