"""What a comparison of groups finds, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.analysis.gaps import SIGNIFICANCE_LEVEL, describe_gap_direction
from personality.analysis.groups import TRAIT_MEAN


def select_significant_gaps(gaps: pd.DataFrame, *, trait: str = TRAIT_MEAN) -> pd.DataFrame:
    """The gaps of one trait, or of the mean, that are significant after Holm's correction: rows of
    `compare_groups` in their order."""
    return gaps[gaps["trait"].eq(trait) & gaps["p_holm"].lt(SIGNIFICANCE_LEVEL)]


def describe_gaps(gaps: pd.DataFrame, *, trait: str = TRAIT_MEAN, brief: bool = False) -> list[str]:
    """A sentence per group and direction in which any model has a significant gap, with every such model; one sentence
    where there is none, with how large a gap would have been found.

    gaps: of one measure, from `compare_groups`. brief: how many models, and of them the one with the largest gap.
    """
    models = gaps["model"].nunique()
    if gaps["measure"].eq("actual_mean").all():  # what people said, which is the same beside every model
        gaps = gaps[gaps["model"].eq(gaps["model"].iloc[0])]
    found = select_significant_gaps(gaps, trait=trait)
    if found.empty:
        return [_describe_no_gap(gaps[gaps["trait"].eq(trait)])]
    described = found.assign(words=[describe_gap_direction(row) for row in found.to_dict("records")])
    groups = described.groupby("words", sort=False)
    return [_describe_group_gap(str(words), rows, models, brief=brief) for words, rows in groups]


def describe_model_gains(rows: pd.DataFrame, *, shipped: Sequence[str]) -> str:
    """What the shipped models, and the best of the others, add to always predicting the mean on the same clips.

    rows: of `accuracy_by`, one per model.
    """
    ours = rows[rows["model"].isin(shipped)]
    best = rows[~rows["model"].isin(shipped)].nlargest(1, "gain")
    words = [f"Always predicting the mean has an accuracy of {rows['baseline'].iloc[0]:.4f}."]
    for name, part in (("The models that ship add", ours), ("The best of the published systems adds", best)):
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
    """How large a gap is, with its interval in the same direction."""
    low, high = sorted(bound if row["gap"] > 0 else -bound for bound in (row["low"], row["high"]))
    p = "p < .001" if row["p_holm"] < 0.001 else f"p = {row['p_holm']:.3f}".replace("0.", ".")
    return f"{abs(row['gap']):.3f} [{low:.3f}, {high:.3f}], {p}"


def _describe_no_gap(gaps: pd.DataFrame) -> str:
    known = gaps["detectable"].dropna()
    if known.empty:
        return "Cannot be judged: a group has too few sources."
    least, most = f"{known.min():.3f}", f"{known.max():.3f}"
    size = least if least == most else f"{least} to {most}"
    return f"No significant difference. Minimum detectable difference (80 % power): {size}."
