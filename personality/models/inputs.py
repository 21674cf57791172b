"""Samples to tensors: the one place that knows both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from personality.models.network import Batch
from personality.preprocessing.sample import Sample
from personality.traits import GENDERS

AGE_CENTRE, AGE_SCALE = 35.0, 15.0  # years: handcrafted age is (age - 35) / 15


def handcrafted(emotions: np.ndarray, gender: str | None, age: float | None) -> np.ndarray:
    """Nine numbers, float32 (9,): emotion histogram, gender (male -1, female 1, unknown 0), standardised age."""
    sex = {GENDERS[0]: -1.0, GENDERS[1]: 1.0}.get(gender or "", 0.0)
    years = 0.0 if age is None or np.isnan(age) else (age - AGE_CENTRE) / AGE_SCALE
    return np.array([*emotions, sex, years], np.float32)


def pick_frames(faces: np.ndarray, count: int) -> np.ndarray:
    """`count` of the crops (K, 224, 224, 3), spread evenly; some twice where there are fewer."""
    places = (np.arange(count) + 0.5) / count * len(faces)
    return faces[places.astype(int)]


def make_batch(samples: Sequence[Sample], frames: int) -> Batch:
    """The tensors of some clips, with `frames` crops each; faces are left out where a clip has none."""
    audio = torch.from_numpy(np.stack([sample.audio for sample in samples]))
    extra = np.stack([handcrafted(sample.emotions, sample.gender, sample.age) for sample in samples])
    faces = None
    if all(len(sample.faces) for sample in samples):
        stacked = np.stack([pick_frames(sample.faces, frames) for sample in samples])
        faces = torch.from_numpy(stacked).permute(0, 1, 4, 2, 3).contiguous()
    return Batch(audio, faces, torch.from_numpy(extra))


def can_speak(inputs: Sequence[str], sample: Sample) -> bool:
    """Whether a clip has what a model needs: a face for `faces`, sound for `audio`."""
    has = {"faces": len(sample.faces) > 0, "audio": sample.audio_seconds > 0}
    return all(has[name] for name in inputs)
