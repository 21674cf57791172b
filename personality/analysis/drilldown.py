"""Details of one group: its cell in a heatmap, its clips, and the values of a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from personality.analysis.group_assignment import ALL_CLIPS, Group, assign_groups
from personality.analysis.groups import MIN_GROUP_CLIPS, TRAIT_MEAN
from personality.traits import TRAIT_NAMES


def heatmap_cells(
    rows: pd.DataFrame,
    groups: Mapping[str, Group],
    *,
    model: str,
    trait: str,
    figure: str,
    bounds: tuple[str, str] | None,
) -> pd.DataFrame:
    """The cells of a heatmap of one model and trait.

    Parameters
    ----------
    rows
        From `groups.accuracy_by`, by one or two attributes.
    groups
        The values of each group by its name: `group_assignment.groups_by_name`.
    model, trait
        Model and trait of the rows to show.
    figure
        The column that the colors show.
    bounds
        The columns of its interval, None if it has none.

    Returns
    -------
    pandas.DataFrame
        A row per group with clips: row, column (the values of its attributes, `all` for a missing second), group, value
        (of `figure`), low, high (NaN without bounds), baseline, lookup, n, sources, small, text.
    """
    kept = rows[rows["model"].eq(model) & rows["trait"].eq(trait) & rows["n"].gt(0)].reset_index(drop=True)
    values = [(*groups[name], ALL_CLIPS)[:2] for name in kept["group"]]
    low, high = (kept[name] if bounds else float("nan") for name in bounds or ("", ""))
    cells = pd.DataFrame(values, columns=["row", "column"]).assign(
        value=kept[figure], low=low, high=high, **kept[["group", "baseline", "lookup", "n", "sources"]]
    )
    cells["small"] = cells["n"] < MIN_GROUP_CLIPS
    cells["text"] = [_cell_text(cell) for cell in cells.to_dict("records")]
    return cells


def find_worst_cell(cells: pd.DataFrame, figure: str) -> str:
    """The group with the worst value, from `heatmap_cells`.

    Parameters
    ----------
    cells
        The cells of a heatmap.
    figure
        The column of `accuracy_by` that they show. The worst signed error is the one that is farthest from 0, the worst
        of any other figure the lowest.

    Returns
    -------
    str
        Among groups of at least MIN_GROUP_CLIPS clips; the first group if there are none, or their values are unknown.
    """
    values = cells.loc[~cells["small"]].set_index("group")["value"].dropna()
    if values.empty:
        return cells["group"].iloc[0]
    return str(values.abs().idxmax() if figure == "signed_error" else values.idxmin())


def _cell_text(cell: dict) -> str:
    value = f"{cell['value']:.3f}" if cell["value"] == cell["value"] else "-"
    return f"{value}\nn = {cell['n']:,}{', few' if cell['small'] else ''}"


def list_group_clips(table: pd.DataFrame, by: Sequence[str], group: Group, *, model: str, trait: str) -> pd.DataFrame:
    """The clips of a group, largest errors of a model first.

    Parameters
    ----------
    table
        A predictions table.
    by, group
        Attributes, as for `assign_groups`, and the group's value of each.
    model, trait
        Model and trait of the errors; the trait `mean` averages the five.

    Returns
    -------
    pandas.DataFrame
        Columns clip, source, error (absolute), predicted, actual.

    Raises
    ------
    PredictionsError
        As `assign_groups`, and if there is no such group.
    """
    rows = table[table["model"].eq(model) & assign_groups(table, by).rows_of(group)]
    rows = rows if trait == TRAIT_MEAN else rows[rows["trait"].eq(trait)]
    rows = rows.assign(error=(rows["predicted"] - rows["actual"]).abs())
    found = rows.groupby(["clip", "source"])[["error", "predicted", "actual"]].mean().reset_index()
    return found.sort_values("error", ascending=False, kind="stable").reset_index(drop=True)


def list_clip_values(table: pd.DataFrame, clip: str) -> pd.DataFrame:
    """The ratings and all predictions of a clip: columns model (`people` first), trait, value; traits in order."""
    rows = table[table["clip"].eq(clip)]
    people = rows.drop_duplicates("trait").assign(model="people").rename(columns={"actual": "value"})
    models = rows.rename(columns={"predicted": "value"})
    both = pd.concat([people[["model", "trait", "value"]], models[["model", "trait", "value"]]])
    order = {name: rank for rank, name in enumerate(TRAIT_NAMES)}
    return both.sort_values("trait", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
