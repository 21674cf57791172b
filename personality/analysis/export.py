"""Rows for other programs: every export says how its figures were made."""

from __future__ import annotations

import json

import pandas as pd

from personality.analysis.jackknife import CONFIDENCE_LEVEL, INTERVAL_METHOD

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")  # what begins a cell that a spreadsheet computes
EXPORT_METHOD = {"method": INTERVAL_METHOD, "level": CONFIDENCE_LEVEL}


def rows_to_csv(rows: pd.DataFrame) -> str:
    """Rows as CSV, each with the method and level of its intervals."""
    return rows_to_safe_csv(rows.assign(**EXPORT_METHOD))


def rows_to_safe_csv(rows: pd.DataFrame) -> str:
    """Rows as CSV in which no text is a formula to a spreadsheet: one that begins as such has an apostrophe before it.
    Numbers are as they are."""
    texts = rows.select_dtypes(exclude=["number", "bool"])
    return rows.assign(**{name: texts[name].map(_escape_formula) for name in texts}).to_csv(index=False)


def _escape_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = value.replace("\r", " ")  # pandas does not quote it, and spreadsheets begin a row there
    return f"'{line}" if value.startswith(FORMULA_PREFIXES) else line


def rows_to_json(rows: pd.DataFrame) -> str:
    """An object of method, level and `rows`; what is no number is null."""
    return json.dumps({**EXPORT_METHOD, "rows": rows_to_records(rows)}, indent=1)


def rows_to_records(rows: pd.DataFrame) -> list[dict]:
    """Rows as objects. NaN is no JSON: a figure that does not exist is null."""
    return [{key: None if value != value else value for key, value in row.items()} for row in rows.to_dict("records")]
