"""Two clips compared: the difference of each trait, against what a new recording of the same clip changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from personality.inference.predict import Impression

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

# The largest change by another encoding, a second less at the start or end, or another microphone (an equaliser of
# 2 dB, a gain of 6 dB), as a share of the spread of a model's predictions: docs/real-data.md, Repeatability.
RECORDING_CHANGE_SPREADS = {"voice": 0.62, "words": 0.29, "voice_words": 0.43}


def compare_takes(first: Sequence[Impression], second: Sequence[Impression], models: Sequence[Model]) -> pd.DataFrame:
    """Compare the predictions for two clips.

    Parameters
    ----------
    first, second : sequence of Impression
        The predictions for each clip.
    models : sequence of Model
        The models that made them.

    Returns
    -------
    DataFrame
        A row per trait and model that predicted both: columns model, trait, first, second, difference (second minus
        first), margin (the largest change that a new recording of the same clip was measured to make; NaN if it was
        not measured for this model) and is_real (whether the difference is larger; False without a margin).
    """
    cards, seconds = {model.name: model.card for model in models}, {one.model: one for one in second}
    rows = [
        (one.model, trait, value, seconds[one.model].traits[trait], _margin(one.model, cards.get(one.model, {}), trait))
        for one in first
        if one.model in seconds
        for trait, value in one.traits.items()
    ]
    table = pd.DataFrame(rows, columns=["model", "trait", "first", "second", "margin"])
    table.insert(4, "difference", table["second"] - table["first"])
    return table.assign(is_real=table["difference"].abs() > table["margin"])


def _margin(model: str, card: dict, trait: str) -> float:
    share, spread = RECORDING_CHANGE_SPREADS.get(model), card.get("spread", {}).get(trait)
    return float("nan") if share is None or spread is None else share * spread
