"""Effect of each word or phrase: models that read words predict again without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from personality.modalities import TEXT_TABLE
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import with_speech
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import numpy as np

    from personality.models.checkpoint import Model
    from personality.preprocessing.speech_to_text import Segment

WORD_EFFECT_COLUMNS = ("model", "trait", "place", "text", "start", "end", "difference")


def leave_out_words(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of each word.

    Parameters
    ----------
    sample
        The clip, with its transcript.
    models
        Models that do not use words are skipped.

    Returns
    -------
    pandas.DataFrame
        Columns model, trait, place (0 is the first word), text (the word), start and end (of its phrase, in seconds),
        difference: the trait as predicted from all words minus the trait without this one. Empty if no model uses
        words, or fewer than two were recognized.
    """
    words = [replace(phrase, text=word) for phrase in _phrases(sample) for word in phrase.text.split()]
    return _leave_out_each(sample, models, words)


def leave_out_phrases(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of each phrase of the transcript, in the same form as `leave_out_words`."""
    return _leave_out_each(sample, models, _phrases(sample))


def _phrases(sample: Sample) -> Sequence[Segment]:
    return sample.transcript.segments if sample.transcript else ()


def _leave_out_each(sample: Sample, models: Sequence[Model], parts: Sequence[Segment]) -> pd.DataFrame:
    """Compute the effect of each word or phrase of `parts`, whose times are those of its phrase."""
    from personality.models.clip_features import requires_table

    reading = [model for model in models if requires_table(model.network.needs, TEXT_TABLE)]
    if len(parts) < 2 or not reading:
        return pd.DataFrame(columns=list(WORD_EFFECT_COLUMNS))
    sample = with_speech(sample)  # for models that also use the voice
    words = [part.text for part in parts]
    texts = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))]
    rows = [
        (model.name, trait, place, part.text, part.start, part.end, float(moved[place, number]))
        for model in reading
        for moved in [_predict_without_words(sample, model, texts)]
        for number, trait in enumerate(TRAIT_NAMES)
        for place, part in enumerate(parts)
    ]
    return pd.DataFrame(rows, columns=list(WORD_EFFECT_COLUMNS))


def _predict_without_words(sample: Sample, model: Model, texts: list[str]) -> np.ndarray:
    """Return the prediction from the whole transcript minus those from each of N texts, float32 (N, 5)."""
    import torch

    from personality.models.batching import make_batch
    from personality.preprocessing.text_features import compute_text_features

    needs = model.network.needs
    batch = make_batch([sample], 1, needs.seconds, needs.tables)
    columns = next(list(columns) for name, columns in needs.tables if name == TEXT_TABLE)
    table = compute_text_features({str(place): text for place, text in enumerate(texts)}, sample.duration)
    others = batch.repeated(len(texts))
    changed = replace(
        others, tables={**others.tables, TEXT_TABLE: torch.from_numpy(table[columns].to_numpy(copy=True))}
    )
    with torch.inference_mode():
        return (model.network(batch) - model.network(changed)).numpy()
