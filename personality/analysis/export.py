"""Rows for other programs: every export says how its figures were made."""

from __future__ import annotations

import json

import pandas as pd

from personality.analysis.jackknife import LEVEL, METHOD

MADE = {"method": METHOD, "level": LEVEL}


def as_csv(rows: pd.DataFrame) -> str:
    """Rows as CSV, each with the method and level of its intervals."""
    return rows.assign(**MADE).to_csv(index=False)


def as_json(rows: pd.DataFrame) -> str:
    """An object of method, level and `rows`; what is no number is null."""
    return json.dumps({**MADE, "rows": plain(rows)}, indent=1)


def plain(rows: pd.DataFrame) -> list[dict]:
    """Rows as objects. NaN is no JSON: a figure that does not exist is null."""
    return [{key: None if value != value else value for key, value in row.items()} for row in rows.to_dict("records")]
