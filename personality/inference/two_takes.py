"""Compare two clips: the difference of each trait, relative to the effect of recording the same clip again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from personality.inference.predict import Impression

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

# Largest change due to another encoding, removal of a second at the start or end, or another microphone (simulated by
# an equalizer of 2 dB and a gain of 6 dB), relative to the spread of a model's predictions; see "Repeatability" in
# docs/real-data.md.
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
        A row per trait and model that predicted both clips: columns model, trait, first, second, difference (second
        minus first), margin (the largest measured effect of recording the same clip again; NaN if it was not measured
        for this model) and is_real (whether the difference is larger than the margin; False without one).
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
