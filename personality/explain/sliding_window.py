"""How an impression changes over a clip: every model on windows of it, one after the other."""

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

TIMELINE_STEP_SECONDS = 2.5  # seconds from one window to the next, at most
TIMELINE_WINDOW_SECONDS = PREPROCESSING.audio_seconds


def split_into_windows(sample: Sample) -> list[tuple[float, Sample]]:
    """Windows of 5 s as Samples of their own, each with the second at which it begins: evenly from the first to the
    last that fits, no more than 2.5 s apart; at least one.

    A window has the faces found in it, the sound heard in it and its own expressions; age and gender are the clip's.
    """
    rate, sound = PREPROCESSING.sample_rate, np.concatenate([sample.audio, sample.rest])
    heard = round(sample.audio_seconds * rate) + len(sample.rest)
    last = max(0.0, sample.duration - TIMELINE_WINDOW_SECONDS)
    parts = []
    for start in np.linspace(0, last, math.ceil(last / TIMELINE_STEP_SECONDS) + 1):
        begin = round(float(start) * rate)
        audio = sound[begin : begin + PREPROCESSING.samples]
        inside = (sample.times >= start) & (sample.times < start + TIMELINE_WINDOW_SECONDS)
        confidences = sample.emotion_confidences[inside]
        part = replace(
            sample,
            faces=sample.faces[inside],
            times=sample.times[inside],
            boxes=sample.boxes[inside],
            scores=sample.scores[inside],
            audio=np.pad(audio, (0, PREPROCESSING.samples - len(audio))),
            audio_seconds=min(max(heard - begin, 0), PREPROCESSING.samples) / rate,
            rest=sample.rest[:0],
            emotions=summarise_emotions(confidences).histogram,
            emotion_confidences=confidences,
        )
        parts.append((float(start), part))
    return parts


def predict_timeline(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """What each model predicts from each window: columns model, trait, time (the window's middle, seconds), value.

    Windows from which a model cannot predict are left out, and so are models of tables, which describe the whole clip.
    """
    from personality.inference.predict import Impression, predict_impressions

    moving = [model for model in models if not model.network.needs.tables]
    rows = [
        {
            "model": said.model,
            "trait": trait,
            "time": start + min(TIMELINE_WINDOW_SECONDS, sample.duration) / 2,
            "value": value,
        }
        for start, part in split_into_windows(sample)
        for said in predict_impressions(part, moving)
        if isinstance(said, Impression)
        for trait, value in said.traits.items()
    ]
    return pd.DataFrame(rows, columns=["model", "trait", "time", "value"])
