"""Contribution of a modality: the difference between the predictions of models with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import pandas as pd

from personality.inference.predict import Impression
from personality.modalities import TEXT_TABLE, VOICE_TABLE

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

MODEL_INPUT_LABELS = {
    "audio": "sound",
    "faces": "faces",
    "handcrafted": "attributes",
    VOICE_TABLE: "voice",
    TEXT_TABLE: "words",
}


def compute_modality_effects(answers: Sequence[Impression], models: Sequence[Model]) -> pd.DataFrame:
    """Compute the differences between the predictions of models that differ by one input.

    Parameters
    ----------
    answers : sequence of Impression
        Predictions of the models.
    models : sequence of Model
        The models, which include those of the predictions.

    Returns
    -------
    DataFrame
        Columns change, trait, value (of the model with more inputs), difference. Empty if no two models differ by
        exactly one input.
    """
    inputs = {model.name: _list_model_inputs(model) for model in models}
    rows = []
    for less, more in permutations(answers, 2):
        added = inputs[more.model] - inputs[less.model]
        if len(added) == 1 and inputs[less.model] < inputs[more.model]:
            (name,) = added
            change = f"+ {MODEL_INPUT_LABELS.get(name, name)}: {more.model} − {less.model}"
            rows += [(change, trait, value, value - less.traits[trait]) for trait, value in more.traits.items()]
    return pd.DataFrame(rows, columns=["change", "trait", "value", "difference"])


def _list_model_inputs(model: Model) -> set[str]:
    needs = model.network.needs
    return {*needs.inputs, *(name for name, _ in needs.tables)}
