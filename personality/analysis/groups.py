"""Accuracy per model, trait and group, from a predictions table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import pandas as pd

from personality.analysis.jackknife import LEAST_SOURCES, degrees_of_freedom, interval, standard_error, units_of
from personality.analysis.metrics import SUMS, figures, summands
from personality.predictions.predictions_table import BASELINES, COLUMNS, PredictionsError, Scores, read_scores
from personality.traits import GROUP_ORDERS, TRAIT_NAMES

ALL = "all"
MEAN = "mean"
SMALL = 30  # clips; groups below are marked
JOINT = " x "
MOST_EDGES = 50  # by which numbers are cut
MOST_GROUPS = 1_000  # in one table of figures
WITH_INTERVAL = (
    *("accuracy", "signed_error", "gain", "pearson", "concordance", "r2", "calibration_slope"),
    "actual_mean",
)
CORRELATIONS = ("pearson", "concordance")  # their intervals are made on Fisher's scale, where they are symmetric
# The columns that come first in a table of figures.
FIRST = (
    *("model", "trait", "group", "n", "sources", "effective_sources"),
    *("accuracy", "low", "high", "signed_error", "baseline"),
)
BARE = {"accuracy": ("low", "high")}  # what the bounds of a figure are called; of others, figure_low and figure_high


@dataclass(frozen=True)
class Split:
    """Clips told apart by group and by source, or by whatever is left out at once.

    clips: int (K,), those of a known group, in the order of pairs; starts: where the clips of each of the P pairs of a
    group and a source begin; group and source: int (P,), ascending by group.
    """

    clips: np.ndarray
    starts: np.ndarray
    group: np.ndarray
    source: np.ndarray

    @classmethod
    def of(cls, code: np.ndarray, source: np.ndarray) -> Self:
        """From codes of groups (N,), -1 where it is unknown, and of sources (N,)."""
        pair = np.where(code >= 0, code * (source.max() + 1) + source, -1)
        order = np.argsort(pair, kind="stable")[(pair < 0).sum() :]
        pairs, starts = np.unique(pair[order], return_index=True)
        return cls(order, starts, *np.divmod(pairs, source.max() + 1))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums (P, ...) of what the clips have (K, ...)."""
        return np.add.reduceat(values, self.starts, axis=0) if len(self.starts) else values

    def of_group(self, number: int) -> slice:
        """The pairs of a group."""
        return slice(*np.searchsorted(self.group, (number, number + 1)))


def groups_of(clips: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """The name of each row's group: values of the attributes joined by ' x ', `all` without any, NaN where unknown.

    An attribute of numbers is cut into ranges by `name:10,20`: under 10, 10 to 20, 20 and over. A value that itself
    looks joined is quoted, so that `split_group` finds the values again. Raises PredictionsError where an attribute is
    not a column, or has no numbers to cut.
    """
    if not by:
        return pd.Series(ALL, clips.index)
    parts = [_values(clips, name) for name in by]
    if len(parts) == 1:
        return parts[0]
    quoted = [part.map({value: _quoted(value) for value in part.dropna().unique()}).astype("string") for part in parts]
    return quoted[0].str.cat(quoted[1:], sep=JOINT)


def split_group(name: str) -> list[str]:
    """The values of the attributes that `groups_of` joined into a group's name."""
    values = re.findall(r'("(?:[^"\\]|\\.)*"|.+?)(?: x |$)', name, flags=re.DOTALL)
    return [json.loads(value) if value.startswith('"') else value for value in values]


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if JOINT in value or value.startswith('"') else value


def attributes_of(table: pd.DataFrame) -> list[str]:
    """The columns by which a table's clips can be told apart."""
    return [column for column in table.columns if column not in (*COLUMNS, *BASELINES)]


def _values(clips: pd.DataFrame, attribute: str) -> pd.Series:
    name, _, edges = (attribute, "", "") if attribute in clips else attribute.partition(":")
    if name not in clips:
        raise PredictionsError(f"There is no attribute {name}; this table has {', '.join(attributes_of(clips))}.")
    return _ranges(clips[name], edges) if edges else clips[name].astype("string")


def _ranges(values: pd.Series, words: str) -> pd.Series:
    """Numbers as the names of the ranges between the edges that the words name."""
    try:
        ends = [-np.inf, *_edges(words), np.inf]
        cut = pd.cut(pd.to_numeric(values), ends, right=False, labels=_range_names(words))
    except (ValueError, TypeError) as error:
        raise PredictionsError(f"{values.name}:{words} does not cut numbers; wanted NAME:EDGE,EDGE,...") from error
    return cut.astype("string")


def _edges(words: str) -> list[float]:
    """The edges that the words name, ascending. Raises ValueError for what is no number, and for too many."""
    edges = sorted({float(word) for word in words.split(",")})
    if not np.isfinite(edges).all() or len(edges) > MOST_EDGES:
        raise ValueError(words)
    return edges


def _range_names(words: str) -> list[str]:
    edges = [f"{edge:g}" for edge in _edges(words)]
    return [f"under {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges)), f"{edges[-1]} and over"]


def _order(attribute: str) -> tuple[str, ...]:
    """The order of an attribute's values, where it is known."""
    name, _, edges = attribute.partition(":")
    return tuple(_range_names(edges)) if edges else GROUP_ORDERS.get(name, ())


def order_groups(names: Sequence[str], by: Sequence[str]) -> list[str]:
    """All groups of one known attribute in its order, empty ones too; otherwise those there are, in order."""
    orders = [_order(attribute) for attribute in by]
    if len(by) == 1 and set(orders[0]) & set(names):
        return [*orders[0], *sorted(set(names) - set(orders[0]))]
    places = [{name: place for place, name in enumerate(order)} for order in orders]

    def key(name: str) -> list[tuple[int, str]]:
        return [(order.get(part, 99), part) for order, part in zip(places, split_group(name), strict=False)]

    return sorted(set(names), key=key)


def group_codes(scores: Scores, by: Sequence[str], *, most: int = MOST_GROUPS) -> tuple[np.ndarray, list[str]]:
    """The number of each clip's group, int (N,), -1 where it is unknown; and the groups' names in order. Raises
    PredictionsError as `groups_of`, and where there are more groups than `most`."""
    names = groups_of(scores.clips, by)
    groups = order_groups(names.dropna().unique().tolist(), by)
    if len(groups) > most:
        raise PredictionsError(
            f"{JOINT.join(by)} has {len(groups):,} groups; expected at most {most:,}. Cut numbers into ranges "
            f"(age:25,40), or name fewer attributes."
        )
    return pd.Categorical(names, categories=groups).codes.astype(np.int64), groups


def accuracy_by(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """One row per model, trait (the five and `mean`) and group, with 95 % intervals by leaving out sources.

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes, numeric ones perhaps with edges (`groups_of`).

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
        As `read_scores` and `group_codes`.
    """
    scores = read_scores(table)
    code, groups = group_codes(scores, by)
    by_source, by_unit = Split.of(code, scores.source), Split.of(code, units_of(scores.source))
    found = []
    for number in range(len(scores.models)):
        sums, clips = unit_sums(scores, number, by_unit), clips_by_source(scores, number, by_source)
        places = range(max(1, len(groups)))  # where there is no group, one without clips knows the columns
        found += [
            {**_counts(clips[by_source.of_group(place)]), **_with_bounds(sums[by_unit.of_group(place)])}
            for place in places
        ]
    names = ["model", "group", "trait"]
    rows = pd.MultiIndex.from_product([scores.models, groups, [*TRAIT_NAMES, MEAN]], names=names).to_frame(index=False)
    rows = rows.assign(**{name: np.concatenate([part[name] for part in found])[: len(rows)] for name in found[0]})
    rows.loc[rows["sources"] < LEAST_SOURCES, [name for name in rows if name.endswith(("low", "high"))]] = np.nan
    return rows[[*FIRST, *(name for name in rows if name not in FIRST)]]


def unit_sums(scores: Scores, model: int, split: Split) -> np.ndarray:
    """The SUMS of one model for each pair of a group and what is left out at once, (P, 5, len(SUMS))."""
    sums = np.empty((len(split.starts), len(TRAIT_NAMES), len(SUMS)))
    for place, part in enumerate(summands(scores, model, split.clips)):
        sums[..., place] = split.sums(part)
    return sums


def clips_by_source(scores: Scores, model: int, split: Split) -> np.ndarray:
    """On how many clips of each pair of a group and a source a model predicts, (P, 6); the mean has those of any
    trait."""
    present = ~np.isnan(scores.predicted[split.clips, model])
    present = np.concatenate([present, present.any(-1, keepdims=True)], axis=-1).astype(float)
    return split.sums(present)


def _counts(clips: np.ndarray) -> dict[str, np.ndarray]:
    """n, sources and effective_sources (6,) of a group, from its clips by source (S, 6)."""
    n, squares = clips.sum(0), np.square(clips).sum(0)
    effective = np.divide(n**2, squares, out=np.zeros_like(n), where=squares > 0)
    return {"n": n.astype(int), "sources": (clips > 0).sum(0), "effective_sources": effective}


def _with_bounds(parts: np.ndarray) -> dict[str, np.ndarray]:
    """Every figure (6,) of a group with its bounds, from its sums by unit (U, 5, len(SUMS))."""
    whole, left_out = figures(parts.sum(0)), figures(parts.sum(0) - parts)
    clips = with_most(parts[..., 0])
    degrees, units = degrees_of_freedom(clips), (clips > 0).sum(0)
    columns: dict[str, np.ndarray] = {}
    for name, value in whole.items():
        columns[name] = value
        if name in WITH_INTERVAL:
            names = BARE.get(name, (f"{name}_low", f"{name}_high"))
            bounds = _bounds(name, value, left_out[name], units, degrees)
            columns.update(zip(names, bounds, strict=True))
    return columns


def _bounds(
    name: str, value: np.ndarray, left_out: np.ndarray, units: np.ndarray, degrees: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if name not in CORRELATIONS:
        return interval(value, standard_error(left_out, value, units), degrees)
    value, left_out = (np.arctanh(part.clip(-1 + 1e-12, 1 - 1e-12)) for part in (value, left_out))
    low, high = interval(value, standard_error(left_out, value, units), degrees)
    return np.tanh(low), np.tanh(high)


def with_most(counts: np.ndarray) -> np.ndarray:
    """Counts of five traits (..., 5) with those of the mean after them, which is of the clips of any: (..., 6)."""
    return np.concatenate([counts, counts.max(-1, keepdims=True)], axis=-1)
