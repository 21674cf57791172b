"""Real people's labels with the tables of features that the recipe of the real models reads."""

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
from personality.models.network import Batch, Network
from personality.preprocessing.feature_tables import read_table_files
from personality.preprocessing.text_features import describe
from personality.traits import TRAIT_NAMES

VOICE, TEXT = "voice_descriptors", "text"  # names of the tables
DESCRIPTORS, TRANSCRIPTS = "audio_features/*.csv", "transcription_*.pkl"


@dataclass(frozen=True)
class People:
    """Labelled clips (a DataFrame with clip, source, split and the five traits) and, row by row the same clips, tables
    of features by name."""

    clips: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @property
    def labels(self) -> Tensor:
        """float32 (N, 5), in [0, 1]."""
        return torch.from_numpy(self.clips[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))

    @property
    def sources(self) -> np.ndarray:
        """The source video of each clip (N,)."""
        return self.clips["source"].to_numpy()

    @property
    def batch(self) -> Batch:
        """All clips as networks read them."""
        tensors = {name: torch.from_numpy(table.to_numpy(np.float32, copy=True)) for name, table in self.tables.items()}
        return Batch(tables=tensors)

    def columns(self, table: str) -> tuple[str, ...]:
        """The names of a table's columns."""
        return tuple(map(str, self.tables[table].columns))

    def where(self, chosen: np.ndarray) -> People:
        """Some of the clips, by a mask bool (N,)."""
        tables = {name: table[chosen] for name, table in self.tables.items()}
        return People(self.clips[chosen].reset_index(drop=True), tables)

    def with_table(self, name: str, values: np.ndarray) -> People:
        """The same clips with other values (N, D) in a table."""
        table = pd.DataFrame(values, self.tables[name].index, self.tables[name].columns)
        return People(self.clips, self.tables | {name: table})

    def split(self, name: str) -> People:
        """The clips of one split."""
        return self.where(self.clips["split"].eq(name).to_numpy())


@dataclass(frozen=True)
class FirstImpressions:
    """name and fingerprint of the dataset, its clips as `load_dataset` gives them, and those with all features."""

    name: str
    fingerprint: str
    clips: pd.DataFrame
    people: People

    def labels(self, split: str) -> pd.DataFrame:
        """The five traits of all labelled clips of a split, those without features included."""
        return self.clips.loc[self.clips["split"].eq(split), list(TRAIT_NAMES)].dropna()


def read_first_impressions(folder: Path) -> FirstImpressions:
    """Read labels, voice descriptors and transcripts of First Impressions.

    Parameters
    ----------
    folder : Path
        Holds, at any depth, `annotation_*.pkl`, `transcription_*.pkl` and the CSV files of voice descriptors in a
        folder `audio_features`.

    Returns
    -------
    FirstImpressions
        Its `people` are the labelled clips that have voice descriptors and a transcript.

    Raises
    ------
    ValueError
        A kind of file is missing, or cannot be read.
    """
    dataset = load_dataset(folder)
    texts = dict(chain(*(read_transcription(path).items() for path in _files(folder, TRANSCRIPTS))))
    tables = {VOICE: read_table_files(_files(folder, DESCRIPTORS))}
    labelled = dataset.table.dropna(subset=list(TRAIT_NAMES))
    chosen = labelled[labelled["clip"].isin(tables[VOICE].index) & labelled["clip"].isin(texts)].reset_index(drop=True)
    if chosen.empty:
        raise ValueError(f"No labelled clip of {folder} has both voice descriptors and a transcript.")
    tables[TEXT] = describe({clip: texts[clip] for clip in chosen["clip"]})
    aligned = {name: table.loc[chosen["clip"]].astype(np.float32) for name, table in tables.items()}
    return FirstImpressions(dataset.name, dataset.fingerprint, dataset.table, People(chosen, aligned))


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.rglob(pattern))
    if not found:
        raise ValueError(f"{folder} has no {pattern}; the real models are trained on it.")
    return found


def predict(network: Network, people: People) -> np.ndarray:
    """Five traits (N, 5) in [0, 1] of each clip."""
    with torch.inference_mode():
        return network(people.batch).numpy()
