"""Add the columns of feature tables to a predictions table as attributes, by which the analysis can group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from personality.predictions.predictions_table import PredictionsError, check_predictions

MAX_ADDED_ATTRIBUTES = 200  # columns; more are features of an encoder, not attributes to group by
EDGE_DIGITS = 3  # significant digits of the edges of ranges


def add_attributes(table: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return a predictions table with the columns of a feature table as numeric attributes.

    Parameters
    ----------
    table : DataFrame
        A predictions table.
    features : DataFrame
        Numbers, indexed by clip. Clips without a row have missing values.

    Returns
    -------
    DataFrame
        A predictions table.

    Raises
    ------
    PredictionsError
        The table has one of the columns, no clip has a row, or there are too many columns.
    """
    twice = [name for name in features if name in table]
    if twice:
        raise PredictionsError(f"The predictions have a column {twice[0]} already; remove or rename it.")
    if len(features.columns) > MAX_ADDED_ATTRIBUTES:
        raise PredictionsError(
            f"The table has {len(features.columns):,} columns; expected at most {MAX_ADDED_ATTRIBUTES} attributes."
        )
    if not table["clip"].isin(features.index).any():
        raise PredictionsError("No clip of the predictions is in the table; are they of the same cache?")
    return check_predictions(table.merge(features.astype(np.float64), left_on="clip", right_index=True, how="left"))


def cut_into_equal_groups(table: pd.DataFrame, name: str, count: int) -> list[float]:
    """Return the edges that cut a numeric attribute into `count` ranges with about the same number of clips.

    Parameters
    ----------
    table : DataFrame
        A predictions table.
    name : str
        A numeric attribute.
    count : int
        Number of ranges, at least 2.

    Returns
    -------
    list of float
        Ascending, rounded to EDGE_DIGITS significant digits; fewer than `count - 1` if clips have equal values, and
        none if all have.
    """
    values = table.drop_duplicates("clip")[name].dropna()
    edges = {float(f"{edge:.{EDGE_DIGITS}g}") for edge in values.quantile(np.arange(1, count) / count)}
    return sorted(edge for edge in edges if values.min() < edge <= values.max())
