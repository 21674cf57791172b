"""Effect of each second of the voice: models that read voice descriptors predict again without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.modalities import VOICE_TABLE
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import with_speech
from personality.preprocessing.voice_descriptors import VOICE_HOP_SECONDS
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

LEFT_OUT_VOICE_SECONDS = 1.0  # seconds; length of an interval that is left out
VOICE_EFFECT_COLUMNS = ("model", "trait", "start", "end", "difference")


def leave_out_seconds(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of each second of the voice.

    The descriptors are means over time; one second is left out of them. It is not replaced by silence, because silence
    would change the descriptors too.

    Parameters
    ----------
    sample
        The clip, with `voice_frames` and, for models that use words, its transcript.
    models
        Models that do not use voice descriptors are skipped.

    Returns
    -------
    pandas.DataFrame
        Columns model, trait, start and end (seconds), difference: the trait without this second minus the trait with
        all of them, as in `occlusion.occlude_sound`. Empty if no model uses descriptors, or the voice is not longer
        than a second.
    """
    from personality.models.clip_features import requires_table

    reading = [model for model in models if requires_table(model.network.needs, VOICE_TABLE)]
    seconds = (np.arange(sample.voice_frames.shape[1]) * VOICE_HOP_SECONDS // LEFT_OUT_VOICE_SECONDS).astype(int)
    count = seconds.max(initial=-1) + 1
    if count < 2 or not reading:
        return pd.DataFrame(columns=list(VOICE_EFFECT_COLUMNS))
    sample = with_speech(sample)  # without it, descriptors do not describe a voice
    without = [sample.voice_frames[:, seconds != second].mean(1) for second in range(count)]
    end = len(seconds) * VOICE_HOP_SECONDS
    rows = [
        (
            model.name,
            trait,
            second * LEFT_OUT_VOICE_SECONDS,
            min((second + 1) * LEFT_OUT_VOICE_SECONDS, end),
            float(moved[second, number]),
        )
        for model in reading
        for moved in [_predict_without_seconds(sample, model, without)]
        for number, trait in enumerate(TRAIT_NAMES)
        for second in range(count)
    ]
    return pd.DataFrame(rows, columns=list(VOICE_EFFECT_COLUMNS))


def _predict_without_seconds(sample: Sample, model: Model, descriptors: list[np.ndarray]) -> np.ndarray:
    """Return the predictions from each of N descriptors minus those from the sample's descriptors, float32 (N, 5)."""
    import torch

    from personality.models.batching import make_batch

    needs, seconds = model.network.needs, model.network.needs.seconds
    others = [replace(sample, voice_descriptors=one) for one in descriptors]
    whole, changed = (make_batch(samples, 1, seconds, needs.tables) for samples in ([sample], others))
    with torch.inference_mode():
        return (model.network(changed) - model.network(whole)).numpy()
