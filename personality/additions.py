"""What a modality adds: how far the traits move from the model without it to the model with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import pandas as pd

from personality.modalities import MODALITIES
from personality.predict import Impression

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

WORDS = {"audio": "sound", "visual": "faces", "handcrafted": "attributes"}


def additions(spoken: Sequence[Impression], models: Sequence[Model]) -> pd.DataFrame:
    """For every two models of which one takes one modality more than the other: columns change, trait, value (of the
    one that takes more), difference. Empty where no two models differ by one."""
    inputs = {model.name: _inputs(model.card["modality"]) for model in models}
    rows = []
    for less, more in permutations([one for one in spoken if inputs[one.model]], 2):
        added = inputs[more.model] - inputs[less.model]
        if len(added) == 1 and inputs[less.model] < inputs[more.model]:
            change = f"+ {WORDS[added.pop()]}: {more.model} − {less.model}"
            rows += [(change, trait, value, value - less.traits[trait]) for trait, value in more.traits.items()]
    return pd.DataFrame(rows, columns=["change", "trait", "value", "difference"])


def _inputs(modality: str) -> set[str]:
    """The single modalities that a modality joins; none of one that may join anything, or takes more than a video."""
    plan = MODALITIES[modality]
    if not plan.video:
        return set()
    return {*(plan.branches or (modality,)), *(["handcrafted"] if plan.handcrafted else [])}
