"""Predictions tables on disk: parquet of our own, CSV or parquet of others."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pandas as pd

from personality.predictions.predictions_table import PredictionsError, check_external_predictions
from personality.tables.errors import TableError
from personality.tables.reader import read_table
from personality.utils.atomic_files import atomic_path


def write_predictions(table: pd.DataFrame, path: Path | str) -> None:
    """Write a predictions table as parquet, atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_predictions(file: Path | str | BinaryIO, name: str = "") -> pd.DataFrame:
    """A predictions table from parquet or CSV, a path or an open file that messages call `name`; see
    `check_external_predictions`. Raises PredictionsError where it is none, or is larger than `constants.TABLES`
    allows."""
    try:
        return check_external_predictions(read_table(Path(file) if isinstance(file, str) else file, name))
    except TableError as error:
        raise PredictionsError(str(error)) from error
