"""Batches for the training loop, from a cache: features computed once, or frames drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from personality.modalities import MODALITIES
from personality.models.inputs import make_batch
from personality.models.network import Batch, Network
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from training.config import Config

EVALUATION_BATCH = 4  # clips; more would only take more memory


class TrainingError(ValueError):
    """A run that cannot start or go on; the message is one sentence."""


@dataclass(frozen=True)
class Split:
    """The clips of a split on which a modality can speak: their rows in the cache's table and labels float32 (N, 5)."""

    rows: pd.DataFrame
    labels: Tensor
    left_out: int

    @property
    def sources(self) -> np.ndarray:
        """The source of each clip."""
        return self.rows["source"].to_numpy()


def read_split(cache: Cache, split: str, modality: str) -> Split:
    """The usable clips of a split. Raises TrainingError where there is none."""
    rows = cache.rows(split)
    inputs = MODALITIES[modality].inputs
    usable = pd.Series(True, rows.index)
    if "faces" in inputs:
        usable &= rows["faces"] > 0
    if "audio" in inputs:
        usable &= rows["audio_seconds"] > 0
    kept = rows[usable].reset_index(drop=True)
    if kept.empty:
        raise TrainingError(f"The split {split} of {cache.folder} has no clip with labels and {' and '.join(inputs)}.")
    labels = torch.from_numpy(kept[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))
    return Split(kept, labels, len(rows) - len(kept))


@torch.no_grad()
def compute_features(network: Network, cache: Cache, split: Split, frames: int, device: torch.device) -> Tensor:
    """What the network's head takes, for each clip of the split (N, ...), with `frames` evenly spread crops."""
    network.eval()
    parts = []
    for start in range(0, len(split.rows), EVALUATION_BATCH):
        rows = split.rows.iloc[start : start + EVALUATION_BATCH]
        samples = [cache.sample(row) for _, row in rows.iterrows()]
        parts.append(network.features(make_batch(samples, frames).to(device)).cpu())
    return torch.cat(parts)


class Clips(Dataset):
    """Clips with frames drawn anew: an item is the tensors of one clip and its labels.

    The draw depends on seed, epoch and clip alone, so an epoch is the same however often it is begun.
    """

    def __init__(self, cache: Cache, split: Split, config: Config, *, frames: int, epoch: int | None = None) -> None:
        """epoch: whose draw of frames it is; None takes evenly spread ones, as evaluation does."""
        self.cache, self.split, self.config, self.frames, self.epoch = cache, split, config, frames, epoch

    def __len__(self) -> int:
        return len(self.split.rows)

    def __getitem__(self, index: int) -> tuple[dict[str, Tensor], Tensor]:
        sample = self.cache.sample(self.split.rows.iloc[index])
        if self.epoch is not None and len(sample.faces):
            random = np.random.default_rng((self.config.seed, self.epoch, index))
            chosen = np.sort(random.choice(len(sample.faces), min(self.frames, len(sample.faces)), replace=False))
            faces = sample.faces[chosen]
            sample = replace(sample, faces=faces[:, :, ::-1] if random.random() < 0.5 else faces)
        batch = make_batch([sample], self.frames)
        tensors = {"audio": batch.audio, "faces": batch.faces, "handcrafted": batch.handcrafted}
        return {name: tensor[0] for name, tensor in tensors.items() if tensor is not None}, self.split.labels[index]


def clip_batches(clips: Clips, order: Tensor, size: int, device: torch.device) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of `size` whole clips in the given order, prepared by one process beside the training."""
    cv2.setNumThreads(0)  # OpenCV's threads do not survive the fork of the loader
    batches = [part.tolist() for part in order.split(size)]
    loader = DataLoader(clips, batch_sampler=batches, num_workers=1, prefetch_factor=4, multiprocessing_context="fork")
    for tensors, labels in loader:
        yield Batch(**tensors).to(device), labels.to(device)
