"""Files with the trait name of versions before 0.2, `neuroticism`: read under the name it has now."""

from __future__ import annotations

from typing import Any

import pandas as pd

# First Impressions' key; it holds the opposite of what it is called, and versions before 0.2 wrote it everywhere.
OLD, CURRENT = "neuroticism", "emotional_stability"


def current_name(name: str) -> str:
    """The present name of a trait."""
    return CURRENT if name == OLD else name


def first_impressions_key(trait: str) -> str:
    """What First Impressions' label files call a trait."""
    return OLD if trait == CURRENT else trait


def current_columns(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose traits are columns, with their present names."""
    return table if CURRENT in table else table.rename(columns={OLD: CURRENT})


def current_rows(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose column `trait` holds names of traits, with their present names."""
    if "trait" not in table or not table["trait"].eq(OLD).any():
        return table
    return table.assign(trait=table["trait"].astype(object).replace(OLD, CURRENT))


def current_json(value: Any) -> Any:
    """A card, or rows of metrics, with the present names of traits as keys and in lists."""
    if isinstance(value, dict):
        return {_current_key(key): current_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [current_name(one) if isinstance(one, str) else current_json(one) for one in value]
    return value


def _current_key(key: str) -> str:
    return f"accuracy_{CURRENT}" if key == f"accuracy_{OLD}" else current_name(key)
