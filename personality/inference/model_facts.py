"""Facts about a model that accompany its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

UNNAMED_DATASET = "a dataset without a name"
REAL_PEOPLE, COMPUTER_MADE_PEOPLE = "real", "computer-made"


def get_model_facts(model: Model) -> dict[str, Any]:
    """The facts of a model, for JSON.

    Returns
    -------
    dict
        trained_on, a sentence; licence; sha256 of the weights; accuracy_unseen, 1 - mean absolute error (mean of five
        traits) on people it was not trained on; mean_unseen, the same of always predicting the training mean. The last
        two are None if the card has no such figures.
    """
    unseen = model.card.get("unseen") or {}
    return {
        "trained_on": describe_training_data(model.card),
        "licence": model.card["licence"],
        "sha256": model.sha256,
        "accuracy_unseen": unseen.get("accuracy"),
        "mean_unseen": unseen.get("mean_baseline"),
    }


def get_training_people(card: dict[str, Any]) -> str:
    """Return REAL_PEOPLE or COMPUTER_MADE_PEOPLE, depending on the training data of a model."""
    known = card.get("trained_on", {}).get("people")
    return known or (COMPUTER_MADE_PEOPLE if card["data"]["synthetic"] else REAL_PEOPLE)


def describe_training_data(card: dict[str, Any]) -> str:
    """The training data of a model as a sentence; cards of versions before 0.2 do not include one."""
    known = card.get("trained_on", {}).get("text")
    clips = (
        f"{card['training_clips']:,} clips of {card['data'].get('name', UNNAMED_DATASET)}"
        if "training_clips" in card
        else "a dataset"
    )
    return known or f"Trained on {get_training_people(card)} people: {clips}."
