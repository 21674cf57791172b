"""Accuracy per model, trait and group, from a predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from personality.analysis.intervals import DRAWS, SEED, batches, bounds, source_draws
from personality.analysis.metrics import SUMS, figures, summands
from personality.analysis.scores import BASELINES, COLUMNS, PredictionsError, Scores, read_scores
from personality.traits import GROUP_ORDERS, TRAIT_NAMES

ALL = "all"
MEAN = "mean"
SMALL = 30  # clips; groups below are marked
JOINT = " x "
MOST_EDGES = 50  # by which numbers are cut
WITH_INTERVAL = ("accuracy", "signed_error", "gain", "pearson", "concordance", "actual_mean")
BARE = {"accuracy": ("low", "high")}  # what the bounds of a figure are called; of others, figure_low and figure_high


@dataclass(frozen=True)
class Cells:
    """The sums of all clips of each group, and of each bootstrap repetition of them.

    groups: G names; models: M names; n and sources int (G, M, 5): clips and sources of them; sums float64
    (G, M, 5, len(SUMS)); draws float32 (D, G, M, 5, len(SUMS)), paired over everything.
    """

    groups: list[str]
    models: tuple[str, ...]
    n: np.ndarray
    sources: np.ndarray
    sums: np.ndarray
    draws: np.ndarray


def groups_of(clips: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """The name of each row's group: values of the attributes joined by ' x ', `all` without any, NaN where unknown.

    An attribute of numbers is cut into ranges by `name:10,20`: under 10, 10 to 20, 20 and over. Raises
    PredictionsError where an attribute is not a column, or has no numbers to cut.
    """
    if not by:
        return pd.Series(ALL, clips.index)
    parts = [_values(clips, name) for name in by]
    return parts[0].str.cat(parts[1:], sep=JOINT) if len(parts) > 1 else parts[0]


def attributes_of(table: pd.DataFrame) -> list[str]:
    """The columns by which a table's clips can be told apart."""
    return [column for column in table.columns if column not in (*COLUMNS, *BASELINES)]


def _values(clips: pd.DataFrame, attribute: str) -> pd.Series:
    name, _, edges = attribute.partition(":")
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
    if len(by) == 1 and orders[0]:
        return [*orders[0], *sorted(set(names) - set(orders[0]))]
    places = [{name: place for place, name in enumerate(order)} for order in orders]

    def key(name: str) -> list[tuple[int, str]]:
        return [(order.get(part, 99), part) for order, part in zip(places, name.split(JOINT), strict=False)]

    return sorted(set(names), key=key)


def group_codes(scores: Scores, by: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """The number of each clip's group, int (N,), -1 where it is unknown; and the groups' names in order. Raises
    PredictionsError as `groups_of`."""
    names = groups_of(scores.clips, by)
    groups = order_groups(names.dropna().unique().tolist(), by)
    return pd.Categorical(names, categories=groups).codes.astype(np.int64), groups


def count_cells(scores: Scores, by: Sequence[str], *, draws: int = DRAWS, seed: int = SEED) -> Cells:
    """The sums of every group of the attributes `by`, and of `draws` repetitions that draw whole sources. Raises
    PredictionsError as `groups_of`."""
    code, groups = group_codes(scores, by)
    drawn_as = batches(scores.source)
    pairs, order, starts = _pairs(code, drawn_as)
    group, unit = np.divmod(pairs, drawn_as.max() + 1)
    ends = np.searchsorted(group, np.arange(len(groups) + 1))
    sums = np.zeros((len(groups), len(scores.models), len(TRAIT_NAMES), len(SUMS)))
    by_unit = np.zeros((len(pairs), *sums.shape[1:]), np.float32)
    for model in range(len(scores.models)):
        for place, part in enumerate(summands(scores, model, order)):
            parts = np.add.reduceat(part, starts, axis=0) if len(starts) else part
            by_unit[:, model, :, place] = parts
            for number, (start, end) in enumerate(pairwise(ends)):
                sums[number, model, :, place] = parts[start:end].sum(0)
    flat = by_unit.reshape(len(pairs), int(np.prod(sums.shape[1:])))
    drawn = np.concatenate(
        [
            np.stack([block[:, unit[start:end]] @ flat[start:end] for start, end in pairwise(ends)], axis=1)
            for block in source_draws(int(drawn_as.max()) + 1, draws=draws, seed=seed)
        ]
    )
    n, sources = sums[..., 0].astype(int), _count_sources(scores, code, len(groups))
    return Cells(groups, scores.models, n, sources, sums, drawn.reshape(draws, *sums.shape))


def _pairs(code: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of a group and a source that occur, as group * sources + source, ascending; the clips of a known
    group in their order; where each pair's clips start there."""
    both = np.where(code >= 0, code * (source.max() + 1) + source, -1)
    order = np.argsort(both, kind="stable")[(both < 0).sum() :]
    pairs, starts = np.unique(both[order], return_index=True)
    return pairs, order, starts


def _count_sources(scores: Scores, code: np.ndarray, groups: int) -> np.ndarray:
    """Of how many sources are the clips of each group on which each model speaks, int (G, M, 5)."""
    pairs, order, starts = _pairs(code, scores.source)
    shape = (groups, len(scores.models), len(TRAIT_NAMES))
    if not len(pairs):
        return np.zeros(shape, int)
    present = np.logical_or.reduceat(~np.isnan(scores.predicted[order]), starts, axis=0)
    ends = np.searchsorted(pairs // scores.sources, np.arange(groups + 1))
    return np.stack([present[start:end].sum(0) for start, end in pairwise(ends)])


def accuracy_by(table: pd.DataFrame, by: Sequence[str] = (), *, draws: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """One row per model, trait (the five and `mean`) and group, with 95 % intervals by bootstrap over sources.

    by: attributes, numeric ones perhaps with edges (`groups_of`). Columns: model, trait, group, n (clips), sources,
    accuracy, low, high, signed_error, baseline (the accuracy of always saying the training mean, on the same clips;
    NaN where unknown), then the other figures of `metrics.figures`, with bounds called after them (`gain_low`). Groups
    without clips keep a row of n = 0; one source has no interval. Raises PredictionsError as `read_scores` and
    `groups_of`.
    """
    return rows_of(count_cells(read_scores(table), by, draws=draws, seed=seed))


def rows_of(cells: Cells) -> pd.DataFrame:
    """The table of `accuracy_by` from counted cells."""
    found, drawn = figures(cells.sums), figures(cells.draws)
    columns: dict[str, np.ndarray] = {}
    sources = with_most(cells.sources)
    for name, values in found.items():
        columns[name] = values
        if name in WITH_INTERVAL:
            names = BARE.get(name, (f"{name}_low", f"{name}_high"))
            for bound, each in zip(names, bounds(drawn[name]), strict=True):
                columns[bound] = np.where(sources > 1, each, np.nan)
    index = pd.MultiIndex.from_product(
        [cells.groups, cells.models, [*TRAIT_NAMES, MEAN]], names=["group", "model", "trait"]
    ).to_frame(index=False)
    counts = {"n": with_most(cells.n).reshape(-1), "sources": sources.reshape(-1)}
    rows = index.assign(**counts, **{name: values.reshape(-1) for name, values in columns.items()})
    first = ["model", "trait", "group", "n", "sources", "accuracy", "low", "high", "signed_error", "baseline"]
    return rows[[*first, *(name for name in rows if name not in first)]]


def with_most(counts: np.ndarray) -> np.ndarray:
    """Counts of five traits (..., 5) with those of the mean after them, which is of the clips of any: (..., 6)."""
    return np.concatenate([counts, counts.max(-1, keepdims=True)], axis=-1)
