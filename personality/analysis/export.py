"""Export of result tables as CSV and JSON, with the method of their intervals."""

from __future__ import annotations

import json

import pandas as pd

from personality.analysis.jackknife import CONFIDENCE_LEVEL, INTERVAL_METHOD

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")  # first characters of cells that spreadsheets evaluate
EXPORT_METHOD = {"method": INTERVAL_METHOD, "level": CONFIDENCE_LEVEL}


def rows_to_csv(rows: pd.DataFrame) -> str:
    """Rows as CSV, with the method and level of the intervals in every row."""
    return rows_to_safe_csv(rows.assign(**EXPORT_METHOD))


def rows_to_safe_csv(rows: pd.DataFrame) -> str:
    """Rows as CSV without spreadsheet formulas: text that starts like one is prefixed with an apostrophe. Numbers are
    unchanged."""
    texts = rows.select_dtypes(exclude=["number", "bool"])
    return rows.assign(**{name: texts[name].map(_escape_formula) for name in texts}).to_csv(index=False)


def _escape_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = value.replace("\r", " ")  # pandas does not quote it, and spreadsheets start a new row there
    return f"'{line}" if value.startswith(FORMULA_PREFIXES) else line


def rows_to_json(rows: pd.DataFrame) -> str:
    """A JSON object with `method`, `level` and `rows`; NaN is null."""
    return json.dumps({**EXPORT_METHOD, "rows": rows_to_records(rows)}, indent=1)


def rows_to_records(rows: pd.DataFrame) -> list[dict]:
    """Rows as dictionaries. NaN is not valid JSON and becomes None."""
    return [{key: None if value != value else value for key, value in row.items()} for row in rows.to_dict("records")]
