"""Conversion of columns to text or numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from personality.tables.errors import TableError

# Text for missing values in numeric columns. In text columns it may be a value: NA is Namibia.
MISSING_NUMBERS = ("", "na", "n/a", "nan", "null", "none", "-", ".")
DECIMAL_COMMA = r"^([+-]?\d*),(\d+)$"
PLAIN_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?"  # not 007, 1e5 or 0x1F, which may be names


def as_text(values: pd.Series) -> pd.Series:
    """Convert a column to text; missing cells stay missing, and integers have no decimals. Raises TableError if a cell
    contains several values."""
    if isinstance(values.dtype, pd.StringDtype):
        return values
    if pd.api.types.is_float_dtype(values) and values.dropna().mod(1).eq(0).all():
        values = values.astype("Int64")
    _refuse_nested(values)
    return values.astype("str")


def as_numbers(values: pd.Series) -> pd.Series:
    """Convert a column to finite float64 values, including text with decimal commas; NaN for missing values. Raises
    TableError if a cell is not a number."""
    if pd.api.types.is_bool_dtype(values):
        raise TableError(f"the column {values.name} contains true or false; expected numbers")
    numbers = values if pd.api.types.is_float_dtype(values) else _parse_numbers(values)
    if np.isinf(numbers.to_numpy(np.float64)).any():
        raise TableError(f"the column {values.name} contains infinite values; expected numbers")
    return numbers


def _parse_numbers(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(np.float64)
    text = as_text(values)
    numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
    if numbers.notna().all():
        return numbers
    text = text.str.strip().str.replace(DECIMAL_COMMA, r"\1.\2", regex=True)
    numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
    wrong = numbers.isna() & ~text.fillna("").str.lower().isin(MISSING_NUMBERS)
    if wrong.any():
        raise TableError(f"the column {values.name} contains {str(values[wrong].iloc[0])[:60]!r}; expected numbers")
    return numbers


def as_attribute(values: pd.Series, *, most_groups: int) -> pd.Series:
    """Convert a column to numbers if all its cells are numbers or missing (NA and the like), and it has decimals or
    more than `most_groups` values, so that they are measurements and not codes of groups; otherwise to text."""
    text = as_text(values)
    numbers = text.mask(text.str.strip().str.lower().isin(MISSING_NUMBERS))
    numbers = numbers.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True)
    known = numbers.dropna()
    plain = len(known) > 0 and known.str.fullmatch(PLAIN_NUMBER).all()
    measured = plain and (known.str.contains(".", regex=False).any() or known.nunique() > most_groups)
    return pd.to_numeric(numbers) if measured else text


def _refuse_nested(values: pd.Series) -> None:
    if (
        values.dtype == object
        and values.map(lambda cell: isinstance(cell, list | dict | set | tuple | np.ndarray)).any()
    ):
        raise TableError(f"the column {values.name} contains lists; expected one value per cell")
