"""One cell of an intersection, to look into: its clips, and what was said of each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from personality.analysis.groups import ALL_CLIPS, MIN_GROUP_CLIPS, TRAIT_MEAN, name_groups, split_group_name
from personality.traits import TRAIT_NAMES


def heatmap_cells(
    rows: pd.DataFrame, *, crossed: bool, model: str, trait: str, figure: str, bounds: tuple[str, str] | None
) -> pd.DataFrame:
    """The cells of one model and trait from `accuracy_by`, for a heatmap. crossed: with two attributes, not one.

    Columns: row, column, group, value (of `figure`), low, high (NaN without bounds), baseline, lookup, n, sources,
    small, text. Groups without clips are left out.
    """
    kept = rows[rows["model"].eq(model) & rows["trait"].eq(trait) & rows["n"].gt(0)].reset_index(drop=True)
    places = [split_group_name(group) if crossed else [group, ALL_CLIPS] for group in kept["group"]]
    low, high = (kept[name] if bounds else float("nan") for name in bounds or ("", ""))
    cells = pd.DataFrame(places, columns=["row", "column"]).assign(
        value=kept[figure], low=low, high=high, **kept[["group", "baseline", "lookup", "n", "sources"]]
    )
    cells["small"] = cells["n"] < MIN_GROUP_CLIPS
    words = [f"{row['value']:.3f}" if row["value"] == row["value"] else "-" for row in cells.to_dict("records")]
    marks = cells["small"].map({True: ", few", False: ""})
    cells["text"] = [f"{word}\nn = {n:,}{mark}" for word, n, mark in zip(words, cells["n"], marks, strict=True)]
    return cells


def list_group_clips(table: pd.DataFrame, by: Sequence[str], group: str, *, model: str, trait: str) -> pd.DataFrame:
    """The clips of a group, those that the model judges worst first: clip, source, error (absolute; the mean of the
    five for `mean`), predicted, actual. Raises PredictionsError as `name_groups`."""
    rows = table[table["model"].eq(model) & name_groups(table, by).eq(group).fillna(False)]
    rows = rows if trait == TRAIT_MEAN else rows[rows["trait"].eq(trait)]
    rows = rows.assign(error=(rows["predicted"] - rows["actual"]).abs())
    found = rows.groupby(["clip", "source"])[["error", "predicted", "actual"]].mean().reset_index()
    return found.sort_values("error", ascending=False, kind="stable").reset_index(drop=True)


def list_clip_values(table: pd.DataFrame, clip: str) -> pd.DataFrame:
    """What people and every model said of a clip: columns model (`people` first), trait, value; traits in order."""
    rows = table[table["clip"].eq(clip)]
    people = rows.drop_duplicates("trait").assign(model="people").rename(columns={"actual": "value"})
    models = rows.rename(columns={"predicted": "value"})
    both = pd.concat([people[["model", "trait", "value"]], models[["model", "trait", "value"]]])
    order = {name: place for place, name in enumerate(TRAIT_NAMES)}
    return both.sort_values("trait", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
