"""The card of a model as it lies on disk, read without torch: whole and of the right shape, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from personality.modalities import MODALITIES
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from personality.utils.legacy_names import current_json
from personality.utils.untrusted_files import (
    Check,
    DamagedFile,
    is_count,
    is_figure,
    is_number,
    is_object,
    is_text,
    read_json,
    wrong_with,
)

LEVELS = tuple(range(0, 101, 5))  # percentiles of the training labels that a card stores
CARD = "card.json"
SAID = 200  # characters of what a card says that are said again
UNSEEN = ("accuracy", "low", "high", "mean_baseline", "r2")


def _is_per_trait(count: int) -> Check:
    """A check that a value maps traits to so many numbers each."""

    def is_list(value: Any) -> bool:
        return isinstance(value, list) and len(value) == count and all(map(is_number, value))

    return is_object({}, dict.fromkeys(TRAIT_NAMES, is_list))


def _is_measured(value: Any) -> bool:
    """Whether it maps traits to figures, which may be None."""
    named = isinstance(value, dict) and set(value) <= set(TRAIT_LABELS)
    return named and all(
        isinstance(cells, dict) and all(cell is None or is_figure(cell) for cell in cells.values())
        for cells in value.values()
    )


NEEDED = {
    **dict.fromkeys(("modality", "preset"), is_text),
    "data": is_object({"synthetic": lambda value: isinstance(value, bool)}, {"name": is_text}),
    "licence": is_text,
}
KNOWN = {
    "not_for": is_text,
    "training_clips": is_count,
    "trained_on": is_object({}, {"people": is_text, "text": is_text}),
    "metrics": is_object({"n": is_count, "sources": is_count, "traits": _is_measured}),
    "unseen": is_object({"n": is_count, **dict.fromkeys(UNSEEN, is_number)}),
    "training_labels": _is_per_trait(len(LEVELS)),
    **dict.fromkeys(("conformal", "residuals"), _is_per_trait(2)),
}


def read_model_card(folder: Path) -> dict[str, Any]:
    """The card of the model in a folder, with the present names of traits. Raises DamagedFile where it is missing or
    says something that cannot be."""
    card = current_json(read_json(folder / CARD, dict))
    if wrong := wrong_with(card, NEEDED, KNOWN):
        raise DamagedFile(f"{folder / CARD} is damaged: {wrong}.")
    if card["modality"] not in MODALITIES:
        found, known = repr(card["modality"])[:SAID], ", ".join(MODALITIES)
        raise DamagedFile(f"The modality of {folder.name} is {found}; wanted one of {known}.")
    return card
