"""The feature tables that are computed from a clip: voice descriptors, features of the transcript, and encoders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from personality.constants import LIMITS, PREPROCESSING
from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.encoders.encoding import SOUND_KINDS, EncoderError, Encoding, name_columns, parse_table
from personality.models.encoders.load import load_encoder
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


def _make_encoder_table(encoding: Encoding) -> _ClipTable:
    """The features of a frozen encoder, which is loaded at the first clip."""

    def explain_missing(sample: Sample) -> str:
        try:
            return load_encoder(encoding).explain_missing(sample)
        except EncoderError as error:
            return str(error).rstrip(".")

    def make_row(sample: Sample) -> pd.Series:
        encoder = load_encoder(encoding)
        return pd.Series(encoder.encode([sample])[0].ravel(), name_columns(encoder.steps, encoder.size))

    return _ClipTable(explain_missing, make_row)


_CLIP_TABLES = {
    EVOLGEN_TABLE: _ClipTable(_explain_missing_evolgen, _make_evolgen_row),
    VOICE_TABLE: _ClipTable(explain_missing_voice, _make_voice_row),
    TEXT_TABLE: _ClipTable(explain_missing_words, _make_text_row),
}


def _find_clip_table(name: str) -> _ClipTable | None:
    """How a table is computed from a clip; None if it cannot be."""
    encoding = parse_table(name)
    return _CLIP_TABLES.get(name) if encoding is None else _make_encoder_table(encoding)


def requires_table(needs: Needs, table: str) -> bool:
    """Whether a network reads a table."""
    return any(name == table for name, _ in needs.tables)


def reads_words(needs: Needs) -> bool:
    """Whether a network reads the transcript: features of it, or an encoder of it."""
    return requires_table(needs, TEXT_TABLE) or any(encoding.reads_words for encoding in _encodings(needs))


def reads_faces(needs: Needs) -> bool:
    """Whether a network reads faces: their pictures, attributes that are estimated from them, or an encoder of them."""
    return bool(needs.inputs & {"faces", "handcrafted"}) or any(one.reads_faces for one in _encodings(needs))


def _encodings(needs: Needs) -> list[Encoding]:
    found = (parse_table(name) for name, _ in needs.tables)
    return [encoding for encoding in found if encoding is not None]


def required_sound_seconds(needs: Needs) -> float:
    """Seconds of sound, from the start of the clip, that a network reads; 0 if it reads none."""
    tables = [name for name, _ in needs.tables]
    of_tables = [VOICE_WINDOW_SECONDS if name == VOICE_TABLE else _encoded_sound_seconds(name) for name in tables]
    return max([needs.seconds if "audio" in needs.inputs else 0.0, *of_tables])


def _encoded_sound_seconds(table: str) -> float:
    """Seconds of sound that the encoder of a table reads; 0 if it reads none."""
    encoding = parse_table(table)
    if encoding is None or encoding.kind not in SOUND_KINDS:
        return 0.0
    return PREPROCESSING.audio_seconds if encoding.window else LIMITS.seconds


def explain_missing_row(table: str, sample: Sample) -> str:
    """Why a sample has no row of a table; empty if it has one."""
    found = _find_clip_table(table)
    return (
        f"the model reads the table {table}, which a video does not include" if found is None else found.missing(sample)
    )


def make_sample_row(table: str, columns: tuple[str, ...], sample: Sample) -> np.ndarray:
    """The sample's row of a table, float32 (D,), zeros if it has none.

    Raises
    ------
    ValueError
        The network was trained on other columns than this version computes.
    """
    found = _find_clip_table(table)
    if found is None or found.missing(sample):
        return np.zeros(len(columns), np.float32)
    row = found.row(sample)
    unknown = [column for column in columns if column not in row.index]
    if unknown:
        raise ValueError(f"The model reads the column {unknown[0]} of {table}, which this version does not compute.")
    return row[list(columns)].to_numpy(np.float32)
