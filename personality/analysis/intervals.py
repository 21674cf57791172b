"""Intervals by bootstrap over sources: clips of one video are not independent, so whole sources are drawn."""

from __future__ import annotations

import numpy as np

DRAWS = 1000
LEVEL = 0.95
SEED = 0


def source_weights(sources: int, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """How often each source is drawn in each repetition, float32 (draws, sources); rows sum to `sources`.

    Using one matrix for all models and groups of a table pairs their intervals.
    """
    random = np.random.default_rng(seed)
    return random.multinomial(sources, np.full(sources, 1 / sources), size=draws).astype(np.float32)


def sums_by_source(values: np.ndarray, source: np.ndarray, sources: int) -> np.ndarray:
    """Sums (sources, C) over the rows of values (N, C) by source code (N,); NaN counts as nothing."""
    result = np.zeros((sources, values.shape[1]))
    np.add.at(result, source, np.nan_to_num(values))
    return result


def mean_intervals(values: np.ndarray, source: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bounds (C,), (C,) of a 95 % percentile interval for the mean of each column of values (N, C).

    source: codes (N,) of each row's source, columns of weights (draws, sources). A repetition that draws no row of a
    column is left out for that column (Efron 1981: the percentile interval of a ratio of sums). NaN where fewer than
    two sources have a value: one source says nothing about others.
    """
    sources = weights.shape[1]
    present = sums_by_source((~np.isnan(values)).astype(float), source, sources)
    total, count = weights @ sums_by_source(values, source, sources), weights @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(count > 0, total / count, np.nan)
    tail, enough = (1 - LEVEL) / 2, (present > 0).sum(0) > 1
    bounds = np.full((2, values.shape[1]), np.nan)
    bounds[:, enough] = np.nanquantile(means[:, enough], [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]
