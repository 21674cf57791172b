"""Accuracy per model, trait and group, from a predictions table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from personality.analysis.intervals import DRAWS, SEED, mean_intervals, source_weights
from personality.traits import GROUP_ORDERS, TRAIT_NAMES

COLUMNS = ("clip", "source", "split", "model", "trait", "predicted", "actual")
CONSTANT = "constant"  # the training mean of the trait; a table may lack it, and then has no baseline
ALL = "all"
MEAN = "mean"
SMALL = 30  # clips; groups below are marked


class PredictionsError(ValueError):
    """A predictions table that cannot be used; the message says what is wrong with it."""


def check_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the column `constant` (NaN where it had none).

    Raises PredictionsError where a column is missing or no number, a cell is empty, a trait is none of the five,
    clip x model x trait repeats, or there is no row.
    """
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise PredictionsError(f"The table lacks the column {missing[0]}; wanted {', '.join(COLUMNS)}.")
    if table.duplicated(["clip", "model", "trait"]).any():
        raise PredictionsError("The table has a clip, model and trait twice; each may occur once.")
    if table.empty or table[list(COLUMNS)].isna().to_numpy().any():
        raise PredictionsError("The table has no rows, or empty cells; each row wants all of its figures.")
    strange = sorted(set(table["trait"]) - set(TRAIT_NAMES))
    if strange:
        raise PredictionsError(f"The table has the trait {strange[0]!r}; wanted {', '.join(TRAIT_NAMES)}.")
    for name in ("predicted", "actual"):
        if not pd.api.types.is_float_dtype(table[name]):
            raise PredictionsError(f"The column {name} holds {table[name].dtype}; wanted numbers in [0, 1].")
    return table if CONSTANT in table else table.assign(**{CONSTANT: np.nan})


def groups_of(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """The name of each row's group: values of the attributes joined by ' x ', `all` without any, NaN where unknown.

    Raises PredictionsError where an attribute is not a column.
    """
    for name in by:
        if name not in table:
            attributes = [column for column in table.columns if column not in (*COLUMNS, CONSTANT)]
            raise PredictionsError(f"There is no attribute {name}; this table has {', '.join(attributes)}.")
    if not by:
        return pd.Series(ALL, table.index)
    parts = [table[name].astype("string") for name in by]
    return parts[0].str.cat(parts[1:], sep=" x ") if len(parts) > 1 else parts[0]


def order_groups(names: Sequence[str], by: Sequence[str]) -> list[str]:
    """All groups of one known attribute in its order, empty ones too; otherwise those there are, in order."""
    if len(by) == 1 and by[0] in GROUP_ORDERS:
        known = GROUP_ORDERS[by[0]]
        return [*known, *sorted(set(names) - set(known))]
    places = [{name: place for place, name in enumerate(GROUP_ORDERS.get(attribute, ()))} for attribute in by]

    def key(name: str) -> list[tuple[int, str]]:
        parts = name.split(" x ")
        return [(order.get(part, 99), part) for order, part in zip(places, parts, strict=False)]

    return sorted(set(names), key=key)


def accuracy_by(table: pd.DataFrame, by: Sequence[str] = (), *, draws: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """One row per model, trait (the five and `mean`) and group, with a 95 % interval by bootstrap over sources.

    Columns: model, trait, group, n (clips), sources, accuracy, low, high, signed_error, baseline (the accuracy of
    always saying the training mean, on the same clips; NaN where unknown). Groups without clips keep a row of n = 0.
    """
    table = check_predictions(table)
    wide = _wide(table)
    clips = table.drop_duplicates("clip").set_index("clip").loc[wide["error"].index]
    group = groups_of(clips, by)
    source, names = pd.factorize(clips["source"])
    weights = source_weights(len(names), draws=draws, seed=seed)
    parts = [
        _cell(wide, name, (group == name).fillna(False).to_numpy(dtype=bool), source, weights)
        for name in order_groups(group.dropna().unique().tolist(), by)
    ]
    return pd.concat(parts, ignore_index=True)


def absolute_errors(table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Absolute errors, clips x (model, trait) with `mean` added, NaN where a model does not speak; and the code of
    each clip's source (N,). Raises PredictionsError as `check_predictions` does."""
    table = check_predictions(table)
    errors = _wide(table)["error"]
    clips = table.drop_duplicates("clip").set_index("clip").loc[errors.index]
    return errors, pd.factorize(clips["source"])[0]


def _wide(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Clips x (model, trait) of absolute error, signed error and the constant's absolute error; `mean` added."""
    values = {
        "error": (table["predicted"] - table["actual"]).abs(),
        "signed": table["predicted"] - table["actual"],
        "constant": (table["constant"] - table["actual"]).abs(),
    }
    keys = table[["clip", "model", "trait"]]
    order = pd.MultiIndex.from_product([keys["model"].unique(), [*TRAIT_NAMES, MEAN]], names=["model", "trait"])
    result = {}
    for name, column in values.items():
        pivot = keys.assign(value=column).pivot(index="clip", columns=["model", "trait"], values="value")
        means = pivot.T.groupby(level="model").mean().T
        means.columns = pd.MultiIndex.from_product([means.columns, [MEAN]], names=["model", "trait"])
        result[name] = pd.concat([pivot, means], axis=1).reindex(columns=order)
    return result


def _cell(
    wide: dict[str, pd.DataFrame], name: str, inside: np.ndarray, source: np.ndarray, weights: np.ndarray
) -> pd.DataFrame:
    errors, signed, constant = (wide[key].to_numpy()[inside] for key in ("error", "signed", "constant"))
    present = ~np.isnan(errors)
    n = present.sum(0)
    low, high = mean_intervals(errors, source[inside], weights)
    with np.errstate(invalid="ignore"):
        divisor = np.where(n > 0, n, np.nan)
        means = [np.nansum(values, axis=0) / divisor for values in (errors, signed)]
        baseline = 1 - np.where(present, constant, 0).sum(0) / divisor
    rows = wide["error"].columns.to_frame(index=False)
    return rows.assign(
        group=name,
        n=n,
        sources=[len(np.unique(source[inside][column])) for column in present.T],
        accuracy=1 - means[0],
        low=1 - high,
        high=1 - low,
        signed_error=means[1],
        baseline=baseline,
    )
