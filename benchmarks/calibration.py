"""How often the tests and intervals of the analysis are right, on made-up errors whose truth is known.

python -m benchmarks.calibration: for several designs, how often the test of two groups finds a difference that is not
there (5 % wanted) and one that is, beside Welch's test of the means of sources, the paired t-test of the differences
within sources, and a mixed model; how often 95 % intervals hold the truth, by number of sources and clips of each; and
how often a difference as large as the one called detectable is found. Prints Markdown; minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import machine
from personality.analysis.contrasts import Contrast, compare, variance_ratio
from personality.analysis.gaps import compare_groups
from personality.analysis.jackknife import mean_intervals, sums_by_unit
from personality.analysis.worst_groups import worst_groups
from personality.traits import TRAIT_NAMES

REPETITIONS = 4_000
SOURCES = 20
SHARES = (0.0, 0.3, 0.8)  # of the variance, between sources
EFFECT = 2.9  # standard errors: power of about .8


@dataclass(frozen=True)
class Design:
    """Clips (N,) with their source and whether they are of the first of two groups."""

    source: np.ndarray
    first: np.ndarray

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return int(self.source.max()) + 1


def between(sizes: np.ndarray) -> Design:
    """Every second source is of the first group; sources of so many clips."""
    source = np.repeat(np.arange(len(sizes)), sizes)
    return Design(source, source % 2 == 0)


def within(patterns: list[list[int]]) -> Design:
    """Each source has clips of the groups that its pattern names, 1 for the first."""
    source = np.repeat(np.arange(len(patterns)), [len(pattern) for pattern in patterns])
    return Design(source, np.concatenate(patterns) == 1)


def designs(sources: int = SOURCES, seed: int = 0) -> dict[str, Design]:
    """Designs by name: between and within sources, of equal and unequal sizes."""
    random = np.random.default_rng(seed)
    mixed = [[1, 0, *random.integers(0, 2, size).tolist()] for size in random.integers(0, 5, sources)]
    return {
        "between, 6 clips each": between(np.full(sources, 6)),
        "between, 1 to 4 clips": between(random.integers(1, 5, sources)),
        "between, 5 to 59 clips": between(random.integers(5, 60, sources)),
        "between, all sizes different": between(random.permutation(np.arange(1, sources + 1))),
        "within, one clip of each group": within([[1, 0]] * sources),
        "within, two or three clips": within([[1, 0] if number % 2 else [1, 0, 0] for number in range(sources)]),
        "within, 2 to 6 clips at random": within(mixed),
    }


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of mean 0 and variance 1, spread as absolute errors are: half a normal curve."""
    return (np.abs(random.standard_normal(shape)) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)


def errors(design: Design, share: float, repetitions: int, random: np.random.Generator) -> np.ndarray:
    """Errors (N, repetitions) with this share of their variance between sources."""
    of_source = skewed(random, (design.sources, repetitions))[design.source]
    return np.sqrt(share) * of_source + np.sqrt(1 - share) * skewed(random, (len(design.source), repetitions))


def by_source(design: Design, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of values (N, C) by source, of the first group and of the other, (S, C) each."""
    sides = (design.first[:, None], ~design.first[:, None])
    first, second = (sums_by_unit(values * side, design.source, design.sources) for side in sides)
    return first, second


def ratio_of(design: Design, values: np.ndarray) -> np.ndarray:
    """The variance of values (N, C) between sources by that within, groups apart, (C,)."""
    residual = _residual(design, values)
    return variance_ratio(np.ones_like(values), residual, residual**2, design.source)


def _residual(design: Design, values: np.ndarray) -> np.ndarray:
    means = values[design.first].mean(0), values[~design.first].mean(0)
    return values - np.where(design.first[:, None], *means)


def ours(design: Design, values: np.ndarray) -> Contrast:
    """The analysis's own test on values (N, C)."""
    clips, totals = by_source(design, np.ones_like(values)), by_source(design, values)
    return compare(clips, totals, ratio_of(design, values), np.arange(design.sources))


def comparators(design: Design, values: np.ndarray) -> dict[str, np.ndarray]:
    """p-values (C,) of what a statistician would do by hand in this design."""
    clips, totals = by_source(design, np.ones_like(values)), by_source(design, values)
    with np.errstate(invalid="ignore"):
        means = tuple(total / count for total, count in zip(totals, clips, strict=True))
    both = ((clips[0] > 0) & (clips[1] > 0))[:, 0]
    found = {"mixed model": _mixed_model(design, values)}
    if both.any():
        found["paired t"] = stats.ttest_1samp((means[0] - means[1])[both], 0).pvalue
    else:
        one, other = (part[~np.isnan(part[:, 0])] for part in means)
        found["Welch of sources"] = stats.ttest_ind(one, other, equal_var=False).pvalue
    return found


def _mixed_model(design: Design, values: np.ndarray) -> np.ndarray:
    """A random intercept of sources, whose variances are taken as known once estimated (so it finds too much)."""
    ratio = ratio_of(design, values)
    (first, second), difference = by_source(design, np.ones_like(values)), ours(design, values).difference
    both = first + second
    shrink = 1 / (1 + both * ratio)
    one, cross = (both * shrink).sum(0), (first * shrink).sum(0)
    square = (first - ratio * first**2 * shrink).sum(0)
    residual = _residual(design, values)
    means = sums_by_unit(residual, design.source, design.sources) / both
    within = ((residual - means[design.source]) ** 2).sum(0) / (len(values) - design.sources)
    return 2 * stats.norm.sf(np.abs(difference) / np.sqrt(within * one / (one * square - cross**2)))


def sizes_and_powers() -> pd.DataFrame:
    """A row per design and share of variance: how often each test finds something, without and with a difference."""
    random, rows = np.random.default_rng(1), []
    for name, design in designs().items():
        for share in SHARES:
            null = errors(design, share, REPETITIONS, random)
            found = ours(design, null)
            shifted = null + EFFECT * np.median(found.error) * design.first[:, None]
            others = {test: float((p < 0.05).mean()) for test, p in comparators(design, shifted).items()}
            rows.append(
                {
                    "design": name,
                    "between sources": share,
                    "found without": float((found.p_values() < 0.05).mean()),
                    "power": float((ours(design, shifted).p_values() < 0.05).mean()),
                    "best other": f"{max(others, key=others.__getitem__)} {max(others.values()):.3f}",
                }
            )
    return pd.DataFrame(rows)


def coverage(
    sources: int, clips: int, spread: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray], share: float = 0.3
) -> float:
    """How often the 95 % interval of a mean holds the truth."""
    random = np.random.default_rng(sources * 100 + clips)
    source = np.repeat(np.arange(sources), clips)
    values = np.sqrt(share) * spread(random, (sources, REPETITIONS))[source]
    values = values + np.sqrt(1 - share) * spread(random, (len(source), REPETITIONS))
    low, high = mean_intervals(values, source)
    return float(((low <= 0) & (high >= 0)).mean())


def table_of(groups: int, shift: float, trait: str | None, random: np.random.Generator) -> pd.DataFrame:
    """A predictions table of 15 sources of three clips a group; the first group is rated `shift` higher, in one trait
    or in all."""
    source = np.repeat(np.arange(15 * groups), 3)
    names = [f"g{number}" for number in range(groups)]
    parts = []
    for one in TRAIT_NAMES:
        error = 0.05 * (random.normal(size=15 * groups)[source] + random.normal(size=len(source)))
        error = error + shift * (source % groups == 0) * (trait in (None, one))
        clips = {"clip": np.arange(len(source)).astype(str), "source": source.astype(str), "split": "test"}
        group = np.array(names)[source % groups]
        parts.append(pd.DataFrame({**clips, "model": "m", "trait": one, "actual": 0.5, "group": group}))
        parts[-1]["predicted"] = (0.5 + error).clip(0, 1)
    return pd.concat(parts, ignore_index=True)


def power_at_detectable(groups: int, trait: str, repetitions: int = 300) -> float:
    """How often a shift of the first group as large as the one called detectable passes Holm's correction; trait
    `mean`: of the mean, all traits shifted alike."""
    random = np.random.default_rng(groups)
    one = None if trait == "mean" else trait

    def first(shift: float) -> pd.Series:
        gaps = compare_groups(table_of(groups, shift, one, random), ["group"], measure="signed_error").gaps
        return gaps[gaps["trait"].eq(trait) & gaps["group"].eq("g0")].iloc[0]

    size = float(np.mean([first(0.0)["detectable"] for _ in range(20)]))
    return float(np.mean([first(size)["p_holm"] < 0.05 for _ in range(repetitions)]))


def searched_table(random: np.random.Generator, sources: int = 90) -> pd.DataFrame:
    """A predictions table of sources of four clips with three attributes that mean nothing."""
    source = np.repeat(np.arange(sources), 4)
    groups = {
        name: np.array([f"{name}{k}" for k in range(3)])[random.integers(0, 3, sources)][source] for name in "abc"
    }
    parts = []
    for trait in TRAIT_NAMES:
        error = 0.05 * (random.normal(size=sources)[source] + random.normal(size=len(source)))
        clips = {"clip": np.arange(len(source)).astype(str), "source": source.astype(str), "split": "test"}
        parts.append(pd.DataFrame({**clips, "model": "m", "trait": trait, "actual": 0.5, **groups}))
        parts[-1]["predicted"] = 0.5 + error
    return pd.concat(parts, ignore_index=True)


def false_finds(repetitions: int) -> float:
    """How often the search for the worst groups finds any where no group means anything."""
    random = np.random.default_rng(0)
    return float(np.mean([worst_groups(searched_table(random))["p_holm"].min() < 0.05 for _ in range(repetitions)]))


def main() -> None:
    """Print everything."""
    print(f"{machine.describe()}\n\n{REPETITIONS:,} repetitions, {SOURCES} sources, half-normal errors\n")
    rows = sizes_and_powers()
    print(f"| {' | '.join(rows)} |\n|{'---|' * len(rows.columns)}")
    for row in rows.round(3).itertuples(index=False):
        print(f"| {' | '.join(map(str, row))} |")
    print("\n| sources | clips of each | normal errors | half-normal errors |\n|---|---|---|---|")
    for sources in (5, 7, 10, 20, 40):
        for clips in (1, 6, 20):
            normal = coverage(sources, clips, lambda random, shape: random.standard_normal(shape))
            print(f"| {sources} | {clips} | {normal:.3f} | {coverage(sources, clips, skewed):.3f} |")
    print("\n| groups | one trait | the mean |\n|---|---|---|")
    for groups in (2, 4, 8):
        powers = [power_at_detectable(groups, trait) for trait in ("openness", "mean")]
        print(f"| {groups} | {powers[0]:.3f} | {powers[1]:.3f} |")
    print(f"\nsearches for the worst groups that find one where there is none: {false_finds(300):.3f}")


if __name__ == "__main__":
    main()
