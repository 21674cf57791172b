"""Read and check the card of a model, without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from personality.modalities import MODALITIES
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from personality.utils.legacy_names import rename_legacy_json
from personality.utils.untrusted_files import (
    DamagedFileError,
    ValueCheck,
    find_schema_error,
    is_count,
    is_number,
    is_number_or_nan,
    is_text,
    make_object_check,
    read_json,
)

LABEL_PERCENTILES = tuple(range(0, 101, 5))  # percentiles of the training labels that a card stores
MODEL_CARD_FILE = "card.json"
MODEL_WEIGHTS_FILE = "model.safetensors"
MAX_QUOTED_CARD_CHARS = 200  # maximum characters of a card's value in an error message
UNSEEN_FIGURE_KEYS = ("accuracy", "low", "high", "mean_baseline", "r2")


def _is_per_trait(count: int) -> ValueCheck:
    """Make a check that a value maps each trait to `count` numbers."""

    def is_list(value: Any) -> bool:
        return isinstance(value, list) and len(value) == count and all(map(is_number, value))

    return make_object_check({}, dict.fromkeys(TRAIT_NAMES, is_list))


def _is_figures_by_trait(value: Any) -> bool:
    """Whether a value maps traits to figures, which may be None."""
    named = isinstance(value, dict) and set(value) <= set(TRAIT_LABELS)
    return named and all(
        isinstance(cells, dict) and all(cell is None or is_number_or_nan(cell) for cell in cells.values())
        for cells in value.values()
    )


REQUIRED_CARD_CHECKS = {
    **dict.fromkeys(("modality", "preset"), is_text),
    "data": make_object_check({"synthetic": lambda value: isinstance(value, bool)}, {"name": is_text}),
    "licence": is_text,
}
OPTIONAL_CARD_CHECKS = {
    "not_for": is_text,
    "training_clips": is_count,
    "trained_on": make_object_check({}, {"people": is_text, "text": is_text}),
    "metrics": make_object_check({"n": is_count, "sources": is_count, "traits": _is_figures_by_trait}),
    "unseen": make_object_check({"n": is_count, **dict.fromkeys(UNSEEN_FIGURE_KEYS, is_number)}),
    "training_labels": _is_per_trait(len(LABEL_PERCENTILES)),
    **dict.fromkeys(("conformal", "residuals"), _is_per_trait(2)),
}


def read_model_card(folder: Path) -> dict[str, Any]:
    """Read the card of the model in a folder, with current trait names. Raises DamagedFileError if it is missing or
    invalid."""
    card = rename_legacy_json(read_json(folder / MODEL_CARD_FILE, dict))
    if wrong := find_schema_error(card, REQUIRED_CARD_CHECKS, OPTIONAL_CARD_CHECKS):
        raise DamagedFileError(f"{folder / MODEL_CARD_FILE} is damaged: {wrong}.")
    if card["modality"] not in MODALITIES:
        found, known = repr(card["modality"])[:MAX_QUOTED_CARD_CHARS], ", ".join(MODALITIES)
        raise DamagedFileError(f"The modality of {folder.name} is {found}; expected one of {known}.")
    return card
