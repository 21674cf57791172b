"""Result tables as lines of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from personality.analysis.gaps import GroupComparison
from personality.analysis.groups import MIN_GROUP_CLIPS, TRAIT_MEAN


def accuracy_lines(rows: pd.DataFrame) -> Iterator[str]:
    """A heading and a line per row of `accuracy_by`, with its interval and baselines.

    Concordance, R2 and spread show how far a model follows the ratings; accuracy alone rewards predictions close to
    the mean.
    """
    yield (
        f"{'model':<28} {'trait':<18} {'group':<20} {'n':>6} {'sources':>7} {'accuracy':>9}  {'95 % interval':<17}"
        f" {'baseline':>8} {'same-source':>11} {'concordance':>11} {'R2':>6} {'spread':>6}"
    )
    for row in rows.to_dict("records"):
        interval = f"[{row['low']:.4f}, {row['high']:.4f}]" if row["low"] == row["low"] else "none"
        cells = f"{row['model']:<28} {row['trait']:<18} {row['group']:<20} {row['n']:>6} {row['sources']:>7}"
        figures = f"{row['accuracy']:>9.4f}  {interval:<17} {row['baseline']:>8.4f} {row['lookup']:>11.4f}"
        yield f"{cells} {figures} {row['concordance']:>11.2f} {row['r2']:>6.2f} {row['spread_ratio']:>6.2f}"
    if rows["n"].lt(MIN_GROUP_CLIPS).any():
        yield f"Groups with fewer than {MIN_GROUP_CLIPS} clips are unreliable. For each trait, add --json."


def difference_lines(rows: pd.DataFrame, reference: str) -> Iterator[str]:
    """A heading and a line per row of `compare_models`."""
    yield f"accuracy minus that of {reference}, 95 % interval clustered by source"
    for row in rows.to_dict("records"):
        cells = f"{row['model']:<28} {row['trait']:<18} n = {row['n']:,} of {row['sources']:,} sources"
        yield f"{cells}  {row['difference']:+.4f}  {_signed_interval(row)}"


def worst_group_lines(rows: pd.DataFrame) -> Iterator[str]:
    """A heading and a line per row of `find_worst_groups`."""
    yield "each group against all other clips; intervals and p are corrected for the number of groups searched"
    for row in rows.to_dict("records"):
        sizes = f"n = {row['n']:,} of {row['sources']:,} sources"
        cells = f"{row['model']:<24} {row['attributes']}: {row['group']}, {sizes}  {row['measure']}"
        yield f"{cells} {row['gap']:+.4f} {_signed_interval(row)}  p {row['p_holm']:.3f} of {row['searched']}"


def effect_lines(rows: pd.DataFrame) -> Iterator[str]:
    """A heading and a line per row of `recalibration.recalibration_effects`, of the mean of the traits."""
    yield "accuracy of the recalibrated model minus that of the original, on the same clips, 95 % interval"
    for row in rows[rows["trait"].eq(TRAIT_MEAN)].to_dict("records"):
        cells = f"{row['model']:<48} {row['group']:<20} n = {row['n']:>5,} of {row['sources']:,} sources"
        yield f"{cells}  {row['difference']:+.4f} {_signed_interval(row)}"


def gap_lines(found: GroupComparison, *, mean_only: bool = False) -> Iterator[str]:
    """A heading, a line per gap, and a line per model with the largest difference between groups. mean_only: without
    single traits."""
    measure = found.gaps["measure"].iloc[0]
    yield f"{measure}: 95 % interval of each gap; p after Holm's correction over traits x groups, groups for the mean"
    gaps = found.gaps[found.gaps["trait"].eq(TRAIT_MEAN)] if mean_only else found.gaps
    for row in gaps.to_dict("records"):
        cells = f"{row['model']:<24} {row['trait']:<18} {row['group']:<20} n = {row['n']:>5,}"
        sized = f"{cells} of {row['sources']:,} sources  {row['gap']:+.4f} {_signed_interval(row)}"
        yield f"{sized}  {row['test']}  p {row['p_holm']:.3f}  {row['verdict']}"
    for row in found.spreads[found.spreads["trait"].eq(TRAIT_MEAN)].to_dict("records"):
        ends = f"{row['lowest']} (n = {row['lowest_n']:,}) to {row['highest']} (n = {row['highest_n']:,})"
        sized = (
            f"{row['difference']:.4f} {_signed_interval(row)}, p {row['p']:.3f}; errors {row['error_ratio']:.3f} : 1"
        )
        yield f"{row['model']:<24} largest difference of {row['groups']} groups: {ends}, {sized}"


def _signed_interval(row: dict) -> str:
    return f"[{row['low']:+.4f}, {row['high']:+.4f}]"
