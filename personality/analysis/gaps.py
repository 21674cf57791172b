"""Gaps between groups: how large, with an interval, how likely by chance, and how small a gap could have been seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd

from personality.analysis.groups import MEAN, SMALL, Cells, count_cells, group_codes, with_most
from personality.analysis.intervals import DRAWS, SEED, bounds
from personality.analysis.metrics import figures, with_mean
from personality.analysis.permutation import (
    PERMUTATIONS,
    Means,
    benjamini_hochberg,
    holm,
    p_values,
    permuted_codes,
)
from personality.analysis.scores import PredictionsError, Scores, read_scores
from personality.traits import GROUP_WORDS, TRAIT_NAMES

OTHERS = "the others"
STILL = 1e-12  # a variance that is nothing but rounding
ALPHA = 0.05  # family-wise error rate
SPREAD = (
    *("model", "trait", "groups", "lowest", "lowest_n", "highest", "highest_n"),
    *("difference", "low", "high", "p", "error_ratio", "left_out"),
)
MIN_DETECTABLE = 1.960 + 0.842  # standard errors: what a two-sided test at 5 % sees in four cases of five
# What groups can differ in, and how a difference reads: {0} the group, {1} the reference. `gain` is the accuracy minus
# that of always predicting the training mean on the same clips: a group whose ratings vary little is easy to predict.
MEASURES = {
    "accuracy": ("less accurate for {0} than for {1}", "more accurate for {0} than for {1}"),
    "gain": ("gains less over the mean on {0} than on {1}", "gains more over the mean on {0} than on {1}"),
    "signed_error": ("underrates {0} compared with {1}", "overrates {0} compared with {1}"),
    "actual_mean": ("people rated {0} lower than {1}", "people rated {0} higher than {1}"),
}


@dataclass(frozen=True)
class Comparison:
    """gaps: one row per model, trait and group; spreads: one row per model and trait, over all groups."""

    gaps: pd.DataFrame
    spreads: pd.DataFrame


def compare_groups(
    table: pd.DataFrame,
    by: Sequence[str],
    *,
    measure: str = "accuracy",
    reference: str | None = None,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> Comparison:
    """Gaps of the groups of the attributes `by` in a measure (of MEASURES), against the group `reference`; None: the
    other group where there are two, else all others together.

    gaps: model, trait, group, reference, n, sources, n_reference, gap (group minus reference), low, high (95 %, paired
    within each bootstrap repetition), p (whole sources permuted, two-sided), p_holm and p_bh (adjusted over a model's
    five traits x groups, and over the groups for `mean`), detectable (the smallest gap that such data show in four
    cases of five), verdict in words, measure, permutations. spreads: the columns of SPREAD: difference is highest minus
    lowest, low and high its interval, p how often chance sets any two groups that far apart, in standard errors,
    error_ratio the smallest mean absolute error by the largest, left_out the groups of one source. More permutations
    are made where there are many groups. Raises PredictionsError where there are no two groups, or no such reference
    or measure.
    """
    (found,) = compare_measures(
        table, by, (measure,), reference=reference, draws=draws, permutations=permutations, seed=seed
    ).values()
    return found


def compare_measures(
    table: pd.DataFrame,
    by: Sequence[str],
    measures: Sequence[str] = tuple(MEASURES),
    *,
    reference: str | None = None,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> dict[str, Comparison]:
    """`compare_groups` in several measures, which share the repetitions and so most of the time. Raises as it does."""
    strange = [measure for measure in measures if measure not in MEASURES]
    if strange:
        raise PredictionsError(f"There is no measure {strange[0]!r}; wanted {', '.join(MEASURES)}.")
    scores = read_scores(table)
    if "gain" in measures and np.isnan(scores.constant).all():
        raise PredictionsError("This table has no column constant, the training mean; the gain over it needs one.")
    cells = count_cells(scores, by, draws=draws, seed=seed)
    present = [group for group, n in zip(cells.groups, cells.n, strict=True) if n.any()]
    if len(present) < 2:
        raise PredictionsError(f"{' x '.join(by)} has one group in this table; a gap wants two.")
    if reference is None:
        reference = present[1] if len(present) == 2 else OTHERS
    elif reference not in present:
        raise PredictionsError(f"There is no group {reference!r}; wanted one of {', '.join(present)}.")
    # Fewer could not give a p small enough to pass Holm's correction over the family.
    permutations = max(permutations, round(2 * len(present) * len(TRAIT_NAMES) / ALPHA))
    chances = _by_chance(scores, by, measures, reference, permutations=permutations, seed=seed)
    return {
        measure: Comparison(
            _gaps(cells, chance, measure, reference).assign(measure=measure, permutations=permutations),
            _spreads(cells, chance, measure),
        )
        for measure, chance in zip(measures, chances, strict=True)
    }


@dataclass(frozen=True)
class _Chance:
    """How far groups are apart, in standard errors, as found (the first) and where groups mean nothing (the others).

    gaps float32 (1 + P, G, M, 6): of each group and its reference; spreads (1 + P, M, 6): the most of any two groups.
    """

    gaps: np.ndarray
    spreads: np.ndarray


def _by_chance(
    scores: Scores, by: Sequence[str], measures: Sequence[str], reference: str, *, permutations: int, seed: int
) -> list[_Chance]:
    """For each measure, from the same permutations."""
    code, groups = group_codes(scores, by)
    values = np.stack([with_mean(_of_clips(scores, measure)) for measure in measures], axis=1)
    means = Means.of(values.reshape(len(code), -1), scores.source)
    gaps, spreads = [], []
    for block in permuted_codes(code, scores.source, count=permutations, seed=seed):
        each = [means(block == number) for number in range(len(groups))]
        aside = [
            means((block != number) & (block >= 0)) if reference == OTHERS else each[groups.index(reference)]
            for number in range(len(groups))
        ]
        gaps.append(np.stack([_apart(one, other) for one, other in zip(each, aside, strict=True)], 1))
        pairs = [_apart(one, other) for one, other in combinations(each, 2)]
        spreads.append(np.fmax.reduce(pairs))
    shape = values.shape[1:]
    found = np.concatenate(gaps).reshape(-1, len(groups), *shape)
    widest = np.concatenate(spreads).reshape(-1, *shape)
    return [_Chance(found[:, :, place], widest[:, place]) for place in range(len(measures))]


def _of_clips(scores: Scores, measure: str) -> np.ndarray:
    """What each clip contributes to a measure, whose mean over a group differs from the measure by a constant at most:
    float64 (N, M, 5), NaN where a model does not predict."""
    actual = scores.actual[:, None]
    signed = scores.predicted - actual
    if measure == "signed_error":
        return signed
    if measure == "actual_mean":
        return actual + 0 * signed
    baseline = np.abs(scores.constant[:, None] - actual) if measure == "gain" else 0
    return baseline - np.abs(signed)


def _apart(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """How many standard errors two means are apart, each given with its variance.

    In standard errors, so that a small group whose errors vary more is no false alarm (Chung and Romano 2013). NaN
    where either does not vary: it is of one source.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(one[0] - other[0]) / np.sqrt(one[1] + other[1])
    return np.where(np.minimum(one[1], other[1]) > STILL, apart, np.nan)


def _others(sums: np.ndarray, groups: list[str], reference: str, axis: int) -> np.ndarray:
    """For each group the sums over its reference."""
    if reference == OTHERS:
        return sums.sum(axis, keepdims=True) - sums
    return np.broadcast_to(np.take(sums, [groups.index(reference)], axis), sums.shape)


def _gaps(cells: Cells, chance: _Chance, measure: str, reference: str) -> pd.DataFrame:
    aside = _others(cells.sums, cells.groups, reference, 0)
    gap = figures(cells.sums)[measure] - figures(aside)[measure]
    drawn = figures(cells.draws)[measure] - figures(_others(cells.draws, cells.groups, reference, 1))[measure]
    low, high = bounds(drawn)
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # groups that no repetition draws
        detectable = MIN_DETECTABLE * np.nanstd(drawn, axis=0)
    index = pd.MultiIndex.from_product([cells.groups, cells.models, [*TRAIT_NAMES, MEAN]]).to_frame(index=False)
    index.columns = pd.Index(["group", "model", "trait"])
    counts = {"n": cells.n, "sources": cells.sources, "n_reference": aside[..., 0].astype(int)}
    sized = {name: with_most(part) for name, part in counts.items()}
    columns = {**sized, "gap": gap, "low": low, "high": high, "p": p_values(chance.gaps), "detectable": detectable}
    rows = index.assign(reference=reference, **{name: part.reshape(-1) for name, part in columns.items()})
    few = with_most(np.minimum(cells.sources, _others(cells.sources, cells.groups, reference, 0))).reshape(-1) < 2
    rows.loc[few, ["low", "high", "p", "detectable"]] = np.nan
    rows = rows[rows["group"].ne(reference)].reset_index(drop=True)
    rows = _adjusted(rows)
    rows["verdict"] = verdicts(rows, measure)
    first = ["model", "trait", "group", "reference"]
    return rows[[*first, *(name for name in rows if name not in first)]]


def _adjusted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with p_holm and p_bh: the families are each model's five traits x groups, and its means x groups."""
    family = [rows["model"], rows["trait"].eq(MEAN)]
    for name, adjust in (("p_holm", holm), ("p_bh", benjamini_hochberg)):
        rows[name] = rows.groupby(family)["p"].transform(lambda p, adjust=adjust: adjust(p.to_numpy()))
    return rows


def verdicts(gaps: pd.DataFrame, measure: str) -> list[str]:
    """Each gap of a measure in words, from the columns of `compare_groups`."""
    return [_verdict(row) for row in gaps.assign(measure=measure).to_dict("records")]


def difference_in_words(gap: dict) -> str:
    """Which way a gap goes, from its row in `compare_groups`: `overrates men compared with women`."""
    names = (GROUP_WORDS.get(gap[side], gap[side]) for side in ("group", "reference"))
    return MEASURES[gap["measure"]][int(gap["gap"] > 0)].format(*names)


def _verdict(row: dict) -> str:
    if row["n"] == 0:
        return "no clips"
    if np.isnan(row["low"]):
        return "one source says nothing about others"
    if np.isnan(row["p"]):
        return "nothing varies within the groups, so chance cannot be judged"
    warning = f" (only {row['n']} clips)" if row["n"] < SMALL else ""
    if row["p_holm"] >= ALPHA:
        return f"no significant difference; minimum detectable at 80 % power: {row['detectable']:.3f}{warning}"
    words = difference_in_words(row)
    return f"{words}, by {abs(row['gap']):.3f} [{row['low']:+.3f}, {row['high']:+.3f}]{warning}"


def _spreads(cells: Cells, chance: _Chance, measure: str) -> pd.DataFrame:
    values, error = figures(cells.sums)[measure], 1 - figures(cells.sums)["accuracy"]
    drawn, p = figures(cells.draws)[measure], p_values(chance.spreads)
    n, sources = with_most(cells.n), with_most(cells.sources)
    rows = []
    for model, trait in np.ndindex(sources.shape[1:]):
        at = (slice(None), model, trait)
        able = np.flatnonzero(sources[at] > 1)
        if len(able) < 2:
            continue
        lowest, highest = able[values[at][able].argmin()], able[values[at][able].argmax()]
        low, high = bounds(drawn[:, highest, model, trait] - drawn[:, lowest, model, trait])
        mistakes = error[at][able]
        rows.append(
            {
                "model": cells.models[model],
                "trait": [*TRAIT_NAMES, MEAN][trait],
                "groups": len(able),
                "lowest": cells.groups[lowest],
                "lowest_n": int(n[at][lowest]),
                "highest": cells.groups[highest],
                "highest_n": int(n[at][highest]),
                "difference": values[at][highest] - values[at][lowest],
                "low": float(low),
                "high": float(high),
                "p": p[model, trait],
                "error_ratio": mistakes.min() / mistakes.max() if mistakes.max() > 0 else np.nan,
                "left_out": ", ".join(cells.groups[number] for number in np.flatnonzero(sources[at] == 1)),
            }
        )
    return pd.DataFrame(rows, columns=list(SPREAD))
