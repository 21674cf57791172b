"""Intervals by bootstrap over sources: clips of one video are not independent, so whole sources are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

DRAWS = 1000
LEVEL = 0.95
SEED = 0
METHOD = "percentile bootstrap over sources"
BLOCK = 2**24  # numbers in memory at once
MOST = 20_000  # sources that are drawn one by one

TAIL = (1 - LEVEL) / 2


def batches(source: np.ndarray) -> np.ndarray:
    """Codes of sources (N,) as codes of what is drawn: the sources, or where there are more than MOST of them MOST
    batches of as many at random. A sum over independent sources varies the same when they are drawn in batches; the
    interval's width is known to one part in a hundred, and a million clips take seconds."""
    sources = int(source.max()) + 1
    return source if sources <= MOST else np.random.default_rng(SEED).permutation(sources)[source] % MOST


def source_draws(sources: int, *, draws: int = DRAWS, seed: int = SEED) -> Iterator[np.ndarray]:
    """How often each source is drawn in each repetition, float32 (B, sources), in blocks of B <= draws repetitions;
    rows sum to `sources`.

    The same seed gives the same draws, which pairs the intervals of all models and groups of a table.
    """
    random = np.random.default_rng(seed)
    block = max(1, BLOCK // sources)
    for start in range(0, draws, block):
        counts = np.empty((min(block, draws - start), sources), np.float32)
        for row in counts:
            row[:] = np.bincount(random.integers(sources, size=sources), minlength=sources)
        yield counts


def source_weights(sources: int, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """All of `source_draws` at once, float32 (draws, sources)."""
    return np.concatenate(list(source_draws(sources, draws=draws, seed=seed)))


def bounds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval of repetitions (draws, ...): low and high (...).

    A repetition that is NaN, because it drew no clip of a group, is left out there (Efron 1981: the percentile interval
    of a ratio of sums).
    """
    rows = np.sort(values.reshape(len(values), -1).T, axis=1)  # NaN last
    known = (~np.isnan(rows)).sum(1)
    low, high = (_quantile(rows, known, share).reshape(values.shape[1:]) for share in (TAIL, 1 - TAIL))
    return low, high


def _quantile(rows: np.ndarray, known: np.ndarray, share: float) -> np.ndarray:
    """The quantile of the first `known` (R,) values of each ascending row (R, N), interpolated; NaN of none."""
    place = share * (known - 1).clip(0)
    below = place.astype(int)
    each = np.arange(len(rows))
    one, other = rows[each, below].astype(float), rows[each, np.minimum(below + 1, (known - 1).clip(0))].astype(float)
    return one + (other - one) * (place - below)


def sums_by_source(values: np.ndarray, source: np.ndarray, sources: int) -> np.ndarray:
    """Sums (sources, C) over the rows of values (N, C) by source code (N,); NaN counts as nothing."""
    result = np.zeros((sources, values.shape[1]))
    np.add.at(result, source, np.nan_to_num(values))
    return result


def mean_intervals(values: np.ndarray, source: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bounds (C,), (C,) of a 95 % percentile interval for the mean of each column of values (N, C).

    source: codes (N,) of each row's source, columns of weights (draws, sources). NaN where fewer than two sources have
    a value: one source says nothing about others.
    """
    sources = weights.shape[1]
    present = sums_by_source((~np.isnan(values)).astype(float), source, sources)
    total, count = weights @ sums_by_source(values, source, sources), weights @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = bounds(np.where(count > 0, total / count, np.nan))
    enough = (present > 0).sum(0) > 1
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
