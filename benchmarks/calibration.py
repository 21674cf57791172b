"""Calibration of the tests and intervals of the analysis, on simulated errors: `python -m benchmarks.calibration`.

Measures, for several designs, the false positive rate (nominally 5 %) and the power of the test of two groups, next to
Welch's test of the means of sources, the paired t-test of the differences within sources, and a mixed model; the
coverage of 95 % intervals by number of sources and clips per source; and the power for a difference of the size that is
reported as minimum detectable. Prints Markdown; takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import machine
from personality.analysis.contrasts import Contrast, contrast_groups, variance_ratio
from personality.analysis.gaps import compare_groups
from personality.analysis.jackknife import mean_intervals, sums_by_unit
from personality.analysis.worst_groups import find_worst_groups
from personality.traits import TRAIT_NAMES

SIMULATION_REPETITIONS = 4_000
COVERAGE_REPETITIONS, POWER_REPETITIONS = 40_000, 2_000  # standard errors of .001 and .009
SIMULATED_SOURCES = 20
BETWEEN_SOURCE_SHARES = (0.0, 0.3, 0.8)  # share of the variance between sources
EFFECT_STANDARD_ERRORS = 2.9  # difference in standard errors, for a power of about .8


@dataclass(frozen=True)
class StudyDesign:
    """N clips: the source of each, and whether it is in the first of two groups."""

    source: np.ndarray
    is_first_group: np.ndarray

    @property
    def sources(self) -> int:
        """Number of sources."""
        return int(self.source.max()) + 1


def between_sources_design(sizes: np.ndarray) -> StudyDesign:
    """Return a design in which every second source is in the first group."""
    source = np.repeat(np.arange(len(sizes)), sizes)
    return StudyDesign(source, source % 2 == 0)


def within_sources_design(patterns: list[list[int]]) -> StudyDesign:
    """Return a design in which a source has a clip per element of its pattern; 1 is a clip of the first group."""
    source = np.repeat(np.arange(len(patterns)), [len(pattern) for pattern in patterns])
    return StudyDesign(source, np.concatenate(patterns) == 1)


def make_study_designs(sources: int = SIMULATED_SOURCES, seed: int = 0) -> dict[str, StudyDesign]:
    """Return designs by name: between and within sources, with equal and unequal sizes."""
    random = np.random.default_rng(seed)
    mixed = [[1, 0, *random.integers(0, 2, size).tolist()] for size in random.integers(0, 5, sources)]
    return {
        "between, 6 clips each": between_sources_design(np.full(sources, 6)),
        "between, 1 to 4 clips": between_sources_design(random.integers(1, 5, sources)),
        "between, 5 to 59 clips": between_sources_design(random.integers(5, 60, sources)),
        "between, all sizes different": between_sources_design(random.permutation(np.arange(1, sources + 1))),
        "within, one clip of each group": within_sources_design([[1, 0]] * sources),
        "within, two or three clips": within_sources_design(
            [[1, 0] if number % 2 else [1, 0, 0] for number in range(sources)]
        ),
        "within, 2 to 6 clips at random": within_sources_design(mixed),
    }


def draw_half_normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Sample from a half-normal distribution, like absolute errors, standardized to mean 0 and variance 1."""
    return (np.abs(random.standard_normal(shape)) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)


def simulate_errors(design: StudyDesign, share: float, repetitions: int, random: np.random.Generator) -> np.ndarray:
    """Simulate errors, (N, repetitions), with this share of their variance between sources."""
    of_source = draw_half_normal(random, (design.sources, repetitions))[design.source]
    return np.sqrt(share) * of_source + np.sqrt(1 - share) * draw_half_normal(random, (len(design.source), repetitions))


def sum_by_source_and_group(design: StudyDesign, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the sums of values, (N, C), by source, of the first and of the second group, (S, C) each."""
    sides = (design.is_first_group[:, None], ~design.is_first_group[:, None])
    first, second = (sums_by_unit(values * side, design.source, design.sources) for side in sides)
    return first, second


def source_variance_ratio(design: StudyDesign, values: np.ndarray) -> np.ndarray:
    """Compute the ratio, (C,), of the variances of values, (N, C), between and within sources, given the groups."""
    residual = _group_residuals(design, values)
    return variance_ratio(np.ones_like(values), residual, residual**2, design.source)


def _group_residuals(design: StudyDesign, values: np.ndarray) -> np.ndarray:
    means = values[design.is_first_group].mean(0), values[~design.is_first_group].mean(0)
    return values - np.where(design.is_first_group[:, None], *means)


def compare_two_groups(design: StudyDesign, values: np.ndarray) -> Contrast:
    """Apply the test of the analysis to values, (N, C)."""
    clips, totals = sum_by_source_and_group(design, np.ones_like(values)), sum_by_source_and_group(design, values)
    return contrast_groups(clips, totals, source_variance_ratio(design, values), np.arange(design.sources))


def reference_test_p_values(design: StudyDesign, values: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the p-values, (C,), of the standard tests for this design, by name of the test."""
    clips, totals = sum_by_source_and_group(design, np.ones_like(values)), sum_by_source_and_group(design, values)
    with np.errstate(invalid="ignore"):
        means = tuple(total / count for total, count in zip(totals, clips, strict=True))
    both = ((clips[0] > 0) & (clips[1] > 0))[:, 0]
    found = {"mixed model": _mixed_model_p_values(design, values)}
    if both.any():
        found["paired t"] = stats.ttest_1samp((means[0] - means[1])[both], 0).pvalue
    else:
        one, other = (part[~np.isnan(part[:, 0])] for part in means)
        found["Welch of sources"] = stats.ttest_ind(one, other, equal_var=False).pvalue
    return found


def _mixed_model_p_values(design: StudyDesign, values: np.ndarray) -> np.ndarray:
    """Compute p-values of a model with a random intercept per source. It treats the estimated variances as known, and
    therefore has too many false positives."""
    ratio = source_variance_ratio(design, values)
    (first, second), difference = (
        sum_by_source_and_group(design, np.ones_like(values)),
        compare_two_groups(design, values).difference,
    )
    both = first + second
    shrink = 1 / (1 + both * ratio)
    one, cross = (both * shrink).sum(0), (first * shrink).sum(0)
    square = (first - ratio * first**2 * shrink).sum(0)
    residual = _group_residuals(design, values)
    means = sums_by_unit(residual, design.source, design.sources) / both
    within = ((residual - means[design.source]) ** 2).sum(0) / (len(values) - design.sources)
    return 2 * stats.norm.sf(np.abs(difference) / np.sqrt(within * one / (one * square - cross**2)))


def measure_size_and_power() -> pd.DataFrame:
    """Return a row per design and share of variance: the rate of significant results without and with a difference."""
    random, rows = np.random.default_rng(1), []
    for name, design in make_study_designs().items():
        for share in BETWEEN_SOURCE_SHARES:
            null = simulate_errors(design, share, SIMULATION_REPETITIONS, random)
            found = compare_two_groups(design, null)
            shifted = null + EFFECT_STANDARD_ERRORS * np.median(found.std_error) * design.is_first_group[:, None]
            others = {test: float((p < 0.05).mean()) for test, p in reference_test_p_values(design, shifted).items()}
            rows.append(
                {
                    "design": name,
                    "between sources": share,
                    "found without": float((found.p_values() < 0.05).mean()),
                    "power": float((compare_two_groups(design, shifted).p_values() < 0.05).mean()),
                    "best other": f"{max(others, key=others.__getitem__)} {max(others.values()):.3f}",
                }
            )
    return pd.DataFrame(rows)


def simulate_interval_coverage(
    sources: int,
    clips: int,
    spread: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray],
    repetitions: int = COVERAGE_REPETITIONS,
    share: float = 0.3,
) -> float:
    """Return the share of 95 % intervals of a mean that contain the true value. A share of the variance is between
    sources."""
    random = np.random.default_rng(sources * 100 + clips)
    source = np.repeat(np.arange(sources), clips)
    values = np.sqrt(share) * spread(random, (sources, repetitions))[source]
    values = values + np.sqrt(1 - share) * spread(random, (len(source), repetitions))
    low, high = mean_intervals(values, source)
    return float(((low <= 0) & (high >= 0)).mean())


def make_shifted_table(groups: int, shift: float, trait: str | None, random: np.random.Generator) -> pd.DataFrame:
    """Return a predictions table of 15 sources with three clips each per group. The predictions of the first group are
    higher by `shift`, in one trait or in all."""
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


def power_at_minimum_detectable(groups: int, trait: str, repetitions: int = POWER_REPETITIONS) -> float:
    """Return the rate at which a shift of the first group by the minimum detectable difference is significant after
    Holm's correction. With the trait `mean`, all traits are shifted by the same amount."""
    random = np.random.default_rng(groups)
    one = None if trait == "mean" else trait

    def first(shift: float) -> pd.Series:
        gaps = compare_groups(make_shifted_table(groups, shift, one, random), ["group"], measure="signed_error").gaps
        return gaps[gaps["trait"].eq(trait) & gaps["group"].eq("g0")].iloc[0]

    size = float(np.mean([first(0.0)["detectable"] for _ in range(max(20, repetitions // 10))]))
    return float(np.mean([first(size)["p_holm"] < 0.05 for _ in range(repetitions)]))


def make_null_table(random: np.random.Generator, sources: int = 90) -> pd.DataFrame:
    """Return a predictions table of sources with four clips each and three random attributes."""
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


def worst_group_false_positives(repetitions: int) -> float:
    """Return the rate at which the search for the worst groups has a significant result if groups are random."""
    random = np.random.default_rng(0)
    return float(
        np.mean([find_worst_groups(make_null_table(random))["p_holm"].min() < 0.05 for _ in range(repetitions)])
    )


def main() -> None:
    """Run all simulations and print their tables."""
    print(
        f"{machine.describe_machine()}\n\n{SIMULATION_REPETITIONS:,} repetitions, {SIMULATED_SOURCES} sources, "
        "half-normal errors\n"
    )
    rows = measure_size_and_power()
    print(f"| {' | '.join(rows)} |\n|{'---|' * len(rows.columns)}")
    for row in rows.round(3).itertuples(index=False):
        print(f"| {' | '.join(map(str, row))} |")
    print("\n| sources | clips per source | normal errors | half-normal errors |\n|---|---|---|---|")
    for sources in (5, 7, 10, 20, 40):
        for clips in (1, 6, 20):
            normal = simulate_interval_coverage(sources, clips, lambda random, shape: random.standard_normal(shape))
            print(
                f"| {sources} | {clips} | {normal:.3f} | "
                f"{simulate_interval_coverage(sources, clips, draw_half_normal):.3f} |"
            )
    print("\n| groups | one trait | the mean |\n|---|---|---|")
    for groups in (2, 4, 8):
        powers = [power_at_minimum_detectable(groups, trait) for trait in ("openness", "mean")]
        print(f"| {groups} | {powers[0]:.3f} | {powers[1]:.3f} |")
    print(f"\nsearches for the worst groups with a false positive: {worst_group_false_positives(300):.3f}")


if __name__ == "__main__":
    main()
