"""Timeline of a clip: the predictions of each model for a sliding window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.constants import PREPROCESSING
from personality.preprocessing.attributes import summarise_emotions
from personality.preprocessing.sample import Sample

if TYPE_CHECKING:
    from personality.models.checkpoint import Model

TIMELINE_STEP_SECONDS = 2.5  # seconds; maximum distance between the starts of two windows
TIMELINE_WINDOW_SECONDS = PREPROCESSING.audio_seconds


def split_into_windows(sample: Sample) -> list[tuple[float, Sample]]:
    """Split a clip into evenly spaced windows of 5 s.

    Parameters
    ----------
    sample : Sample
        The clip.

    Returns
    -------
    list of (float, Sample)
        Start in seconds and content of at least one window; starts are at most 2.5 s apart. Faces, sound and emotions
        are those of the window; age and gender are those of the clip.
    """
    rate, sound = PREPROCESSING.sample_rate, np.concatenate([sample.audio, sample.rest])
    sound_samples = round(sample.audio_seconds * rate) + len(sample.rest)
    last = max(0.0, sample.duration - TIMELINE_WINDOW_SECONDS)
    parts = []
    for start in np.linspace(0, last, math.ceil(last / TIMELINE_STEP_SECONDS) + 1):
        first = round(float(start) * rate)
        audio = sound[first : first + PREPROCESSING.samples]
        in_window = (sample.times >= start) & (sample.times < start + TIMELINE_WINDOW_SECONDS)
        confidences = sample.emotion_confidences[in_window]
        part = replace(
            sample,
            faces=sample.faces[in_window],
            times=sample.times[in_window],
            boxes=sample.boxes[in_window],
            scores=sample.scores[in_window],
            audio=np.pad(audio, (0, PREPROCESSING.samples - len(audio))),
            audio_seconds=min(max(sound_samples - first, 0), PREPROCESSING.samples) / rate,
            rest=sample.rest[:0],
            emotions=summarise_emotions(confidences).histogram,
            emotion_confidences=confidences,
        )
        parts.append((float(start), part))
    return parts


def predict_timeline(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Predict from each window of a clip.

    Parameters
    ----------
    sample : Sample
        The clip.
    models : sequence of Model
        Models of feature tables are skipped, because the tables describe the whole clip.

    Returns
    -------
    DataFrame
        Columns model, trait, time (center of the window in seconds), value; windows from which a model cannot predict
        are omitted.
    """
    from personality.inference.predict import Impression, predict_impressions

    without_tables = [model for model in models if not model.network.needs.tables]
    rows = [
        {
            "model": impression.model,
            "trait": trait,
            "time": start + min(TIMELINE_WINDOW_SECONDS, sample.duration) / 2,
            "value": value,
        }
        for start, part in split_into_windows(sample)
        for impression in predict_impressions(part, without_tables)
        if isinstance(impression, Impression)
        for trait, value in impression.traits.items()
    ]
    return pd.DataFrame(rows, columns=["model", "trait", "time", "value"])
