"""A predictions table as arrays: what models said, what people said, and what always saying the same would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from personality.constants import table_limits
from personality.tables.cells import as_numbers, as_text
from personality.tables.columns import UNNAMED_COLUMN_PREFIX
from personality.tables.errors import TableError
from personality.tables.scales import clamp_predictions
from personality.traits import TRAIT_NAMES
from personality.utils.legacy_names import rename_legacy_rows

PREDICTION_COLUMNS = ("clip", "source", "split", "model", "trait", "predicted", "actual")
MEAN_BASELINE_COLUMN = "constant"  # what the constant baseline says: the training mean of the trait
SOURCE_BASELINE_COLUMN = "lookup"  # what people said of other clips of the same source: see `baselines`
BASELINE_COLUMNS = (MEAN_BASELINE_COLUMN, SOURCE_BASELINE_COLUMN)  # a table may lack them, and then has no such figures
SOURCE_IN_TRAINING = "source_in_training"  # attribute of a clip: yes or no, see `assemble.mark_sources_in_training`
SYNTHETIC_ATTR = "synthetic"  # of a table's attrs: whether its people are computer-made
_PER_TRAIT_COLUMNS = ("actual", *BASELINE_COLUMNS)  # the same for all models
MAX_CELLS_PER_ROW = 20  # cells of clips x models x traits for each row of a table, in tables of more than
SMALL_TABLE_CELLS = 4_000_000  # cells


class PredictionsError(ValueError):
    """A predictions table that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True)
class PredictionArrays:
    """N clips, M models, five traits, all float64; NaN where the table says nothing.

    clips: one row per clip, with its attributes; source int (N,): the code of each clip's source; models: their names;
    predicted (N, M, 5); actual, constant and lookup (N, 5).
    """

    clips: pd.DataFrame
    source_codes: np.ndarray
    models: tuple[str, ...]
    predicted: np.ndarray
    actual: np.ndarray
    constant: np.ndarray
    lookup: np.ndarray

    @property
    def source_count(self) -> int:
        """How many sources there are."""
        return int(self.source_codes.max()) + 1


def check_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns of all BASELINES (NaN where it had none), the present names of traits, and text and
    numbers as such.

    An attribute of a clip that some of its rows lack is that of the others. Raises PredictionsError where a column is
    missing, a cell of COLUMNS is empty, a value is no number in [0, 1], a trait is none of the five, clip x model x
    trait repeats, a clip has two values of one trait's label or of an attribute, or there are too few rows for so many
    clips and models.
    """
    table, places = _parse_structure(table)
    _check_range(table)
    for name in table.columns:
        if name not in ("clip", "model", "trait", "predicted", *_PER_TRAIT_COLUMNS):
            table = _unify_values(table, name, places.clip, per="clip")
    return table


def check_external_predictions(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """`check_predictions` of a table of any origin, and how many predictions were clamped to [0, 1]: those of a linear
    model may be slightly outside (`scales.clamp_predictions`). Raises PredictionsError as `check_predictions`."""
    count = 0
    if "predicted" in table and pd.api.types.is_numeric_dtype(table["predicted"]):
        inside, count = clamp_predictions(table[["predicted"]])
        table = table.assign(predicted=inside["predicted"])
    return check_predictions(table), count


def to_prediction_arrays(table: pd.DataFrame) -> PredictionArrays:
    """A predictions table as arrays.

    Raises PredictionsError as `check_predictions` does, but takes values on any scale, and a clip's attributes from its
    first row: tables from files have been checked once.
    """
    table, places = _parse_structure(table)
    predicted = np.full(places.shape, np.nan)
    predicted.reshape(-1)[places.cell] = table["predicted"].to_numpy(np.float64)
    of_clip = {name: np.full(places.shape[::2], np.nan) for name in _PER_TRAIT_COLUMNS}
    for name, values in of_clip.items():
        values[places.clip, places.trait] = table[name].to_numpy(np.float64)
    first = np.zeros(places.shape[0], np.int64)
    first[places.clip[::-1]] = np.arange(len(table))[::-1]
    clips = table.iloc[first].drop(columns=["model", "trait", "predicted", *of_clip]).reset_index(drop=True)
    return PredictionArrays(clips, pd.factorize(clips["source"])[0], places.models, predicted, **of_clip)


def _parse_structure(table: pd.DataFrame) -> tuple[pd.DataFrame, _RowPositions]:
    """The table with its columns as they should be, and where its rows lie."""
    try:
        table = rename_legacy_rows(_convert_types(table))
    except TableError as error:
        raise PredictionsError(f"The table cannot be used: {error}.") from error
    strange = sorted(set(table["trait"].unique()) - set(TRAIT_NAMES))
    if strange:
        raise PredictionsError(f"The table has the trait {strange[0]!r}; expected {', '.join(TRAIT_NAMES)}.")
    table = table.assign(**{name: np.nan for name in BASELINE_COLUMNS if name not in table})
    places = _RowPositions.from_table(table)
    _check_repeats(table, places)
    for name in _PER_TRAIT_COLUMNS if len(places.models) > 1 else ():  # one model has one row of each
        table = _unify_values(table, name, places.clip * len(TRAIT_NAMES) + places.trait, per="clip and trait")
    return table, places


def _is_text_category(values: pd.Series) -> bool:
    """Whether a column is of categories that are text: a million clips are read in seconds when they stay so."""
    return isinstance(values.dtype, pd.CategoricalDtype) and isinstance(values.cat.categories.dtype, pd.StringDtype)


@dataclass(frozen=True)
class _RowPositions:
    """Where each row of a table lies in an array clips x models x traits of this shape: its clip, its trait, and its
    cell in the flat array."""

    clip: np.ndarray
    trait: np.ndarray
    cell: np.ndarray
    shape: tuple[int, int, int]
    models: tuple[str, ...]

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> _RowPositions:
        clip, clips = pd.factorize(table["clip"])
        model, models = pd.factorize(table["model"])
        trait = pd.Categorical(table["trait"], categories=list(TRAIT_NAMES)).codes
        shape = (len(clips), len(models), len(TRAIT_NAMES))
        _check_density(shape, len(table))
        return cls(clip, trait, (clip * shape[1] + model) * shape[2] + trait, shape, tuple(models))


def _convert_types(table: pd.DataFrame) -> pd.DataFrame:
    """The same columns, names and models as text, values as numbers. Raises TableError as `tables.cells`, and where a
    column is missing or empty."""
    table = table.rename(columns=str)
    table = table.drop(columns=[column for column in table if column.startswith(UNNAMED_COLUMN_PREFIX)])
    missing = [column for column in PREDICTION_COLUMNS if column not in table]
    if missing:
        raise TableError(f"it lacks the column {missing[0]}; expected {', '.join(PREDICTION_COLUMNS)}")
    if table.empty or any(table[column].isna().any() for column in PREDICTION_COLUMNS):
        raise TableError(f"it has no rows, or empty cells in one of the columns {', '.join(PREDICTION_COLUMNS)}")
    numbers = [name for name in ("predicted", "actual", *BASELINE_COLUMNS) if name in table]
    others = [name for name in table if name not in numbers]
    text = [
        name
        for name in others
        if (name in PREDICTION_COLUMNS or table[name].dtype == object) and not _is_text_category(table[name])
    ]
    return table.assign(
        **{name: as_text(table[name]) for name in text}, **{name: as_numbers(table[name]) for name in numbers}
    )


def _check_range(table: pd.DataFrame) -> None:
    for name in ("predicted", *_PER_TRAIT_COLUMNS):
        values = table[name].dropna()
        if not values.between(0, 1).all():
            raise PredictionsError(
                f"The column {name} ranges from {values.min():g} to {values.max():g}; expected 0 to 1. Import the "
                "predictions again, with import-predictions --scale LOW HIGH, the ends of their scale."
            )


def _check_density(shape: tuple[int, int, int], rows: int) -> None:
    """Refuse many clips with many models that have little to do with each other: arrays hold a cell for every pair."""
    clips, models, traits = shape
    check, max_models = clips * models * traits, table_limits().models
    if models > max_models or check > max(MAX_CELLS_PER_ROW * rows, SMALL_TABLE_CELLS):
        raise PredictionsError(
            f"The table has {clips:,} clips and {models:,} models, but {rows:,} rows; expected at most "
            f"{max_models} models, each with predictions of most of the clips. Split it."
        )


def _check_repeats(table: pd.DataFrame, places: _RowPositions) -> None:
    taken = np.zeros(int(np.prod(places.shape)), bool)
    taken[places.cell] = True
    if taken.sum() < len(table):
        raise PredictionsError("The table has a clip, model and trait twice; each may occur once.")


def _unify_values(table: pd.DataFrame, name: str, group: np.ndarray, *, per: str) -> pd.DataFrame:
    values = _comparable_codes(table[name])
    known = ~np.isnan(values)
    if not known.any():
        return table
    first = np.full(group.max() + 1, -1)  # the first row of each group whose value is known
    first[group[known][::-1]] = np.flatnonzero(known)[::-1]
    of_first = first[group]
    # Numbers may have been rounded to 32 bits on their way.
    differ = np.flatnonzero(known & (np.abs(values - values[of_first]) > 1e-6))
    if len(differ):
        row, other = differ[0], of_first[differ[0]]
        raise PredictionsError(
            f"{table['clip'].iloc[row]} has two values of {name}: {table[name].iloc[other]} and "
            f"{table[name].iloc[row]}; expected one per {per}, the same for all models. Correct the table, or leave "
            "the column out."
        )
    missing = np.flatnonzero(~known & (of_first >= 0))
    return table if not len(missing) else _copy_row_values(table, name, missing, of_first[missing])


def _copy_row_values(table: pd.DataFrame, name: str, rows: np.ndarray, like: np.ndarray) -> pd.DataFrame:
    """A copy in which some rows have the value that others have."""
    places = np.arange(len(table))
    places[rows] = like
    return table.assign(**{name: table[name].iloc[places].set_axis(table.index)})


def _comparable_codes(values: pd.Series) -> np.ndarray:
    """Float64, equal where the values are, NaN where they are missing."""
    if pd.api.types.is_float_dtype(values):
        return values.to_numpy(np.float64)
    codes = pd.factorize(values)[0]
    return np.where(codes < 0, np.nan, codes)
