"""Labels of real people with the feature tables that the real models are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from personality.dataset import load_dataset
from personality.dataset.safe_pickle import read_transcription
from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.network import Batch, Network
from personality.preprocessing.feature_tables import read_table_files
from personality.preprocessing.text_features import compute_text_features
from personality.traits import TRAIT_NAMES

DESCRIPTORS_PATTERN, TRANSCRIPTS_PATTERN = "audio_features/*.csv", "transcription_*.pkl"


@dataclass(frozen=True)
class ClipsWithFeatures:
    """Labelled clips (columns clip, source, split and the five traits) and feature tables with the same rows."""

    clips: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @property
    def labels(self) -> Tensor:
        """The labels, float32 (N, 5), in [0, 1]."""
        return torch.from_numpy(self.clips[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))

    @property
    def sources(self) -> np.ndarray:
        """The source video of each clip, (N,)."""
        return self.clips["source"].to_numpy()

    @property
    def batch(self) -> Batch:
        """All clips as a batch."""
        tensors = {name: torch.from_numpy(table.to_numpy(np.float32, copy=True)) for name, table in self.tables.items()}
        return Batch(tables=tensors)

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns."""
        return tuple(map(str, self.tables[table].columns))

    def where(self, chosen: np.ndarray) -> ClipsWithFeatures:
        """Select clips by a mask, bool (N,)."""
        tables = {name: table[chosen] for name, table in self.tables.items()}
        return ClipsWithFeatures(self.clips[chosen].reset_index(drop=True), tables)

    def with_table(self, name: str, values: np.ndarray) -> ClipsWithFeatures:
        """Return the same clips with other values, (N, D), in a table."""
        table = pd.DataFrame(values, self.tables[name].index, self.tables[name].columns)
        return ClipsWithFeatures(self.clips, self.tables | {name: table})

    def split(self, name: str) -> ClipsWithFeatures:
        """Return the clips of one split."""
        return self.where(self.clips["split"].eq(name).to_numpy())


@dataclass(frozen=True)
class FirstImpressionsData:
    """First Impressions: name and fingerprint, its clips as returned by `load_dataset`, and those with all features."""

    name: str
    fingerprint: str
    clips: pd.DataFrame
    clips_with_features: ClipsWithFeatures

    def labels(self, split: str) -> pd.DataFrame:
        """Return the five traits of all labelled clips of a split, also of those without features."""
        return self.clips.loc[self.clips["split"].eq(split), list(TRAIT_NAMES)].dropna()


def read_real_training_data(folder: Path) -> FirstImpressionsData:
    """Read labels, voice descriptors and transcripts of First Impressions.

    Parameters
    ----------
    folder : Path
        A folder that contains, at any depth, `annotation_*.pkl`, `transcription_*.pkl` and the CSV files of voice
        descriptors in a folder `audio_features`.

    Returns
    -------
    FirstImpressionsData
        The data; `clips_with_features` are the labelled clips that have voice descriptors and a transcript.

    Raises
    ------
    ValueError
        If a kind of file is missing or cannot be read.
    """
    dataset = load_dataset(folder)
    texts = dict(chain(*(read_transcription(path).items() for path in _find_files(folder, TRANSCRIPTS_PATTERN))))
    tables = {VOICE_TABLE: read_table_files(_find_files(folder, DESCRIPTORS_PATTERN))}
    labelled = dataset.table.dropna(subset=list(TRAIT_NAMES))
    chosen = labelled[labelled["clip"].isin(tables[VOICE_TABLE].index) & labelled["clip"].isin(texts)].reset_index(
        drop=True
    )
    if chosen.empty:
        raise ValueError(f"No labelled clip of {folder} has both voice descriptors and a transcript.")
    tables[TEXT_TABLE] = compute_text_features({clip: texts[clip] for clip in chosen["clip"]})
    aligned = {name: table.loc[chosen["clip"]].astype(np.float32) for name, table in tables.items()}
    return FirstImpressionsData(dataset.name, dataset.fingerprint, dataset.table, ClipsWithFeatures(chosen, aligned))


def _find_files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.rglob(pattern))
    if not found:
        raise ValueError(f"{folder} has no {pattern}; the real models are trained on it.")
    return found


def predict_trait_array(network: Network, people: ClipsWithFeatures) -> np.ndarray:
    """Predict the five traits of each clip, (N, 5) in [0, 1]."""
    with torch.inference_mode():
        return network(people.batch).numpy()
