"""Reading of delimited text with detection of the encoding and the delimiter."""

from __future__ import annotations

import codecs
import csv
import io
from typing import BinaryIO

import pandas as pd

from personality.constants import TableLimits
from personality.tables.columns import UNNAMED_COLUMN_PREFIX
from personality.tables.errors import TableError, check_table_size

BYTE_ORDER_MARKS = {  # UTF-32 first: its mark starts with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = ",;\t|"
DELIMITER_LINE_PREFIX = "sep="  # first line written by Excel, which specifies the delimiter
EMPTY_CELL_BYTES = 8  # memory of an empty cell


def read_delimited(file: BinaryIO, limits: TableLimits) -> pd.DataFrame:
    """Read a table with all cells as stripped text, None if empty; the first line is the header. Raises TableError if
    the file is not text, its rows do not match its header, or it exceeds the limits."""
    text = decode_text(file.read())
    delimiter, text = find_delimiter(text)
    header = _check_text_shape(text, delimiter, limits)
    how = {"dtype": str, "na_filter": False, "index_col": False, "skipinitialspace": True}
    try:
        table = pd.read_csv(io.StringIO(text), sep=delimiter, usecols=range(len(header)), **how)
    except (ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        raise TableError(
            f"its rows do not match its first line ({str(error).strip().splitlines()[-1][:120]})"
        ) from error
    if table.empty:
        raise TableError("it has a header but no rows")
    cells = {name: table.iloc[:, place].str.strip() for place, name in enumerate(header)}
    for name, column in cells.items():
        check_table_size(f"characters in a cell of {name[:60]}", int(column.str.len().max()), limits.characters)
    table = pd.DataFrame({name: column.where(column.ne("")) for name, column in cells.items()})
    return table.dropna(how="all").reset_index(drop=True)


def decode_text(data: bytes) -> str:
    """Decode text by its byte order mark, otherwise as UTF-8, UTF-16 without a mark, or Windows-1252."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:1000]:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        # Latin-1 decodes any byte, Windows-1252 nearly any.
        text = data.decode("latin-1") if encoding else data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise TableError("it is neither parquet nor text")
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff\n ")


def find_delimiter(text: str) -> tuple[str, str]:
    """The delimiter, and the text without a line that only specifies it.

    It is the delimiter that splits the first line into the most names, or a space if none occurs. `csv.Sniffer` is not
    used, because it mistakes decimal commas for delimiters.
    """
    first, _, rest = text.partition("\n")
    if first.strip().strip('"').lower().startswith(DELIMITER_LINE_PREFIX):
        named = first.strip().strip('"')[len(DELIMITER_LINE_PREFIX) :].replace("\\t", "\t")
        return named[:1] or "\t", rest
    best = max(DELIMITERS, key=lambda delimiter: len(_split_line(first, delimiter)))
    return (best if best in first or " " not in first.strip() else " "), text


def _split_line(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _check_text_shape(text: str, delimiter: str, limits: TableLimits) -> list[str]:
    """The names of the columns. Raises TableError if the table is too large, or a row is longer than the header."""
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        header = _parse_header(next(rows, []))
        lines = text.count("\n") + 1
        check_table_size("columns", len(header), limits.columns)
        check_table_size("rows", lines, limits.rows)
        check_table_size("cells", lines * len(header), limits.memory_bytes // EMPTY_CELL_BYTES)
        for row in rows:
            if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
                raise TableError(
                    f"its first line has {len(header)} columns, but line {rows.line_num} has {len(row)} cells; "
                    "with decimal commas, use another delimiter than a comma, such as ;"
                )
    except csv.Error as error:
        raise TableError(f"it is not delimited text ({error})") from error
    return header


def _parse_header(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    if not any(names):
        raise TableError("its first line has no column names")
    given = [name for name in names if name]
    if len(set(given)) < len(given):
        raise TableError(f"it has two columns named {max(given, key=given.count)[:60]}")
    return [name or f"{UNNAMED_COLUMN_PREFIX}{place}" for place, name in enumerate(names)]
