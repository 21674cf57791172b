"""Tables with one row per clip and trait, converted to one row per clip."""

from __future__ import annotations

import pandas as pd

from personality.tables.cells import as_numbers, as_text
from personality.tables.columns import (
    CLIP_COLUMN_NAMES,
    NEUROTICISM_COLUMN_NAMES,
    RATER_COLUMN_NAMES,
    TRAIT_COLUMN_NAMES,
    find_column,
    normalize_column_name,
)
from personality.tables.errors import TableError

# Names as `normalize_column_name` returns them.
TRAIT_NAME_COLUMNS = ("trait", "traitname", "dimension", "factor", "bigfive", "variable")
TRAIT_VALUE_COLUMNS = ("predicted", "prediction", "pred", "score", "value", "rating", "predictedvalue", "y", "yhat")


def widen_long_table(given: pd.DataFrame) -> pd.DataFrame:
    """Convert a table with one row per clip and trait to one row per clip; other tables are returned unchanged.

    Parameters
    ----------
    given
        A table as returned by `read_table`. It is long if it has a column of trait names, such as `trait`, and a
        column of values, such as `predicted`. Rows of other traits are ignored.

    Returns
    -------
    pandas.DataFrame
        One row per clip (and rater), with a column per trait; the other columns are kept.

    Raises
    ------
    TableError
        A clip has several values for a trait, or another column differs between the rows of a clip.
    """
    names = list(given.columns)
    clip, trait = find_column(names, CLIP_COLUMN_NAMES), find_column(names, TRAIT_NAME_COLUMNS)
    value = find_column(names, TRAIT_VALUE_COLUMNS)
    if clip is None or trait is None or value is None:
        return given
    traits = as_text(given[trait]).map(_identify_trait, na_action="ignore")
    rows = given.assign(**{trait: traits, value: as_numbers(given[value])}).dropna(subset=[clip, trait])
    keys = [clip, *filter(None, [find_column(names, RATER_COLUMN_NAMES)])]
    repeated = rows.duplicated([*keys, trait])
    if repeated.any():
        row = rows[repeated].iloc[0]
        raise TableError(
            f"{row[clip]} has several values of {row[trait]}; expected one row per clip and trait, of one model"
        )
    wide = rows.pivot(index=keys, columns=trait, values=value).rename_axis(columns=None)
    return wide.reset_index().merge(_other_columns(rows.drop(columns=[trait, value]), keys), on=keys)


def _identify_trait(name: str) -> str | None:
    """A trait by any of its names; the key neuroticism is kept, because it needs interpretation. None if unknown."""
    word = normalize_column_name(name)
    if word in NEUROTICISM_COLUMN_NAMES:
        return "neuroticism"
    return next((trait for trait, known in TRAIT_COLUMN_NAMES.items() if word in known), None)


def _other_columns(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row per key; raises TableError if a column differs between the rows of a key."""
    others = rows.drop_duplicates()
    differing = others[keys].duplicated()
    if differing.any():
        counts = others.groupby(keys, sort=False).nunique(dropna=False).max()
        clip = others.loc[differing.idxmax(), keys[0]]
        raise TableError(
            f"the column {counts.idxmax()} differs between the rows of {clip}; remove it, or save one file per value"
        )
    return others
