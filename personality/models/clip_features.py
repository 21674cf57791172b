"""The tables of features that a clip itself gives: the descriptors of its voice, and the features of its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.network import Needs
from personality.preprocessing.sample import Sample
from personality.preprocessing.speech import explain_missing_voice, explain_missing_words
from personality.preprocessing.text_features import compute_text_features
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS, VOICE_WINDOW_SECONDS


@dataclass(frozen=True)
class _ClipTable:
    """missing: why a sample has no row of the table, empty where it has; row: its figures by column."""

    missing: Callable[[Sample], str]
    row: Callable[[Sample], pd.Series]


def _make_voice_row(sample: Sample) -> pd.Series:
    return pd.Series(sample.voice_descriptors, VOICE_DESCRIPTOR_COLUMNS)


def _make_text_row(sample: Sample) -> pd.Series:
    assert sample.transcript is not None
    return compute_text_features({"": sample.transcript.text}, sample.duration).iloc[0]


_CLIP_TABLES = {
    VOICE_TABLE: _ClipTable(explain_missing_voice, _make_voice_row),
    TEXT_TABLE: _ClipTable(explain_missing_words, _make_text_row),
}


def requires_table(needs: Needs, table: str) -> bool:
    """Whether a network reads a table."""
    return any(name == table for name, _ in needs.tables)


def required_sound_seconds(needs: Needs) -> float:
    """How much of a clip's sound a network is given, from the start; 0 for one that hears none."""
    of_descriptors = VOICE_WINDOW_SECONDS if requires_table(needs, VOICE_TABLE) else 0.0
    return max(needs.seconds if "audio" in needs.inputs else 0.0, of_descriptors)


def explain_missing_row(table: str, sample: Sample) -> str:
    """Why a sample has no row of a table; empty where it has."""
    return (
        _CLIP_TABLES[table].missing(sample) if table in _CLIP_TABLES else f"it reads the table {table} beside the video"
    )


def make_sample_row(table: str, columns: tuple[str, ...], sample: Sample) -> np.ndarray:
    """The sample's row of a table, float32 (D,), zeros where it has none.

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
