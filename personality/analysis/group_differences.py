"""Sums of a model by group and source, and the differences between two groups computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from personality.analysis.contrasts import Contrast, contrast_groups, variance_ratio
from personality.analysis.groups import (
    GroupSourcePairs,
    append_largest_count,
    count_clips_by_pair,
    sum_by_group_and_unit,
)
from personality.analysis.jackknife import CONFIDENCE_LEVEL, jackknife_units, standard_error, sums_by_unit, t_interval
from personality.analysis.metrics import append_trait_mean, compute_metrics
from personality.predictions.predictions_table import PredictionArrays

# Measures that are means over clips, tested by `contrasts`; the others are tested by the jackknife alone.
MEAN_MEASURES = ("accuracy", "gain", "signed_error", "actual_mean")


@dataclass(frozen=True)
class GroupDifference:
    """The difference between a group and its reference, for five traits and their mean: (6,) each.

    n, sources, n_reference, sources_reference: numbers of clips and sources. test_design: whether the test is between
    or within sources. plain_contrasts: by measure, the difference of the groups' figures. tested_contrasts: by measure,
    the difference that is tested.
    """

    n: np.ndarray
    sources: np.ndarray
    n_reference: np.ndarray
    sources_reference: np.ndarray
    test_design: str
    plain_contrasts: dict[str, Contrast]
    tested_contrasts: dict[str, Contrast]

    def to_columns(self, measure: str, *, pairs: int = 1) -> dict[str, np.ndarray]:
        """The difference in a measure as columns of a table. pairs: number of comparisons for which the interval is
        simultaneous (Bonferroni)."""
        plain, tested = self.plain_contrasts[measure], self.tested_contrasts[measure]
        low, high = t_interval(
            plain.difference, plain.std_error, plain.degrees, level=1 - (1 - CONFIDENCE_LEVEL) / pairs
        )
        return {
            "n": self.n,
            "sources": self.sources,
            "n_reference": self.n_reference,
            "sources_reference": self.sources_reference,
            "gap": plain.difference,
            "low": low,
            "high": high,
            "test": np.full(len(self.n), self.test_design),
            "tested_gap": tested.difference,
            "p": tested.p_values(),
            "error": tested.std_error,
            "degrees": tested.degrees,
        }


@dataclass(frozen=True)
class ModelGroupSums:
    """Sums over the clips of one model, for P pairs of a group and a source and Q pairs of a group and a jackknife
    unit.

    sums: (Q, 5, len(SUM_NAMES)); clips_by_pair: numbers of predicted clips, (P, 6); totals: by requested measure of
    MEAN_MEASURES, the sums of the contributions of clips, (P, 6); variance_ratios: by the same measures, the ratio of
    the variance between sources to that within, (6,); other_measures: the other requested measures; source_units: the
    jackknife unit of each source, int (S,).
    """

    by_source: GroupSourcePairs
    by_unit: GroupSourcePairs
    group_count: int
    sums: np.ndarray
    clips_by_pair: np.ndarray
    totals: dict[str, np.ndarray]
    variance_ratios: dict[str, np.ndarray]
    other_measures: tuple[str, ...]
    source_units: np.ndarray

    @classmethod
    def from_predictions(
        cls, scores: PredictionArrays, model: int, code: np.ndarray, groups: int, measures: Sequence[str]
    ) -> Self:
        """From one model of a table and the group codes (N,) of its clips."""
        units = jackknife_units(scores.source_codes)
        by_source, by_unit = (
            GroupSourcePairs.from_group_codes(code, scores.source_codes),
            GroupSourcePairs.from_group_codes(code, units),
        )
        unit = np.zeros(scores.source_count, int)
        unit[scores.source_codes] = units
        present = count_clips_by_pair(scores, model, by_source)
        totals, ratios = {}, {}
        for measure in (measure for measure in measures if measure in MEAN_MEASURES):
            values = append_trait_mean(_clip_contributions(scores, model, measure)[by_source.clips])
            totals[measure] = by_source.sum_by_pair(np.nan_to_num(values))
            squares = by_source.sum_by_pair(np.nan_to_num(values) ** 2)
            ratios[measure] = _centred_variance_ratio(present, totals[measure], squares, by_source)
        others = tuple(measure for measure in measures if measure not in MEAN_MEASURES)
        sums = sum_by_group_and_unit(scores, model, by_unit)
        return cls(by_source, by_unit, groups, sums, present, totals, ratios, others, unit)

    def group_clip_counts(self) -> np.ndarray:
        """Number of clips of each group, (G, 6)."""
        return sums_by_unit(self.clips_by_pair, self.by_source.group, self.group_count)

    def group_source_counts(self) -> np.ndarray:
        """Number of sources of each group, (G, 6)."""
        return sums_by_unit((self.clips_by_pair > 0).astype(float), self.by_source.group, self.group_count).astype(int)

    def group_metric(self, measure: str) -> np.ndarray:
        """A metric of each group, (G, 6)."""
        sums = [self.sums[self.by_unit.pairs_of_group(number)].sum(0) for number in range(self.group_count)]
        return compute_metrics(np.stack(sums))[measure]

    def compare_group(self, group: int, reference: int | None) -> GroupDifference:
        """The difference of a group from another, or from all other groups together if `reference` is None."""
        clips = self._group_and_reference(self.clips_by_pair, self.by_source, len(self.source_units), group, reference)
        plain = self._plain_contrasts(group, reference)
        tested = {measure: plain[measure] for measure in self.other_measures}
        for measure, totals in self.totals.items():
            sides = self._group_and_reference(totals, self.by_source, len(self.source_units), group, reference)
            tested[measure] = contrast_groups(clips, sides, self.variance_ratios[measure], self.source_units)
        n, n_reference = (side.sum(0).astype(int) for side in clips)
        sources, sources_reference = ((side > 0).sum(0) for side in clips)
        return GroupDifference(n, sources, n_reference, sources_reference, _describe_test_design(*clips), plain, tested)

    def _plain_contrasts(self, group: int, reference: int | None) -> dict[str, Contrast]:
        units = int(self.source_units.max()) + 1
        parts = self._group_and_reference(self.sums, self.by_unit, units, group, reference)
        whole, left_out = (
            [compute_metrics(of_side) for of_side in sides]
            for sides in ([part.sum(0) for part in parts], [part.sum(0) - part for part in parts])
        )
        clips = append_largest_count(parts[0][..., 0]), append_largest_count(parts[1][..., 0])
        present = (clips[0] + clips[1] > 0).sum(0)
        nothing = np.zeros_like(clips[0])
        degrees = contrast_groups(clips, (nothing, nothing), np.zeros(clips[0].shape[1]), np.arange(units)).degrees
        found = {}
        for measure in (*self.totals, *self.other_measures):
            difference = whole[0][measure] - whole[1][measure]
            error = standard_error(left_out[0][measure] - left_out[1][measure], difference, present)
            found[measure] = Contrast(difference, error, degrees)
        return found

    @staticmethod
    def _group_and_reference(
        values: np.ndarray, split: GroupSourcePairs, size: int, group: int, reference: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """From values of pairs (P, ...), those of a group and of its reference by source or unit: (size, ...) each."""
        first, second = np.zeros((size, *values.shape[1:])), np.zeros((size, *values.shape[1:]))
        here = split.pairs_of_group(group)
        first[split.source[here]] = values[here]
        if reference is None:
            np.add.at(second, split.source, values)
            return first, second - first
        there = split.pairs_of_group(reference)
        second[split.source[there]] = values[there]
        return first, second


def _clip_contributions(scores: PredictionArrays, model: int, measure: str) -> np.ndarray:
    """The contribution of each clip to a measure of MEAN_MEASURES, float64 (N, 5), NaN without a prediction. Its mean
    over a group equals the measure up to a constant."""
    signed = scores.predicted[:, model] - scores.actual
    if measure == "signed_error":
        return signed
    if measure == "actual_mean":
        return scores.actual + 0 * signed
    baseline = np.abs(scores.constant - scores.actual) if measure == "gain" else 0
    return baseline - np.abs(signed)


def _centred_variance_ratio(
    present: np.ndarray, totals: np.ndarray, squares: np.ndarray, split: GroupSourcePairs
) -> np.ndarray:
    """`variance_ratio` of the contributions of clips minus the mean of their group."""
    groups = int(split.group.max()) + 1
    with np.errstate(invalid="ignore"):
        means = sums_by_unit(totals, split.group, groups) / sums_by_unit(present, split.group, groups)
    mean = np.nan_to_num(means)[split.group]
    return variance_ratio(
        present, totals - present * mean, squares - 2 * mean * totals + present * mean**2, split.source
    )


def _describe_test_design(first: np.ndarray, second: np.ndarray) -> str:
    """Whether two groups share sources, from their clips by source (S, 6)."""
    one, other = first[:, -1] > 0, second[:, -1] > 0
    if not (one & other).any():
        return "between sources"
    return "within sources" if (one == other).all() else "between and within sources"
