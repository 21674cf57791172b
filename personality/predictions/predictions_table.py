"""Predictions tables: a row per clip, model and trait. Validation, and conversion to arrays."""

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
MEAN_BASELINE_COLUMN = "constant"  # the mean baseline: the training mean of the trait
SOURCE_BASELINE_COLUMN = "lookup"  # the same-source baseline: see `baselines`
BASELINE_COLUMNS = (MEAN_BASELINE_COLUMN, SOURCE_BASELINE_COLUMN)  # optional
SOURCE_IN_TRAINING = "source_in_training"  # attribute, yes or no: `assemble.mark_sources_in_training`
SYNTHETIC_ATTR = "synthetic"  # key in the `attrs` of a table, stored in parquet: whether its people are computer-made
_PER_TRAIT_COLUMNS = ("actual", *BASELINE_COLUMNS)  # the same for all models of a clip
# Cells of the array clips x models x traits for each row of a table; tables up to SMALL_TABLE_CELLS are not limited.
MAX_CELLS_PER_ROW = 20
SMALL_TABLE_CELLS = 4_000_000


class PredictionsError(ValueError):
    """An invalid predictions table, or an analysis that it does not support."""


@dataclass(frozen=True)
class PredictionArrays:
    """A predictions table of N clips and M models as arrays, with NaN for missing rows.

    clips: a row per clip with its attributes; source_codes: int (N,); models: names; predicted: float64 (N, M, 5);
    actual, constant and lookup: float64 (N, 5).
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
        """Number of sources."""
        return int(self.source_codes.max()) + 1


def check_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Validate and normalize a predictions table.

    Parameters
    ----------
    table
        A row per clip, model and trait, with PREDICTION_COLUMNS, optional BASELINE_COLUMNS, and attributes.

    Returns
    -------
    pandas.DataFrame
        With all BASELINE_COLUMNS (NaN if absent), current trait names, and columns converted to text or float64. An
        attribute that is missing in some rows of a clip is filled from its other rows.

    Raises
    ------
    PredictionsError
        If a column is missing or has empty cells, a value is not a number in [0, 1], a trait is unknown, a combination
        of clip, model and trait repeats, a clip has different labels or attributes in different rows, or the table has
        too few rows for its numbers of clips and models.
    """
    table, places = _parse_structure(table)
    _check_range(table)
    for name in table.columns:
        if name not in ("clip", "model", "trait", "predicted", *_PER_TRAIT_COLUMNS):
            table = _unify_values(table, name, places.clip, per="clip")
    return table


def check_external_predictions(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Validate a table of any origin. Return it and the number of predictions clamped to [0, 1], because those of a
    linear model may be slightly outside. Raises PredictionsError like `check_predictions`."""
    count = 0
    if "predicted" in table:
        try:
            numbers = as_numbers(table["predicted"])
        except TableError as error:
            raise PredictionsError(f"The table cannot be used: {error}.") from error
        inside, count = clamp_predictions(numbers.to_frame("predicted"))
        table = table.assign(predicted=inside["predicted"])
    return check_predictions(table), count


def to_prediction_arrays(table: pd.DataFrame) -> PredictionArrays:
    """Convert a predictions table to arrays.

    Raises PredictionsError like `check_predictions`, but accepts values on any scale and uses the attributes of the
    first row of a clip, because tables from files have been validated.
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
    """Return the table with converted columns, and the positions of its rows in arrays."""
    try:
        table = rename_legacy_rows(_convert_types(table))
    except TableError as error:
        raise PredictionsError(f"The table cannot be used: {error}.") from error
    strange = sorted(set(table["trait"].unique()) - set(TRAIT_NAMES))
    if strange:
        raise PredictionsError(f"The table has the unknown trait {strange[0]!r}; expected {', '.join(TRAIT_NAMES)}.")
    table = table.assign(**{name: np.nan for name in BASELINE_COLUMNS if name not in table})
    places = _RowPositions.from_table(table)
    _check_repeats(table, places)
    for name in _PER_TRAIT_COLUMNS if len(places.models) > 1 else ():  # with one model, each occurs once
        table = _unify_values(table, name, places.clip * len(TRAIT_NAMES) + places.trait, per="clip and trait")
    return table, places


def _is_text_category(values: pd.Series) -> bool:
    """Return whether a column is categorical text, which is kept for speed with millions of rows."""
    return isinstance(values.dtype, pd.CategoricalDtype) and isinstance(values.cat.categories.dtype, pd.StringDtype)


@dataclass(frozen=True)
class _RowPositions:
    """Position of each row of a table in an array clips x models x traits: indices of its clip, its trait, and its cell
    in the flat array."""

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
    """Convert names to text and values to numbers. Raises TableError as `tables.cells`, and if a column is missing or
    has empty cells."""
    table = table.rename(columns=str)
    table = table.drop(columns=[column for column in table if column.startswith(UNNAMED_COLUMN_PREFIX)])
    missing = [column for column in PREDICTION_COLUMNS if column not in table]
    if missing:
        raise TableError(f"the column {missing[0]} is missing; expected {', '.join(PREDICTION_COLUMNS)}")
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
                "predictions again with `import-predictions --scale LOW HIGH`, the limits of their scale."
            )


def _check_density(shape: tuple[int, int, int], rows: int) -> None:
    """Reject tables in which few clips have predictions of most models: arrays have a cell for every combination."""
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
        raise PredictionsError("The table has a combination of clip, model and trait twice; remove the duplicate rows.")


def _unify_values(table: pd.DataFrame, name: str, group: np.ndarray, *, per: str) -> pd.DataFrame:
    values = _comparable_codes(table[name])
    known = ~np.isnan(values)
    if not known.any():
        return table
    first = np.full(group.max() + 1, -1)  # first row of each group with a known value
    first[group[known][::-1]] = np.flatnonzero(known)[::-1]
    of_first = first[group]
    # Numbers may have been rounded to 32 bits.
    differ = np.flatnonzero(known & (np.abs(values - values[of_first]) > 1e-6))
    if len(differ):
        row, other = differ[0], of_first[differ[0]]
        raise PredictionsError(
            f"{table['clip'].iloc[row]} has two values of {name}: {table[name].iloc[other]} and "
            f"{table[name].iloc[row]}; expected one per {per}, the same for all models. Correct the table, or remove "
            "the column."
        )
    missing = np.flatnonzero(~known & (of_first >= 0))
    return table if not len(missing) else _copy_row_values(table, name, missing, of_first[missing])


def _copy_row_values(table: pd.DataFrame, name: str, rows: np.ndarray, like: np.ndarray) -> pd.DataFrame:
    """Return a copy of a column in which some rows have the values of other rows."""
    places = np.arange(len(table))
    places[rows] = like
    return table.assign(**{name: table[name].iloc[places].set_axis(table.index)})


def _comparable_codes(values: pd.Series) -> np.ndarray:
    """Encode values as float64: equal values have equal codes, and missing ones are NaN."""
    if pd.api.types.is_float_dtype(values):
        return values.to_numpy(np.float64)
    codes = pd.factorize(values)[0]
    return np.where(codes < 0, np.nan, codes)
