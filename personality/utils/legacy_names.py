"""Renaming of the trait `neuroticism` in files of versions before 0.2."""

from __future__ import annotations

from typing import Any

import pandas as pd

# First Impressions' key for what is emotional stability, used by versions before 0.2 in all files.
LEGACY_TRAIT, CURRENT_TRAIT = "neuroticism", "emotional_stability"


def rename_legacy_trait(name: str) -> str:
    """Return the current name of a trait."""
    return CURRENT_TRAIT if name == LEGACY_TRAIT else name


def first_impressions_key(trait: str) -> str:
    """Return the name of a trait in the label files of First Impressions."""
    return LEGACY_TRAIT if trait == CURRENT_TRAIT else trait


def rename_legacy_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Rename the trait in the columns of a table."""
    return table if CURRENT_TRAIT in table else table.rename(columns={LEGACY_TRAIT: CURRENT_TRAIT})


def rename_legacy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rename the trait in the column `trait` of a table."""
    if "trait" not in table or not table["trait"].eq(LEGACY_TRAIT).any():
        return table
    return table.assign(trait=table["trait"].astype(object).replace(LEGACY_TRAIT, CURRENT_TRAIT))


def rename_legacy_json(value: Any) -> Any:
    """Rename the trait in keys and lists of a card, or of rows of metrics."""
    if isinstance(value, dict):
        return {_rename_legacy_key(key): rename_legacy_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rename_legacy_trait(one) if isinstance(one, str) else rename_legacy_json(one) for one in value]
    return value


def _rename_legacy_key(key: str) -> str:
    return f"accuracy_{CURRENT_TRAIT}" if key == f"accuracy_{LEGACY_TRAIT}" else rename_legacy_trait(key)
