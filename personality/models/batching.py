"""Convert Samples and rows of a cache to batches of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain
from operator import or_

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from personality.constants import PREPROCESSING
from personality.models.clip_features import explain_missing_row, make_sample_row
from personality.models.network import Batch, Needs
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.sample import EMPTY_SAMPLE, Sample, pick_face_crops
from personality.preprocessing.speech import explain_missing_sound
from personality.traits import GENDERS

PREDICTION_BATCH_CLIPS = 4  # clips per batch in prediction; larger batches use more memory and are not faster
AGE_CENTRE, AGE_SCALE = 35.0, 15.0  # years: handcrafted age is (age - 35) / 15


def encode_handcrafted(emotions: np.ndarray, gender: str | None, age: float | None) -> np.ndarray:
    """Encode the thesis's handcrafted features.

    Parameters
    ----------
    emotions : ndarray, float32 (7,)
        Emotion histogram.
    gender : str or None
        One of GENDERS; None if unknown.
    age : float or None
        Years; None or NaN if unknown, which is encoded as AGE_CENTRE.

    Returns
    -------
    ndarray, float32 (9,)
        The histogram, the gender (male -1, female 1, unknown 0) and the age, standardised.
    """
    gender_code = {GENDERS[0]: -1.0, GENDERS[1]: 1.0}.get(gender or "", 0.0)
    years = 0.0 if age is None or np.isnan(age) else (age - AGE_CENTRE) / AGE_SCALE
    return np.array([*emotions, gender_code, years], np.float32)


def make_batch(
    samples: Sequence[Sample],
    frames: int,
    seconds: float = PREPROCESSING.audio_seconds,
    tables: frozenset[tuple[str, tuple[str, ...]]] = frozenset(),
) -> Batch:
    """Make a batch of clips.

    Parameters
    ----------
    samples : sequence of Sample
        B clips.
    frames : int
        Face crops per clip.
    seconds : float
        Length of sound per clip, from its start.
    tables : frozenset of (str, tuple of str)
        Required feature tables with their columns, as in `Needs`.

    Returns
    -------
    Batch
        `faces` is None if no clip has a face.
    """
    count = round(seconds * PREPROCESSING.sample_rate)
    sounds = [np.concatenate([sample.audio, sample.rest])[:count] for sample in samples]
    audio = torch.from_numpy(np.stack([np.pad(sound, (0, count - len(sound))) for sound in sounds]))
    handcrafted = np.stack([encode_handcrafted(sample.emotions, sample.gender, sample.age) for sample in samples])
    has_face = torch.tensor([len(sample.faces) > 0 for sample in samples])
    lengths = torch.tensor([_count_sound_samples(sample) for sample in samples]).clamp(max=count)
    faces = None
    if has_face.any():
        stacked = np.stack([pick_face_crops(sample.faces, frames) for sample in samples])
        faces = torch.from_numpy(stacked).permute(0, 1, 4, 2, 3)  # the memory layout remains channels-last
    rows, rows_present = _make_table_rows(samples, tables)
    present = {"audio": lengths > 0, "faces": has_face, **rows_present}
    return Batch(audio, faces, torch.from_numpy(handcrafted), rows, present, lengths)


def _make_table_rows(
    samples: Sequence[Sample], tables: frozenset[tuple[str, tuple[str, ...]]]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """By table: rows, float32 (B, D), and which clips have a row, bool (B,)."""
    rows, present = {}, {}
    for name, columns in tables:
        rows[name] = torch.from_numpy(np.stack([make_sample_row(name, columns, sample) for sample in samples]))
        present[name] = torch.tensor([not explain_missing_row(name, sample) for sample in samples])
    return rows, present


def _count_sound_samples(sample: Sample) -> int:
    """Number of samples of sound of a clip."""
    return round(sample.audio_seconds * PREPROCESSING.sample_rate) + len(sample.rest)


def explain_missing_inputs(needs: Needs, sample: Sample) -> list[str]:
    """Why a model with these needs cannot predict from a sample; empty if it can."""
    if needs.alternatives:
        each = [explain_missing_inputs(one, sample) for one in needs.alternatives]
        return list(dict.fromkeys(chain(*each))) if all(each) else []
    missing = {
        "faces": "" if len(sample.faces) else "no face was found",
        "audio": explain_missing_sound(sample, needs.seconds),
    }
    reasons = [why for name, why in missing.items() if why and name in needs.inputs]
    return reasons + [why for name, _ in sorted(needs.tables) if (why := explain_missing_row(name, sample))]


def can_predict(cache: Cache, rows: pd.DataFrame, needs: Needs) -> pd.Series:
    """Which rows of a cache's clips include all inputs that a model needs.

    Parameters
    ----------
    cache : Cache
        A finished cache.
    rows : DataFrame
        Rows of `cache.clips`.
    needs : Needs
        Inputs of the model.

    Returns
    -------
    Series of bool
        With the index of `rows`.

    Raises
    ------
    CacheError
        The cache does not include a table, one of its columns, or the sound after the first 5 s.
    """
    if needs.alternatives:
        return reduce(or_, (can_predict(cache, rows, one) for one in needs.alternatives))
    predictable = pd.Series(True, rows.index)
    if "faces" in needs.inputs:
        predictable &= rows["faces"] > 0
    if "audio" in needs.inputs:
        predictable &= rows["audio_seconds"] > 0
        if needs.seconds > PREPROCESSING.audio_seconds and not cache.has_whole_sound:
            raise CacheError(
                f"The model reads {needs.seconds:g} s of sound and {cache.folder} includes "
                f"{PREPROCESSING.audio_seconds:g} s; run `preprocess --whole-sound --remake` to include all of it."
            )
    for name, columns in needs.tables:
        table = cache.table(name)
        missing = [column for column in columns if column not in table]
        if missing:
            raise CacheError(f"The table {name} of {cache.folder} has no column {missing[0]}, which the model reads.")
        predictable &= rows["clip"].isin(table.index)
    return predictable


def read_batch(cache: Cache, rows: pd.DataFrame, needs: Needs, frames: int) -> Batch:
    """Read a batch from a cache.

    Parameters
    ----------
    cache : Cache
        A finished cache.
    rows : DataFrame
        Rows of `cache.clips`.
    needs : Needs
        The inputs to read.
    frames : int
        Face crops per clip.

    Returns
    -------
    Batch
        `audio`, `faces` and `handcrafted` are None if only tables are required.
    """
    tables, present = read_feature_rows(cache, rows, needs)
    if not needs.inputs:
        return Batch(tables=tables, present=present)
    crops = None if "faces" in needs.inputs else np.zeros(0, int)
    batch = make_batch([read_row_sample(cache, row, crops) for _, row in rows.iterrows()], frames, needs.seconds)
    return replace(batch, tables=tables, present=batch.present | present)


def read_row_sample(cache: Cache, row: pd.Series, crops: np.ndarray | None) -> Sample:
    """Read the Sample of a row.

    Parameters
    ----------
    cache : Cache
        A finished cache.
    row : Series
        A row of `cache.clips`.
    crops : ndarray of int or None
        Indices of the face crops to read; None reads all.

    Returns
    -------
    Sample
        EMPTY_SAMPLE if the clip has neither face nor sound, so that networks that also read tables can predict.
    """
    return cache.sample(row, crops) if row["faces"] or row["audio_seconds"] else EMPTY_SAMPLE


def read_feature_rows(cache: Cache, rows: pd.DataFrame, needs: Needs) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Read the rows of the required tables for some clips of a cache.

    Returns
    -------
    tables : dict of str to Tensor, float32 (B, D)
        By table; zeros for clips without a row.
    present : dict of str to Tensor, bool (B,)
        By table, which clips have a row without missing values.
    """
    tables, present = {}, {}
    for name, columns in needs.tables:
        found = cache.table(name)[list(columns)].reindex(rows["clip"])
        tables[name] = torch.from_numpy(found.fillna(0).to_numpy(np.float32, copy=True))
        present[name] = torch.from_numpy(found.notna().all(axis=1).to_numpy(copy=True))
    return tables, present
