"""What gaps between groups would be if groups meant nothing: labels of groups moved between whole sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

PERMUTATIONS = 1000
BLOCK = 2**23  # numbers in memory at once
MANY = 12  # clips of a source from which on its sums are cheaper than the products of its pairs


def permuted_codes(code: np.ndarray, source: np.ndarray, *, count: int, seed: int) -> Iterator[np.ndarray]:
    """The codes (N,) as they are, then moved `count` times, int (B, N) in blocks.

    The codes of all clips of a source move together to another source of as many clips: sources are exchangeable where
    groups mean nothing, clips of one source and of two are not. So each group keeps its size, and whether a source is
    of one group (a person's gender) or of several (expressions) stays as it is.
    """
    yield code[None]
    random = np.random.default_rng(seed)
    strata = by_size(source)
    block = max(1, BLOCK // len(code))
    for start in range(0, count, block):
        moved = np.empty((min(block, count - start), len(code)), code.dtype)
        for clips in strata:
            places = np.tile(np.arange(len(clips)), (len(moved), 1))
            moved[:, clips] = code[clips][random.permuted(places, axis=1)]
        yield moved


def by_size(source: np.ndarray) -> list[np.ndarray]:
    """The clips of all sources of one size, int (sources, size), for each size, from codes of sources (N,)."""
    order = np.argsort(source, kind="stable")
    _, starts, sizes = np.unique(source[order], return_index=True, return_counts=True)
    return [order[starts[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)]


@dataclass(frozen=True)
class Means:
    """Means of values over many sets of clips, with the variance that comes from drawing sources.

    values float32 (N, C), 0 where there is none; present float32 (N, C), 1 where there is one; first, second and twice
    (K,): the pairs of clips of one source, a clip with itself once and with another twice; large: the clips of each
    source that has too many for pairs.
    """

    values: np.ndarray
    present: np.ndarray
    first: np.ndarray
    second: np.ndarray
    twice: np.ndarray
    large: list[np.ndarray]

    @classmethod
    def of(cls, values: np.ndarray, source: np.ndarray) -> Self:
        """Of values (N, C), NaN where there is none, and codes of sources (N,)."""
        there = ~np.isnan(values)
        pairs, large = [np.empty((0, 2), int)], []
        for clips in by_size(source):
            if clips.shape[1] > MANY:
                large += list(clips)
            else:
                one, other = np.triu_indices(clips.shape[1])
                pairs.append(np.stack([clips[:, one].reshape(-1), clips[:, other].reshape(-1)], 1))
        first, second = np.concatenate(pairs).T
        twice = np.where(first == second, 1, 2).astype(np.float32)
        filled = np.where(there, values, 0).astype(np.float32)
        return cls(filled, there.astype(np.float32), first, second, twice, large)

    def __call__(self, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and their variances (B, C) over sets of clips, bool (B, N); NaN where a set has none.

        The variance is that of a ratio of sums over sources, linearised (Cochran 1977): with T and n a source's sum and
        count within the set and m the mean, the sum of (T - m n)^2 over the square of the set's count.
        """
        inside = inside.astype(np.float32)
        values, present = self.values, self.present
        both = inside[:, self.first] * inside[:, self.second] * self.twice
        squares = both @ (values[self.first] * values[self.second])
        crossed = both @ (values[self.first] * present[self.second] + values[self.second] * present[self.first]) / 2
        counted = both @ (present[self.first] * present[self.second])
        for clips in self.large:
            total, count = inside[:, clips] @ values[clips], inside[:, clips] @ present[clips]
            squares, crossed, counted = squares + total**2, crossed + total * count, counted + count**2
        with np.errstate(invalid="ignore", divide="ignore"):
            n = inside @ present
            mean = inside @ values / n
            return mean, (squares - 2 * mean * crossed + mean**2 * counted).clip(0) / n**2


def p_values(statistics: np.ndarray) -> np.ndarray:
    """How often chance gives as much as was found or more, (...), from statistics (1 + P, ...): what was found, which
    counts as one more (Phipson and Smyth 2010), then what chance gave. NaN where what was found is no number."""
    found = statistics[0]
    with np.errstate(invalid="ignore"):
        # Chance may repeat the very groups, but for rounding.
        times = (statistics >= found - 1e-5 * np.abs(found)).sum(0)
    return np.where(np.isnan(found), np.nan, times / len(statistics))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values (1979) of a family (N,); NaN is no member."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    steps = len(order) - np.arange(len(order))
    result[order] = np.maximum.accumulate(p[order] * steps).clip(max=1)
    return result


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values (1995) of a family (N,); NaN is no member."""
    result, order = p.copy(), np.argsort(p)
    order = order[~np.isnan(p[order])]
    scaled = p[order] * len(order) / (np.arange(len(order)) + 1)
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return result
