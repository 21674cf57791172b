"""Read and write predictions tables: parquet, or CSV from other programs."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pandas as pd

from personality.predictions.predictions_table import PredictionsError, check_external_predictions
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.utils.atomic_files import atomic_path


def write_predictions(table: pd.DataFrame, path: Path | str) -> None:
    """Write a predictions table as parquet.

    Parameters
    ----------
    table
        A predictions table.
    path
        The file, which is replaced atomically; its folder is created if it does not exist.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_predictions(file: Path | str | BinaryIO, name: str = "") -> pd.DataFrame:
    """Read a predictions table from parquet or CSV.

    Parameters
    ----------
    file
        A path or an open binary file.
    name
        The name of the file in error messages; by default that of the path.

    Returns
    -------
    pandas.DataFrame
        Checked by `check_predictions`. Predictions slightly outside [0, 1] are clamped; to know how many, use
        `read_predictions_and_clamped_count`.

    Raises
    ------
    PredictionsError
        If the file cannot be read, is not a predictions table, or exceeds `constants.table_limits`.
    """
    return read_predictions_and_clamped_count(file, name)[0]


def read_predictions_and_clamped_count(file: Path | str | BinaryIO, name: str = "") -> tuple[pd.DataFrame, int]:
    """Read a predictions table like `read_predictions`; return it and the number of predictions clamped to [0, 1]."""
    try:
        return check_external_predictions(read_table(Path(file) if isinstance(file, str) else file, name))
    except TableError as error:
        raise PredictionsError(str(error)) from error
