"""Files with the trait name of versions before 0.2, `neuroticism`: read under the name it has now."""

from __future__ import annotations

from typing import Any

import pandas as pd

# First Impressions' key; it holds the opposite of what it is called, and versions before 0.2 wrote it everywhere.
LEGACY_TRAIT, CURRENT_TRAIT = "neuroticism", "emotional_stability"


def rename_legacy_trait(name: str) -> str:
    """The present name of a trait."""
    return CURRENT_TRAIT if name == LEGACY_TRAIT else name


def first_impressions_key(trait: str) -> str:
    """What First Impressions' label files call a trait."""
    return LEGACY_TRAIT if trait == CURRENT_TRAIT else trait


def rename_legacy_columns(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose traits are columns, with their present names."""
    return table if CURRENT_TRAIT in table else table.rename(columns={LEGACY_TRAIT: CURRENT_TRAIT})


def rename_legacy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose column `trait` holds names of traits, with their present names."""
    if "trait" not in table or not table["trait"].eq(LEGACY_TRAIT).any():
        return table
    return table.assign(trait=table["trait"].astype(object).replace(LEGACY_TRAIT, CURRENT_TRAIT))


def rename_legacy_json(value: Any) -> Any:
    """A card, or rows of metrics, with the present names of traits as keys and in lists."""
    if isinstance(value, dict):
        return {_rename_legacy_key(key): rename_legacy_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rename_legacy_trait(one) if isinstance(one, str) else rename_legacy_json(one) for one in value]
    return value


def _rename_legacy_key(key: str) -> str:
    return f"accuracy_{CURRENT_TRAIT}" if key == f"accuracy_{LEGACY_TRAIT}" else rename_legacy_trait(key)
