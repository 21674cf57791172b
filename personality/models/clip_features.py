"""The feature tables that are computed from a clip: voice descriptors, and features of the transcript."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.evolgen import EVOLGEN_COLUMNS, EVOLGEN_TABLE, compute_evolgen_sound
from personality.models.network import Needs
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import explain_missing_voice, explain_missing_words
from personality.preprocessing.text_features import compute_text_features
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS, VOICE_WINDOW_SECONDS


@dataclass(frozen=True)
class _ClipTable:
    """missing: why a sample has no row of the table, empty if it has one; row: its values by column."""

    missing: Callable[[Sample], str]
    row: Callable[[Sample], pd.Series]


def _make_voice_row(sample: Sample) -> pd.Series:
    return pd.Series(sample.voice_descriptors, VOICE_DESCRIPTOR_COLUMNS)


def _make_text_row(sample: Sample) -> pd.Series:
    assert sample.transcript is not None
    return compute_text_features({"": sample.transcript.text}, sample.duration).iloc[0]


def _explain_missing_evolgen(sample: Sample) -> str:
    return "" if compute_evolgen_sound(sample.sound) is not None else "the sound is too short"


def _make_evolgen_row(sample: Sample) -> pd.Series:
    return pd.Series(compute_evolgen_sound(sample.sound), EVOLGEN_COLUMNS)


_CLIP_TABLES = {
    EVOLGEN_TABLE: _ClipTable(_explain_missing_evolgen, _make_evolgen_row),
    VOICE_TABLE: _ClipTable(explain_missing_voice, _make_voice_row),
    TEXT_TABLE: _ClipTable(explain_missing_words, _make_text_row),
}


def requires_table(needs: Needs, table: str) -> bool:
    """Whether a network reads a table."""
    return any(name == table for name, _ in needs.tables)


def required_sound_seconds(needs: Needs) -> float:
    """Seconds of sound, from the start of the clip, that a network reads; 0 if it reads none."""
    of_descriptors = VOICE_WINDOW_SECONDS if requires_table(needs, VOICE_TABLE) else 0.0
    return max(needs.seconds if "audio" in needs.inputs else 0.0, of_descriptors)


def explain_missing_row(table: str, sample: Sample) -> str:
    """Why a sample has no row of a table; empty if it has one."""
    return (
        _CLIP_TABLES[table].missing(sample)
        if table in _CLIP_TABLES
        else f"the model reads the table {table}, which a video does not include"
    )


def make_sample_row(table: str, columns: tuple[str, ...], sample: Sample) -> np.ndarray:
    """The sample's row of a table, float32 (D,), zeros if it has none.

    Raises
    ------
    ValueError
        The network was trained on other columns than this version computes.
    """
    if explain_missing_row(table, sample):
        return np.zeros(len(columns), np.float32)
    row = _CLIP_TABLES[table].row(sample)
    unknown = [column for column in columns if column not in row.index]
    if unknown:
        raise ValueError(f"The model reads the column {unknown[0]} of {table}, which this version does not compute.")
    return row[list(columns)].to_numpy(np.float32)
