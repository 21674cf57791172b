"""Gaps between groups: size, interval, p-value and minimum detectable difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from personality.analysis.contrasts import minimum_detectable_difference
from personality.analysis.corrections import benjamini_hochberg, holm
from personality.analysis.group_assignment import GROUP_SEPARATOR, clip_groups
from personality.analysis.group_differences import GroupDifference, ModelGroupSums
from personality.analysis.groups import MIN_GROUP_CLIPS, TRAIT_MEAN
from personality.analysis.jackknife import MIN_SOURCES
from personality.predictions.predictions_table import PredictionsError, to_prediction_arrays
from personality.traits import GROUP_DESCRIPTIONS, TRAIT_NAMES

OTHER_GROUPS = "the others"
SIGNIFICANCE_LEVEL = 0.05  # family-wise error rate after Holm's correction
MAX_COMPARED_GROUPS = 50
# Measures, and descriptions of a negative and a positive gap; {0} is the group, {1} the reference. `gain` is the
# accuracy minus that of the mean baseline on the same clips: a group whose ratings vary little is easy to predict.
GAP_MEASURES = {
    "gain": (
        "improves less on always predicting the mean for {0} than for {1}",
        "improves more on always predicting the mean for {0} than for {1}",
    ),
    "accuracy": ("less accurate for {0} than for {1}", "more accurate for {0} than for {1}"),
    "signed_error": ("underrates {0} compared with {1}", "overrates {0} compared with {1}"),
    "concordance": ("agrees less with the raters on {0} than on {1}", "agrees more with the raters on {0} than on {1}"),
    "r2": ("explains less of the ratings of {0} than of {1}", "explains more of the ratings of {0} than of {1}"),
    "actual_mean": ("people rated {0} lower than {1}", "people rated {0} higher than {1}"),
}
MEASURES_REQUIRING_MEAN = ("gain",)  # the training mean, in the column `constant`
SPREAD_COLUMNS = (
    *("model", "trait", "groups", "lowest", "lowest_n", "highest", "highest_n"),
    *("difference", "low", "high", "p", "error_ratio", "left_out"),
)
LEADING_GAP_COLUMNS = ("model", "trait", "group", "reference")


@dataclass(frozen=True)
class GroupComparison:
    """The result of `compare_groups`.

    Attributes
    ----------
    gaps : DataFrame
        A row per model, trait and group.
    spreads : DataFrame
        A row per model and trait: the largest difference between any two groups.
    """

    gaps: pd.DataFrame
    spreads: pd.DataFrame


def compare_groups(
    table: pd.DataFrame,
    by: Sequence[str],
    *,
    measure: str = "accuracy",
    reference: str | None = None,
    check: Callable[[], object] = lambda: None,
) -> GroupComparison:
    """Compare groups in one measure against a reference.

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes; several are crossed. Numeric ones are cut into ranges by `age:25,40`.
    measure
        A key of GAP_MEASURES.
    reference
        The name of a group, as in the column `group`. By default the other group if there are two, otherwise all other
        groups together.
    check
        Called before every two groups that are compared; an exception that it raises ends the computation.

    Returns
    -------
    GroupComparison
        `gaps` has the columns model, trait (the five and `mean`), group, reference, n, sources, n_reference,
        sources_reference, gap (group minus reference), low, high (95 % interval), test (between or within sources),
        tested_gap (the difference that is tested, see `contrasts`; equal to the gap for concordance and r2), p
        (two-sided), p_holm and p_bh (adjusted over a model's five traits x groups, and over its groups for `mean`),
        detectable (minimum detectable difference after Holm's correction, 80 % power), verdict (text), measure.

        `spreads` has SPREAD_COLUMNS: difference is the highest group minus the lowest; its interval and p-value are
        corrected for the number of pairs; error_ratio is the smallest mean absolute error divided by the largest;
        left_out lists the groups with fewer than MIN_SOURCES sources.

    Raises
    ------
    PredictionsError
        If there are fewer than two groups or more than MAX_COMPARED_GROUPS, or no such reference or measure.

    Examples
    --------
    >>> compare_groups(table, ["gender"]).gaps
    """
    (comparison,) = compare_measures(table, by, (measure,), reference=reference, check=check).values()
    return comparison


def available_measures(table: pd.DataFrame) -> list[str]:
    """The GAP_MEASURES that a predictions table has the columns for."""
    has_mean = "constant" in table and table["constant"].notna().any()
    return [measure for measure in GAP_MEASURES if has_mean or measure not in MEASURES_REQUIRING_MEAN]


def compare_measures(
    table: pd.DataFrame,
    by: Sequence[str],
    measures: Sequence[str] | None = None,
    *,
    reference: str | None = None,
    check: Callable[[], object] = lambda: None,
) -> dict[str, GroupComparison]:
    """Compare groups in several measures; faster than a call of `compare_groups` for each.

    Parameters
    ----------
    table, by, reference, check
        As in `compare_groups`.
    measures
        Keys of GAP_MEASURES, by default `available_measures(table)`.

    Returns
    -------
    dict of str to GroupComparison
        By measure.

    Raises
    ------
    PredictionsError
        As in `compare_groups`.
    """
    measures = available_measures(table) if measures is None else measures
    _check_measures(table, measures)
    scores = to_prediction_arrays(table)
    assigned = clip_groups(scores, by, max_groups=MAX_COMPARED_GROUPS)
    code, groups = assigned.codes, assigned.names
    present = [groups[number] for number in np.unique(code[code >= 0])]
    reference = _choose_reference(present, by, reference)
    reference_code = None if reference == OTHER_GROUPS else groups.index(reference)
    gaps: dict[str, list[pd.DataFrame]] = {measure: [] for measure in measures}
    spreads: dict[str, list[dict]] = {measure: [] for measure in measures}
    for number, model in enumerate(scores.models):
        sums = ModelGroupSums.from_predictions(scores, number, code, len(groups), measures)

        @cache  # the lowest and the highest group are the same in many measures
        def compare(group: int, other: int | None, sums: ModelGroupSums = sums) -> GroupDifference:
            check()
            return sums.compare_group(group, other)

        differences = {name: compare(group, reference_code) for group, name in enumerate(groups) if name != reference}
        for measure in measures:
            gaps[measure].append(_gap_rows(differences, measure).assign(model=model))
            spreads[measure] += [
                {"model": model, **row} for row in _largest_differences(sums, compare, groups, measure)
            ]
    return {
        measure: GroupComparison(
            _add_verdicts(pd.concat(gaps[measure], ignore_index=True).assign(reference=reference, measure=measure)),
            pd.DataFrame(spreads[measure], columns=list(SPREAD_COLUMNS)),
        )
        for measure in measures
    }


def _check_measures(table: pd.DataFrame, measures: Sequence[str]) -> None:
    unknown = [measure for measure in measures if measure not in GAP_MEASURES]
    if unknown:
        raise PredictionsError(f"There is no measure {unknown[0]!r}; expected one of {', '.join(GAP_MEASURES)}.")
    unavailable = sorted(set(measures) - set(available_measures(table)))
    if unavailable:
        raise PredictionsError(
            f"The measure {unavailable[0]} requires the training mean, and this table has no column 'constant'; add "
            f"it, or choose one of {', '.join(available_measures(table))}."
        )


def _choose_reference(present: list[str], by: Sequence[str], reference: str | None) -> str:
    if len(present) < 2:
        raise PredictionsError(
            f"{GROUP_SEPARATOR.join(by)} has fewer than two groups in this table; a gap requires two."
        )
    if reference is None:
        return present[1] if len(present) == 2 else OTHER_GROUPS
    if reference not in present:
        raise PredictionsError(f"There is no group {reference!r}; expected one of {', '.join(present)}.")
    return reference


def _gap_rows(differences: dict[str, GroupDifference], measure: str) -> pd.DataFrame:
    """A row per group and trait with their difference in a measure."""
    index = pd.MultiIndex.from_product([differences, [*TRAIT_NAMES, TRAIT_MEAN]], names=["group", "trait"])
    columns = [one.to_columns(measure) for one in differences.values()]
    return index.to_frame(index=False).assign(
        **{name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    )


def _add_verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """Add adjusted p-values and verdicts; groups with too few sources have neither interval nor p-value."""
    few = rows[["sources", "sources_reference"]].min(axis=1) < MIN_SOURCES
    rows.loc[few, ["low", "high", "p", "error"]] = np.nan
    rows = _add_adjusted_p_values(rows)
    rows["verdict"] = describe_verdicts(rows, rows["measure"].iloc[0])
    return rows[[*LEADING_GAP_COLUMNS, *(name for name in rows if name not in LEADING_GAP_COLUMNS)]]


def _add_adjusted_p_values(rows: pd.DataFrame) -> pd.DataFrame:
    """Add p_holm, p_bh and detectable. A family is the five traits x groups of a model, or its mean x groups."""
    family = rows.groupby([rows["model"], rows["trait"].eq(TRAIT_MEAN)])["p"]
    for name, adjust in (("p_holm", holm), ("p_bh", benjamini_hochberg)):
        rows[name] = family.transform(lambda p, adjust=adjust: adjust(p.to_numpy()))
    level = SIGNIFICANCE_LEVEL / family.transform("count").clip(lower=1)  # level of the first step of Holm's method
    rows["detectable"] = minimum_detectable_difference(
        rows["error"].to_numpy(), rows["degrees"].to_numpy(), level.to_numpy()
    )
    return rows.drop(columns=["error", "degrees"])


def describe_verdicts(gaps: pd.DataFrame, measure: str) -> list[str]:
    """The verdict on each gap of a measure, as text."""
    return [_describe_verdict(row) for row in gaps.assign(measure=measure).to_dict("records")]


def describe_gap_direction(gap: dict) -> str:
    """The direction of a gap as text, such as `overrates men compared with women`, from its row in `compare_groups`."""
    names = (GROUP_DESCRIPTIONS.get(gap[side], gap[side]) for side in ("group", "reference"))
    return GAP_MEASURES[gap["measure"]][int(gap["tested_gap"] > 0)].format(*names)


def _describe_verdict(row: dict) -> str:
    if row["n"] == 0:
        return "no clips"
    fewest = min(row["sources"], row["sources_reference"])
    if fewest < MIN_SOURCES:
        side = row["group"] if row["sources"] == fewest else row["reference"]
        return f"not tested: {side} has clips of {fewest} sources, at least {MIN_SOURCES} are required"
    if np.isnan(row["p"]):
        return "not tested: no variance within the groups"
    warning = f" (only {row['n']} clips)" if row["n"] < MIN_GROUP_CLIPS else ""
    if row["p_holm"] >= SIGNIFICANCE_LEVEL:
        return f"no significant difference; minimum detectable at 80 % power: {row['detectable']:.3f}{warning}"
    size = f"{abs(row['gap']):.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    return f"{describe_gap_direction(row)}, by {size}{warning}"


def _largest_differences(
    sums: ModelGroupSums, compare: Callable[[int, int], GroupDifference], groups: list[str], measure: str
) -> list[dict]:
    """For each trait, the largest difference between two groups with enough sources."""
    n, sources, values = sums.group_clip_counts(), sums.group_source_counts(), sums.group_metric(measure)
    error = 1 - sums.group_metric("accuracy")
    rows = []
    for column, trait in enumerate([*TRAIT_NAMES, TRAIT_MEAN]):
        large = np.flatnonzero((sources[:, column] >= MIN_SOURCES) & ~np.isnan(values[:, column]))
        if len(large) < 2:
            continue
        lowest, highest = large[values[large, column].argmin()], large[values[large, column].argmax()]
        pairs, errors = len(large) * (len(large) - 1) // 2, error[large, column]
        difference = compare(int(highest), int(lowest)).to_columns(measure, pairs=pairs)
        few = np.flatnonzero((sources[:, column] > 0) & (sources[:, column] < MIN_SOURCES))
        rows.append(
            {
                "trait": trait,
                "groups": len(large),
                "lowest": groups[lowest],
                "lowest_n": int(n[lowest, column]),
                "highest": groups[highest],
                "highest_n": int(n[highest, column]),
                "difference": difference["gap"][column],
                "low": difference["low"][column],
                "high": difference["high"][column],
                "p": min(1.0, difference["p"][column] * pairs),
                "error_ratio": errors.min() / errors.max() if errors.max() > 0 else np.nan,
                "left_out": ", ".join(groups[number] for number in few),
            }
        )
    return rows
