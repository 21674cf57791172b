"""Batches for the training loop, from a cache: features computed once, or frames drawn anew each epoch."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from personality.models.batching import (
    PREDICTION_BATCH_CLIPS,
    can_predict,
    make_batch,
    read_batch,
    read_feature_rows,
    read_row_sample,
)
from personality.models.network import Batch, Needs, Network
from personality.preprocessing.cache import Cache
from personality.preprocessing.sample import Sample
from personality.traits import TRAIT_NAMES
from training import distributed
from training.config.run_config import Config
from training.data.augment import augment_faces, mirror_at_random

LOADER_THREADS = max(1, min(8, (os.cpu_count() or 1) // 2))  # threads that read batches
PREFETCHED_BATCHES = 2 * LOADER_THREADS  # batches that lie ready
MAX_CACHED_FEATURES = 4  # results of `compute_features`
MAX_CLIP_WEIGHT = 10.0  # of a clip of a small group
VALIDATION_FRAMES = 8  # crops per clip in every stage, so that their losses can be compared


class TrainingError(ValueError):
    """A run that cannot start or go on; the message is one sentence."""


@dataclass(frozen=True)
class LabelledSplit:
    """The clips of a split on which a network can speak: their rows in the cache's table, labels float32 (N, 5) and
    weights float32 (N,) in the loss; left_out: how many with labels lack what the network needs."""

    rows: pd.DataFrame
    labels: Tensor
    weights: Tensor
    left_out: int

    @property
    def sources(self) -> np.ndarray:
        """The source of each clip."""
        return self.rows["source"].to_numpy()


def read_split(cache: Cache, split: str, needs: Needs, balance: str | None = None) -> LabelledSplit:
    """The clips of a split on which a network of these needs can speak. balance: an attribute whose groups are to weigh
    alike. Raises TrainingError where there is no clip, or no such attribute."""
    rows = cache.labelled_clips(split)
    kept = rows[can_predict(cache, rows, needs)].reset_index(drop=True)
    if kept.empty:
        needed = [*sorted(needs.inputs), *(f"a row in the table {name}" for name, _ in needs.tables)]
        wanted = (" or " if needs.alternatives else " and ").join(needed)
        raise TrainingError(f"The split {split} of {cache.folder} has no clip with labels and {wanted}.")
    labels = torch.from_numpy(kept[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))
    return LabelledSplit(kept, labels, compute_balance_weights(kept, balance), len(rows) - len(kept))


def compute_balance_weights(rows: pd.DataFrame, attribute: str | None) -> Tensor:
    """Weights float32 (N,) of mean 1 by which each group of an attribute weighs alike, a clip at most MOST_WEIGHT times
    an average one; clips of no known group weigh 1. Raises TrainingError where clips have no such attribute."""
    if attribute is None:
        return torch.ones(len(rows))
    if attribute not in rows or rows[attribute].isna().all():
        raise TrainingError(f"The clips have no attribute {attribute!r} to balance by; expected one such as gender.")
    sizes = rows[attribute].map(rows[attribute].value_counts())
    weights = (sizes.count() / rows[attribute].nunique() / sizes).clip(upper=MAX_CLIP_WEIGHT).fillna(1.0)
    return torch.from_numpy((weights / weights.mean()).to_numpy(np.float32, copy=True))


_cached_features: OrderedDict[str, Tensor] = OrderedDict()  # what `compute_features` gave, by what it depends on


def compute_features(network: Network, cache: Cache, split: LabelledSplit, frames: int, device: torch.device) -> Tensor:
    """What the network's head takes, for each clip of the split (N, ...), with `frames` evenly spread crops.

    Each process computes its share. The last REMEMBERED results stay in memory: runs one after another in a process,
    of several seeds for instance, share them.
    """
    if not network.needs.inputs:
        return _compute_features(network, cache, split, frames, device)
    key = _features_digest(network, cache, split, frames)
    if key not in _cached_features:
        _cached_features[key] = _compute_features(network, cache, split, frames, device)
        while len(_cached_features) > MAX_CACHED_FEATURES:
            _cached_features.popitem(last=False)
    return _cached_features[key]


def _features_digest(network: Network, cache: Cache, split: LabelledSplit, frames: int) -> str:
    """A digest of the network's tensors and of the clips."""
    made = [cache.tables[name].stat().st_mtime_ns for name, _ in network.needs.tables]
    facts = (type(network), network.needs, cache.folder.resolve(), cache.card, made, frames)
    digest = hashlib.sha256(f"{facts} {' '.join(split.rows['clip'])}".encode())
    for tensor in network.feature_tensors().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _compute_features(
    network: Network, cache: Cache, split: LabelledSplit, frames: int, device: torch.device
) -> Tensor:
    network.eval()
    total = len(split.rows)
    size = PREDICTION_BATCH_CLIPS if network.needs.inputs else total
    own = distributed.take_process_share(torch.arange(total))
    parts = [
        network.features(read_batch(cache, split.rows.iloc[some.tolist()], network.needs, frames).to(device))
        for some in own.split(size)
    ]
    return distributed.gather_rows(
        torch.cat([part if distributed.process_count() > 1 else part.cpu() for part in parts]), total
    ).cpu()


class ClipLoader:
    """Clips with frames drawn anew. The draw depends on seed, epoch and clip alone, so an epoch is the same however
    often it is begun."""

    def __init__(self, cache: Cache, split: LabelledSplit, config: Config, needs: Needs, *, frames: int) -> None:
        self.cache, self.split, self.config, self.frames = cache, split, config, frames
        self.needs = needs

    def __len__(self) -> int:
        return len(self.split.rows)

    def batch(self, numbers: list[int], epoch: int | None) -> Batch:
        """The clips of these numbers. epoch: whose draw of frames it is; None takes evenly spread
        ones, as evaluation does."""
        rows = self.split.rows.iloc[numbers]
        if epoch is None:
            return read_batch(self.cache, rows, self.needs, self.frames)
        samples = [self._load_sample(number, epoch) for number in numbers]
        tables, present = read_feature_rows(self.cache, rows, self.needs)
        batch = make_batch(samples, self.frames, self.needs.seconds)
        return replace(batch, tables=tables, present=batch.present | present)

    def _load_sample(self, number: int, epoch: int) -> Sample:
        row = self.split.rows.iloc[number]
        if not row["faces"]:
            return read_row_sample(self.cache, row, None)
        random = np.random.default_rng((self.config.seed, epoch, number))
        chosen = np.sort(random.choice(row["faces"], min(self.frames, row["faces"]), replace=False))
        sample = self.cache.sample(row, chosen)
        vary = augment_faces if self.config.augment else mirror_at_random
        return replace(sample, faces=vary(sample.faces, random))


class MicroBatch(NamedTuple):
    """What is taken through the network at once: a step's batch, or a part of it.

    numbers int64 (B,): which clips of the split, over all processes; weight: its share of the batch; last: whether
    the step is taken after it.
    """

    clip_indices: Tensor
    weight: float
    is_last: bool


def split_into_micro_batches(order: Tensor, size: int, pieces: int = 1) -> Iterator[MicroBatch]:
    """An epoch's order of clips in batches of `size`, each in so many pieces.

    A last batch that leaves a process a single clip is left out, unless it is all there is: batch normalisation has no
    spread to learn from in one.
    """
    least = 2 * distributed.process_count()
    for batch in order.split(size):
        if len(batch) < min(least, len(order)):
            return
        parts = batch.tensor_split(min(pieces, max(1, len(batch) // least)))
        for place, numbers in enumerate(parts):
            yield MicroBatch(numbers, len(numbers) / len(batch), place == len(parts) - 1)


def micro_batches_in_order(total: int) -> Iterator[MicroBatch]:
    """All clips of a split, as they come, for evaluation."""
    for numbers in torch.arange(total).split(PREDICTION_BATCH_CLIPS * distributed.process_count()):
        yield MicroBatch(numbers, 1.0, is_last=True)


def load_clip_batches(
    clips: ClipLoader, pieces: Iterable[MicroBatch], device: torch.device, *, epoch: int | None
) -> Iterator[tuple[MicroBatch, Batch]]:
    """This process's share of each piece as whole clips, prepared ahead by threads beside the training.

    Threads, not processes: reading and decoding leave Python's lock alone, and a fork of a process that holds
    gigabytes costs more than the decoding.
    """
    waiting: deque[tuple[MicroBatch, Future[Batch]]] = deque()
    with ThreadPoolExecutor(LOADER_THREADS) as pool:
        try:
            for piece in pieces:
                own = distributed.take_process_share(piece.clip_indices).tolist()
                waiting.append((piece, pool.submit(clips.batch, own, epoch)))
                if len(waiting) > PREFETCHED_BATCHES:
                    yield _move_to_device(*waiting.popleft(), device)
            while waiting:
                yield _move_to_device(*waiting.popleft(), device)
        finally:
            pool.shutdown(cancel_futures=True)


def _move_to_device(piece: MicroBatch, loaded: Future[Batch], device: torch.device) -> tuple[MicroBatch, Batch]:
    return piece, loaded.result().to(device)
