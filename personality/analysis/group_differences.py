"""What a comparison of groups is computed from: a model's sums by group and source, and the difference of any two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from personality.analysis.contrasts import Contrast, compare, variance_ratio
from personality.analysis.groups import Split, clips_by_source, unit_sums, with_most
from personality.analysis.jackknife import LEVEL, interval, standard_error, sums_by_unit, units_of
from personality.analysis.metrics import figures, with_mean
from personality.predictions.predictions_table import Scores

# Measures that are means of what each clip contributes; the others are judged by leaving out sources alone.
MEANS = ("accuracy", "gain", "signed_error", "actual_mean")


@dataclass(frozen=True)
class Difference:
    """One group of clips against another, (6,) each.

    n, sources, n_reference, sources_reference: clips and sources; design: where the test is made. Of each measure,
    plain: the difference between the groups' figures; tested: the difference that the test is about.
    """

    n: np.ndarray
    sources: np.ndarray
    n_reference: np.ndarray
    sources_reference: np.ndarray
    design: str
    plain: dict[str, Contrast]
    tested: dict[str, Contrast]

    def columns(self, measure: str, *, pairs: int = 1) -> dict[str, np.ndarray]:
        """The difference in a measure as columns of a table. pairs: for how many such pairs the interval holds at
        once."""
        plain, tested = self.plain[measure], self.tested[measure]
        low, high = interval(plain.difference, plain.error, plain.degrees, level=1 - (1 - LEVEL) / pairs)
        return {
            "n": self.n,
            "sources": self.sources,
            "n_reference": self.n_reference,
            "sources_reference": self.sources_reference,
            "gap": plain.difference,
            "low": low,
            "high": high,
            "test": np.full(len(self.n), self.design),
            "tested_gap": tested.difference,
            "p": tested.p_values(),
            "error": tested.error,
            "degrees": tested.degrees,
        }


@dataclass(frozen=True)
class ModelParts:
    """The clips of one model by pairs of a group and a source (P), and by pairs of a group and a unit (Q), the sources
    that are left out at once.

    sums: (Q, 5, len(SUMS)); present: clips that it predicts, (P, 6); totals: of each measure of MEANS that is asked,
    the sums of what clips contribute, (P, 6), and ratios: its variance between sources by that within, (6,); others:
    the other measures that are asked; unit: of each source, int (S,).
    """

    by_source: Split
    by_unit: Split
    groups: int
    sums: np.ndarray
    present: np.ndarray
    totals: dict[str, np.ndarray]
    ratios: dict[str, np.ndarray]
    others: tuple[str, ...]
    unit: np.ndarray

    @classmethod
    def of(cls, scores: Scores, model: int, code: np.ndarray, groups: int, measures: Sequence[str]) -> Self:
        """Of one model of a table, whose clips have these codes of groups (N,)."""
        units = units_of(scores.source)
        by_source, by_unit = Split.of(code, scores.source), Split.of(code, units)
        unit = np.zeros(scores.sources, int)
        unit[scores.source] = units
        present = clips_by_source(scores, model, by_source)
        totals, ratios = {}, {}
        for measure in (measure for measure in measures if measure in MEANS):
            values = with_mean(_of_clips(scores, model, measure)[by_source.clips])
            totals[measure] = by_source.sums(np.nan_to_num(values))
            squares = by_source.sums(np.nan_to_num(values) ** 2)
            ratios[measure] = _ratio(present, totals[measure], squares, by_source)
        others = tuple(measure for measure in measures if measure not in MEANS)
        sums = unit_sums(scores, model, by_unit)
        return cls(by_source, by_unit, groups, sums, present, totals, ratios, others, unit)

    def clips(self) -> np.ndarray:
        """How many clips each group has, (G, 6)."""
        return sums_by_unit(self.present, self.by_source.group, self.groups)

    def sources(self) -> np.ndarray:
        """Of how many sources each group has clips, (G, 6)."""
        return sums_by_unit((self.present > 0).astype(float), self.by_source.group, self.groups).astype(int)

    def figure(self, measure: str) -> np.ndarray:
        """A figure of each group, (G, 6)."""
        sums = [self.sums[self.by_unit.of_group(number)].sum(0) for number in range(self.groups)]
        return figures(np.stack(sums))[measure]

    def difference(self, group: int, reference: int | None) -> Difference:
        """A group against another; None: against all others together."""
        clips = self._sides(self.present, self.by_source, len(self.unit), group, reference)
        plain = self._plain(group, reference)
        tested = {measure: plain[measure] for measure in self.others}
        for measure, totals in self.totals.items():
            sides = self._sides(totals, self.by_source, len(self.unit), group, reference)
            tested[measure] = compare(clips, sides, self.ratios[measure], self.unit)
        n, n_reference = (side.sum(0).astype(int) for side in clips)
        sources, sources_reference = ((side > 0).sum(0) for side in clips)
        return Difference(n, sources, n_reference, sources_reference, _design(*clips), plain, tested)

    def _plain(self, group: int, reference: int | None) -> dict[str, Contrast]:
        units = int(self.unit.max()) + 1
        parts = self._sides(self.sums, self.by_unit, units, group, reference)
        whole, left_out = (
            [figures(of_side) for of_side in sides]
            for sides in ([part.sum(0) for part in parts], [part.sum(0) - part for part in parts])
        )
        clips = with_most(parts[0][..., 0]), with_most(parts[1][..., 0])
        present = (clips[0] + clips[1] > 0).sum(0)
        nothing = np.zeros_like(clips[0])
        degrees = compare(clips, (nothing, nothing), np.zeros(clips[0].shape[1]), np.arange(units)).degrees
        found = {}
        for measure in (*self.totals, *self.others):
            difference = whole[0][measure] - whole[1][measure]
            error = standard_error(left_out[0][measure] - left_out[1][measure], difference, present)
            found[measure] = Contrast(difference, error, degrees)
        return found

    @staticmethod
    def _sides(
        values: np.ndarray, split: Split, size: int, group: int, reference: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The values of pairs (P, ...) of a group and of its reference, each by source or unit (size, ...)."""
        first, second = np.zeros((size, *values.shape[1:])), np.zeros((size, *values.shape[1:]))
        here = split.of_group(group)
        first[split.source[here]] = values[here]
        if reference is None:
            np.add.at(second, split.source, values)
            return first, second - first
        there = split.of_group(reference)
        second[split.source[there]] = values[there]
        return first, second


def _of_clips(scores: Scores, model: int, measure: str) -> np.ndarray:
    """What each clip contributes to a measure of MEANS, whose mean over a group differs from the measure by a constant
    at most: float64 (N, 5), NaN where the model does not predict."""
    signed = scores.predicted[:, model] - scores.actual
    if measure == "signed_error":
        return signed
    if measure == "actual_mean":
        return scores.actual + 0 * signed
    baseline = np.abs(scores.constant - scores.actual) if measure == "gain" else 0
    return baseline - np.abs(signed)


def _ratio(present: np.ndarray, totals: np.ndarray, squares: np.ndarray, split: Split) -> np.ndarray:
    """`variance_ratio` of what clips contribute beyond the mean of their group."""
    groups = int(split.group.max()) + 1
    with np.errstate(invalid="ignore"):
        means = sums_by_unit(totals, split.group, groups) / sums_by_unit(present, split.group, groups)
    mean = np.nan_to_num(means)[split.group]
    return variance_ratio(
        present, totals - present * mean, squares - 2 * mean * totals + present * mean**2, split.source
    )


def _design(first: np.ndarray, second: np.ndarray) -> str:
    """Whether two groups share sources, from their clips by source (S, 6)."""
    one, other = first[:, -1] > 0, second[:, -1] > 0
    if not (one & other).any():
        return "between sources"
    return "within sources" if (one == other).all() else "between and within sources"
