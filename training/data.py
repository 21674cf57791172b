"""Batches for the training loop, from a cache: features computed once, or frames drawn anew each epoch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from personality.models.inputs import make_batch, read_batch, speakable
from personality.models.network import Batch, Needs, Network
from personality.preprocessing.cache import Cache
from personality.preprocessing.sample import Sample
from personality.traits import TRAIT_NAMES
from training.config import Config

LOADERS = max(1, min(8, (os.cpu_count() or 1) // 2))  # threads that read batches
AHEAD = 2 * LOADERS  # batches that lie ready
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


class Clips:
    """Clips with frames drawn anew. The draw depends on seed, epoch and clip alone, so an epoch is the same however
    often it is begun."""

    def __init__(self, cache: Cache, split: Split, config: Config, needs: Needs, *, frames: int) -> None:
        self.cache, self.split, self.config, self.frames = cache, split, config, frames
        self.tables = Needs(tables=needs.tables)

    def __len__(self) -> int:
        return len(self.split.rows)

    def batch(self, numbers: list[int], epoch: int | None) -> tuple[Batch, Tensor]:
        """The clips of these numbers and their labels. epoch: whose draw of frames it is; None takes evenly spread
        ones, as evaluation does."""
        rows = self.split.rows.iloc[numbers]
        samples = [self._sample(number, epoch) for number in numbers]
        tables = read_batch(self.cache, rows, self.tables, self.frames).tables
        return replace(make_batch(samples, self.frames), tables=tables), self.split.labels[numbers]

    def _sample(self, number: int, epoch: int | None) -> Sample:
        row = self.split.rows.iloc[number]
        if epoch is None or not row["faces"]:
            return self.cache.sample(row)
        random = np.random.default_rng((self.config.seed, epoch, number))
        chosen = np.sort(random.choice(row["faces"], min(self.frames, row["faces"]), replace=False))
        sample = self.cache.sample(row, chosen)
        return replace(sample, faces=sample.faces[:, :, ::-1]) if random.random() < 0.5 else sample


def clip_batches(
    clips: Clips, order: Tensor, size: int, device: torch.device, *, epoch: int | None
) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of `size` whole clips in the given order, prepared ahead by threads beside the training.

    Threads, not processes: reading and decoding leave Python's lock alone, and a fork of a process that holds
    gigabytes costs more than the decoding.
    """
    waiting: deque[Future[tuple[Batch, Tensor]]] = deque()
    with ThreadPoolExecutor(LOADERS) as pool:
        try:
            for part in order.split(size):
                waiting.append(pool.submit(clips.batch, part.tolist(), epoch))
                if len(waiting) > AHEAD:
                    yield _moved(waiting.popleft().result(), device)
            while waiting:
                yield _moved(waiting.popleft().result(), device)
        finally:
            pool.shutdown(cancel_futures=True)


def _moved(loaded: tuple[Batch, Tensor], device: torch.device) -> tuple[Batch, Tensor]:
    batch, labels = loaded
    return batch.to(device), labels.to(device)
