"""Samples to tensors: the one place that knows both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from personality.models.network import Batch, Needs
from personality.preprocessing.cache import Cache, CacheError
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
        faces = torch.from_numpy(stacked).permute(0, 1, 4, 2, 3)  # as they lie, channels last
    return Batch(audio, faces, torch.from_numpy(extra))


def lacking(needs: Needs, sample: Sample) -> list[str]:
    """Why a model cannot speak on a video alone, in words; empty where it can."""
    absent = {"faces": len(sample.faces) == 0, "audio": sample.audio_seconds == 0}
    words = {"faces": "no face was found", "audio": "there is no sound"}
    reasons = [words[name] for name in absent if absent[name] and name in needs.inputs]
    return reasons + [f"it reads the table {name} beside the video" for name, _ in sorted(needs.tables)]


def speakable(cache: Cache, rows: pd.DataFrame, needs: Needs) -> pd.Series:
    """For each row of a cache's clips whether a model of these needs can speak on it.

    Raises CacheError where the cache lacks a table, or the table the columns that the model was trained on.
    """
    able = pd.Series(True, rows.index)
    if "faces" in needs.inputs:
        able &= rows["faces"] > 0
    if "audio" in needs.inputs:
        able &= rows["audio_seconds"] > 0
    for name, columns in needs.tables:
        table = cache.table(name)
        missing = [column for column in columns if column not in table]
        if missing:
            raise CacheError(f"The table {name} of {cache.folder} lacks the column {missing[0]} that the model reads.")
        able &= rows["clip"].isin(table.index)
    return able


def read_batch(cache: Cache, rows: pd.DataFrame, needs: Needs, frames: int) -> Batch:
    """The tensors of some rows of a cache's clips, which are all speakable: what the needs name, nothing else read."""
    tables = {
        name: torch.from_numpy(cache.table(name).loc[rows["clip"], list(columns)].to_numpy(np.float32, copy=True))
        for name, columns in needs.tables
    }
    if not needs.inputs:
        return Batch(tables=tables)
    crops = None if "faces" in needs.inputs else np.zeros(0, int)
    return replace(make_batch([cache.sample(row, crops) for _, row in rows.iterrows()], frames), tables=tables)
