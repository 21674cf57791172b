"""Results of group comparisons as sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.analysis.gaps import SIGNIFICANCE_LEVEL, describe_gap_direction
from personality.analysis.groups import TRAIT_MEAN


def select_significant_gaps(gaps: pd.DataFrame, *, trait: str = TRAIT_MEAN) -> pd.DataFrame:
    """The rows of `compare_groups(...).gaps` for one trait, or for the mean, that are significant after Holm's
    correction."""
    return gaps[gaps["trait"].eq(trait) & gaps["p_holm"].lt(SIGNIFICANCE_LEVEL)]


def describe_gaps(gaps: pd.DataFrame, *, trait: str = TRAIT_MEAN, brief: bool = False) -> list[str]:
    """Describe the significant gaps in one measure.

    Parameters
    ----------
    gaps
        `compare_groups(...).gaps` of one measure.
    trait
        One of the five traits, or `mean`.
    brief
        Give the number of models and the largest gap instead of listing every model.

    Returns
    -------
    list of str
        A sentence per group and direction with a significant gap. If there is none, one sentence with the minimum
        detectable difference.
    """
    models = gaps["model"].nunique()
    if gaps["measure"].eq("actual_mean").all():  # ratings by people are the same for every model
        gaps = gaps[gaps["model"].eq(gaps["model"].iloc[0])]
    found = select_significant_gaps(gaps, trait=trait)
    if found.empty:
        return [_describe_no_gap(gaps[gaps["trait"].eq(trait)])]
    described = found.assign(words=[describe_gap_direction(row) for row in found.to_dict("records")])
    groups = described.groupby("words", sort=False)
    return [_describe_group_gap(str(words), rows, models, brief=brief) for words, rows in groups]


def describe_largest_gap(gaps: pd.DataFrame, *, trait: str = TRAIT_MEAN) -> str:
    """Describe the largest significant gap of one model in one measure, for readers who do not know statistics.

    Parameters
    ----------
    gaps
        `compare_groups(...).gaps` of one measure and one model.
    trait
        One of the five traits, or `mean`.

    Returns
    -------
    str
        One or two sentences, with the interval of the gap; without a significant gap, with the smallest one that would
        probably have been found.
    """
    found = select_significant_gaps(gaps, trait=trait)
    if found.empty:
        detectable = gaps.loc[gaps["trait"].eq(trait), "detectable"].max()
        return f"**No difference was found.** One of {detectable:.3f} would probably have been found (80 % power)."
    largest = found.loc[found["gap"].abs().idxmax()].to_dict()
    subject = {"actual_mean": "", "accuracy": "it is "}.get(largest["measure"], "it ")
    sentence = f"{subject}{describe_gap_direction(largest)}"
    low, high = _absolute_bounds(largest)
    size = f"{abs(largest['gap']):.3f} [{low:.3f}, {high:.3f}]"
    return f"**{sentence[0].upper()}{sentence[1:]}**, by {size}."


def describe_model_gains(rows: pd.DataFrame, *, shipped: Sequence[str]) -> str:
    """Describe the gain of the shipped models, and of the best other model, over the mean baseline.

    Parameters
    ----------
    rows
        Rows of `accuracy_by`, one per model.
    shipped
        Names of the shipped models.
    """
    included = rows[rows["model"].isin(shipped)]
    best = rows[~rows["model"].isin(shipped)].nlargest(1, "gain")
    words = [f"Always predicting the mean has an accuracy of {rows['baseline'].iloc[0]:.4f}."]
    for name, part in (("The shipped models add", included), ("The best published system adds", best)):
        each = [
            f"{row['gain']:.4f} [{row['gain_low']:.4f}, {row['gain_high']:.4f}] ({row['model']})"
            for row in part.to_dict("records")
        ]
        words += [f"{name} {', '.join(each)}."] if each else []
    return " ".join(words)


def _describe_group_gap(words: str, rows: pd.DataFrame, models: int, *, brief: bool) -> str:
    sizes = f"n = {rows['n'].max():,} and {rows['n_reference'].max():,}"
    start = f"**{words[0].upper()}{words[1:]}** ({sizes})"
    if rows["measure"].iloc[0] == "actual_mean":
        return f"{start} by {_format_gap_size(rows.iloc[0].to_dict())}."
    if brief:
        largest = rows.loc[rows["gap"].abs().idxmax()].to_dict()
        which = "" if len(rows) == 1 else "most "
        return f"{start}: {len(rows)} of {models} models, {which}{largest['model']}, by {_format_gap_size(largest)}."
    each = [f"{row['model']} by {_format_gap_size(row)}" for row in rows.to_dict("records")]
    return f"{start}: {'; '.join(each)}."


def _format_gap_size(row: dict) -> str:
    """The absolute size of a gap with its interval and p-value."""
    low, high = _absolute_bounds(row)
    p = "p < .001" if row["p_holm"] < 0.001 else f"p = {row['p_holm']:.3f}".replace("0.", ".")
    return f"{abs(row['gap']):.3f} [{low:.3f}, {high:.3f}], {p}"


def _absolute_bounds(row: dict) -> list[float]:
    """The interval of the absolute size of a gap."""
    return sorted(bound if row["gap"] > 0 else -bound for bound in (row["low"], row["high"]))


def _describe_no_gap(gaps: pd.DataFrame) -> str:
    known = gaps["detectable"].dropna()
    if known.empty:
        return "Not tested: a group has too few sources."
    low, high = f"{known.min():.3f}", f"{known.max():.3f}"
    size = low if low == high else f"{low} to {high}"
    return f"No significant difference. Minimum detectable difference (80 % power): {size}."
