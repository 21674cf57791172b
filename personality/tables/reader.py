"""Bounded reading of tables from parquet or delimited text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from personality.constants import TableLimits, table_limits
from personality.tables.delimited import read_delimited
from personality.tables.errors import TableError
from personality.tables.parquet import read_parquet

# First bytes of files that are mistaken for tables.
UNSUPPORTED_SIGNATURES = {
    b"PK\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"\x1f\x8b": "compressed",
    b"PARE": "an encrypted parquet file",
}
PARQUET_SIGNATURE = b"PAR1"


def read_table(file: Path | BinaryIO, name: str = "", *, limits: TableLimits | None = None) -> pd.DataFrame:
    """Read a table from parquet (typed) or delimited text (all cells are text, empty cells are missing).

    Parameters
    ----------
    file : Path or binary file
    name : str
        The name of the file in error messages; by default that of the path.
    limits : TableLimits
        By default `constants.table_limits()`.

    Raises
    ------
    TableError
        If the file cannot be read, is not a table, or exceeds the limits.
    """
    name, limits = name or (file.name if isinstance(file, Path) else "The table"), limits or table_limits()
    try:
        stream: BinaryIO = io.BytesIO(_read_table_bytes(file, name, limits))
        beginning = stream.read(4)
        stream.seek(0)
        for magic, what in UNSUPPORTED_SIGNATURES.items():
            if beginning.startswith(magic):
                raise TableError(f"it is {what}; save the table as CSV or parquet")
        return (read_parquet if beginning == PARQUET_SIGNATURE else read_delimited)(stream, limits)
    except TableError as error:
        raise TableError(f"{name} cannot be read: {error}.") from error


def _read_table_bytes(file: Path | BinaryIO, name: str, limits: TableLimits) -> bytes:
    try:
        if isinstance(file, Path):
            if not file.is_file():
                raise TableError("the file does not exist")
            with file.open("rb") as opened:
                data = opened.read(limits.file_bytes + 1)
        else:
            data = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise TableError(error.strerror or "the system denied access") from error
    if len(data) > limits.file_bytes:
        raise TableError(f"it has over {limits.file_bytes // 2**20:,} MB, the maximum size of a table")
    if not data:
        raise TableError("it is empty")
    return data
