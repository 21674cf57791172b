"""Checks that run by themselves: groups add up to the whole, and printed figures could be averages of their parts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.analysis.group_assignment import assign_groups
from personality.analysis.groups import TRAIT_MEAN, accuracy_by
from personality.analysis.published import PUBLISHED_BY_GENDER, PUBLISHED_OVERALL

ShareRange = tuple[float, float] | None


def check_group_averages(table: pd.DataFrame, rows: pd.DataFrame, by: Sequence[str]) -> tuple[int, float]:
    """How many clips of a table have no known group, and how far the groups of `accuracy_by(table, by)`, weighted by
    their clips, are from the accuracy of all clips of known groups: nothing but rounding, else something is wrong."""
    clips = table.drop_duplicates("clip")
    known = clips.loc[assign_groups(clips, by).codes >= 0, "clip"]
    if known.empty:
        return len(clips), 0.0
    whole = accuracy_by(table[table["clip"].isin(known)]).set_index(["model", "trait"])["accuracy"]
    parts = rows[rows["n"].gt(0) & rows["trait"].ne(TRAIT_MEAN)]
    sums = parts.assign(sum=parts["accuracy"] * parts["n"]).groupby(["model", "trait"])[["sum", "n"]].sum()
    return len(clips) - len(known), float((sums["sum"] / sums["n"] - whole).abs().max())


def count_attribute_origins(table: pd.DataFrame, attribute: str) -> dict[str, int]:
    """Of how many clips of a table people said the attribute (`gender`, `age`, `age_group`), and of how many it was
    estimated; empty where the table does not know."""
    column = f"{attribute}_from"
    return {} if column not in table else table.drop_duplicates("clip")[column].value_counts().to_dict()


def infer_first_group_share(
    first: Sequence[float], second: Sequence[float], whole: Sequence[float], *, digits: int
) -> ShareRange:
    """The share of the first of two groups by which printed figures of both average to the printed figures of the
    whole, in all columns at once: the lowest and the highest that rounding to so many digits allows, or None where no
    share does."""
    low, high, slack = 0.0, 1.0, 10.0**-digits
    for one, other, both in zip(first, second, whole, strict=True):
        apart, least, most = one - other, both - other - slack, both - other + slack
        if abs(apart) < slack:
            low, high = (low, high) if least - slack <= 0 <= most + slack else (1.0, 0.0)
        else:
            ends = sorted((least / apart, most / apart))
            low, high = max(low, ends[0]), min(high, ends[1])
    return (low, high) if low <= high else None


def find_misprinted_models() -> list[str]:
    """The models whose rows in the thesis's table by gender cannot average to its overall table, whatever the share of
    men: a group's figure, or the whole's, is misprinted."""
    return [
        model
        for model, (men, women) in PUBLISHED_BY_GENDER.items()
        if infer_first_group_share(men, women, PUBLISHED_OVERALL[model], digits=5) is None
    ]
