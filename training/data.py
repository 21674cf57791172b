"""Batches for the training loop, from a cache: features computed once, or frames drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from personality.models.inputs import make_batch, read_batch, speakable
from personality.models.network import Batch, Needs, Network
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from training.config import Config

EVALUATION_BATCH = 4  # clips; more would only take more memory


class TrainingError(ValueError):
    """A run that cannot start or go on; the message is one sentence."""


@dataclass(frozen=True)
class Split:
    """The clips of a split on which a network can speak: their rows in the cache's table and labels float32 (N, 5)."""

    rows: pd.DataFrame
    labels: Tensor
    left_out: int

    @property
    def sources(self) -> np.ndarray:
        """The source of each clip."""
        return self.rows["source"].to_numpy()


def read_split(cache: Cache, split: str, needs: Needs) -> Split:
    """The clips of a split on which a network of these needs can speak. Raises TrainingError where there is none."""
    rows = cache.rows(split)
    kept = rows[speakable(cache, rows, needs)].reset_index(drop=True)
    if kept.empty:
        wanted = " and ".join([*sorted(needs.inputs), *(f"a row in the table {name}" for name, _ in needs.tables)])
        raise TrainingError(f"The split {split} of {cache.folder} has no clip with labels and {wanted}.")
    labels = torch.from_numpy(kept[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))
    return Split(kept, labels, len(rows) - len(kept))


@torch.no_grad()
def compute_features(network: Network, cache: Cache, split: Split, frames: int, device: torch.device) -> Tensor:
    """What the network's head takes, for each clip of the split (N, ...), with `frames` evenly spread crops."""
    network.eval()
    parts = []
    size = EVALUATION_BATCH if network.needs.inputs else len(split.rows)
    for start in range(0, len(split.rows), size):
        batch = read_batch(cache, split.rows.iloc[start : start + size], network.needs, frames)
        parts.append(network.features(batch.to(device)).cpu())
    return torch.cat(parts)


class Clips(Dataset):
    """Clips with frames drawn anew: an item is the tensors of one clip and its labels.

    The draw depends on seed, epoch and clip alone, so an epoch is the same however often it is begun.
    """

    def __init__(
        self,
        cache: Cache,
        split: Split,
        config: Config,
        *,
        frames: int,
        epoch: int | None = None,
        tables: frozenset[tuple[str, tuple[str, ...]]] = frozenset(),
    ) -> None:
        """epoch: whose draw of frames it is; None takes evenly spread ones, as evaluation does. tables: of features,
        that are read beside the samples."""
        self.tables = tables
        self.cache, self.split, self.config, self.frames, self.epoch = cache, split, config, frames, epoch

    def __len__(self) -> int:
        return len(self.split.rows)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], Tensor]:
        sample = self.cache.sample(self.split.rows.iloc[index])
        if self.epoch is not None and len(sample.faces):
            random = np.random.default_rng((self.config.seed, self.epoch, index))
            chosen = np.sort(random.choice(len(sample.faces), min(self.frames, len(sample.faces)), replace=False))
            faces = sample.faces[chosen]
            sample = replace(sample, faces=faces[:, :, ::-1] if random.random() < 0.5 else faces)
        batch = make_batch([sample], self.frames)
        tensors = {"audio": batch.audio, "faces": batch.faces, "handcrafted": batch.handcrafted}
        known = {name: tensor[0] for name, tensor in tensors.items() if tensor is not None}
        tables = read_batch(self.cache, self.split.rows.iloc[[index]], Needs(tables=self.tables), self.frames).tables
        return {**known, "tables": {name: table[0] for name, table in tables.items()}}, self.split.labels[index]


def clip_batches(clips: Clips, order: Tensor, size: int, device: torch.device) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of `size` whole clips in the given order, prepared by one process beside the training."""
    cv2.setNumThreads(0)  # OpenCV's threads do not survive the fork of the loader
    batches = [part.tolist() for part in order.split(size)]
    loader = DataLoader(clips, batch_sampler=batches, num_workers=1, prefetch_factor=4, multiprocessing_context="fork")
    for tensors, labels in loader:
        yield Batch(**tensors).to(device), labels.to(device)
