"""Consistency checks: groups average to the whole, and published group figures to the published overall figures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.analysis.group_assignment import assign_groups
from personality.analysis.groups import TRAIT_MEAN, accuracy_by
from personality.analysis.published import PUBLISHED_BY_GENDER, PUBLISHED_OVERALL

ShareRange = tuple[float, float] | None


def check_group_averages(table: pd.DataFrame, rows: pd.DataFrame, by: Sequence[str]) -> tuple[int, float]:
    """Check that the accuracy of groups averages to that of all their clips.

    Parameters
    ----------
    table
        A predictions table.
    rows
        `accuracy_by(table, by)`.
    by
        Attributes.

    Returns
    -------
    unknown : int
        Number of clips without a known group.
    error : float
        Largest absolute difference, over models and traits, between the mean of the groups weighted by their clips and
        the accuracy of all clips of known groups. Anything above rounding error is a fault.
    """
    clips = table.drop_duplicates("clip")
    known = clips.loc[assign_groups(clips, by).codes >= 0, "clip"]
    if known.empty:
        return len(clips), 0.0
    whole = accuracy_by(table[table["clip"].isin(known)]).set_index(["model", "trait"])["accuracy"]
    parts = rows[rows["n"].gt(0) & rows["trait"].ne(TRAIT_MEAN)]
    sums = parts.assign(sum=parts["accuracy"] * parts["n"]).groupby(["model", "trait"])[["sum", "n"]].sum()
    return len(clips) - len(known), float((sums["sum"] / sums["n"] - whole).abs().max())


def count_attribute_origins(table: pd.DataFrame, attribute: str) -> dict[str, int]:
    """The number of clips whose attribute (`gender`, `age`, `age_group`) was annotated by people, and the number whose
    attribute was estimated, by origin; empty if the table does not store it."""
    column = f"{attribute}_from"
    return {} if column not in table else table.drop_duplicates("clip")[column].value_counts().to_dict()


def infer_first_group_share(
    first: Sequence[float], second: Sequence[float], whole: Sequence[float], *, digits: int
) -> ShareRange:
    """Infer the share of the first of two groups from published figures.

    Parameters
    ----------
    first, second, whole
        Figures of the first group, of the second, and of both together, such as one per trait.
    digits
        Decimals that the figures are rounded to.

    Returns
    -------
    tuple of float, or None
        The lowest and highest share of the first group for which all figures agree within rounding; None if there is no
        such share.
    """
    low, high, rounding = 0.0, 1.0, 10.0**-digits
    for one, other, both in zip(first, second, whole, strict=True):
        difference, lowest, highest = one - other, both - other - rounding, both - other + rounding
        if abs(difference) < rounding:
            low, high = (low, high) if lowest - rounding <= 0 <= highest + rounding else (1.0, 0.0)
        else:
            ends = sorted((lowest / difference, highest / difference))
            low, high = max(low, ends[0]), min(high, ends[1])
    return (low, high) if low <= high else None


def find_misprinted_models() -> list[str]:
    """The models whose published figures by gender are inconsistent with their overall figures for any share of men,
    so that one of them must be misprinted."""
    return [
        model
        for model, (men, women) in PUBLISHED_BY_GENDER.items()
        if infer_first_group_share(men, women, PUBLISHED_OVERALL[model], digits=5) is None
    ]
