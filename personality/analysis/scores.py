"""A predictions table as arrays: what models said, what people said, and what always saying the same would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from personality.trait_names import current_rows
from personality.traits import TRAIT_NAMES

COLUMNS = ("clip", "source", "split", "model", "trait", "predicted", "actual")
CONSTANT = "constant"  # what the constant baseline says: the training mean of the trait
LOOKUP = "lookup"  # what people said of other clips of the same source: see `baselines`
BASELINES = (CONSTANT, LOOKUP)  # a table may lack them, and then has no such figures


class PredictionsError(ValueError):
    """A predictions table that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True)
class Scores:
    """N clips, M models, five traits, all float64; NaN where the table says nothing.

    clips: one row per clip, with its attributes; source int (N,): the code of each clip's source; models: their names;
    predicted (N, M, 5); actual, constant and lookup (N, 5).
    """

    clips: pd.DataFrame
    source: np.ndarray
    models: tuple[str, ...]
    predicted: np.ndarray
    actual: np.ndarray
    constant: np.ndarray
    lookup: np.ndarray

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return int(self.source.max()) + 1


def check_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns of all BASELINES (NaN where it had none) and the present names of traits.

    Raises PredictionsError where a column is missing or no number, a cell is empty, a trait is none of the five,
    clip x model x trait repeats, a clip has two labels of one trait, or there is no row.
    """
    table = current_rows(table)
    _check_columns(table)
    _check_cells(table, _Places.of(table))
    return _with_baselines(table)


def read_scores(table: pd.DataFrame) -> Scores:
    """A predictions table as arrays. Raises PredictionsError as `check_predictions` does."""
    table = current_rows(table)
    _check_columns(table)
    places = _Places.of(table)
    _check_cells(table, places)
    table = _with_baselines(table)
    predicted = np.full(places.shape, np.nan)
    predicted.reshape(-1)[places.cell] = table["predicted"].to_numpy(np.float64)
    of_clip = {name: np.full(places.shape[::2], np.nan) for name in ("actual", *BASELINES)}
    for name, values in of_clip.items():
        values[places.clip, places.trait] = table[name].to_numpy(np.float64)
    first = np.zeros(places.shape[0], np.int64)
    first[places.clip[::-1]] = np.arange(len(table))[::-1]
    clips = table.iloc[first].drop(columns=["model", "trait", "predicted", *of_clip]).reset_index(drop=True)
    return Scores(clips, pd.factorize(clips["source"])[0], places.models, predicted, **of_clip)


@dataclass(frozen=True)
class _Places:
    """Where each row of a table lies in an array clips x models x traits of this shape: its clip, its trait, and its
    cell in the flat array."""

    clip: np.ndarray
    trait: np.ndarray
    cell: np.ndarray
    shape: tuple[int, int, int]
    models: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Places:
        clip, clips = pd.factorize(table["clip"])
        model, models = pd.factorize(table["model"])
        trait = pd.Categorical(table["trait"], categories=list(TRAIT_NAMES)).codes
        shape = (len(clips), len(models), len(TRAIT_NAMES))
        return cls(clip, trait, (clip * shape[1] + model) * shape[2] + trait, shape, tuple(models.astype(str)))


def _check_columns(table: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise PredictionsError(f"The table lacks the column {missing[0]}; wanted {', '.join(COLUMNS)}.")
    if table.empty or any(table[column].isna().any() for column in COLUMNS):
        raise PredictionsError("The table has no rows, or empty cells; each row wants all of its figures.")
    strange = sorted(set(table["trait"].unique()) - set(TRAIT_NAMES))
    if strange:
        raise PredictionsError(f"The table has the trait {strange[0]!r}; wanted {', '.join(TRAIT_NAMES)}.")
    for name in ("predicted", "actual"):
        if not pd.api.types.is_float_dtype(table[name]):
            raise PredictionsError(f"The column {name} holds {table[name].dtype}; wanted numbers in [0, 1].")


def _check_cells(table: pd.DataFrame, places: _Places) -> None:
    taken = np.zeros(int(np.prod(places.shape)), bool)
    taken[places.cell] = True
    if taken.sum() < len(table):
        raise PredictionsError("The table has a clip, model and trait twice; each may occur once.")
    actual, labels = table["actual"].to_numpy(), np.empty(places.shape[::2])
    labels[places.clip, places.trait] = actual
    if (labels[places.clip, places.trait] != actual).any():
        raise PredictionsError("The table has a clip with two labels of one trait; people said one thing of it.")


def _with_baselines(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: np.nan for name in BASELINES if name not in table})
