"""Batches of a cache for the training loop: features computed once, or frames sampled in each epoch."""

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
PREFETCHED_BATCHES = 2 * LOADER_THREADS  # batches loaded ahead
MAX_CACHED_FEATURES = 4  # results of `compute_features`
MAX_CLIP_WEIGHT = 10.0  # of a clip of a small group
VALIDATION_FRAMES = 8  # crops per clip in every stage, so that their losses can be compared


class TrainingError(ValueError):
    """A run cannot start or continue."""


@dataclass(frozen=True)
class LabelledSplit:
    """The labelled clips of a split that a network can predict from: rows of `Cache.clips`, labels float32 (N, 5) and
    weights float32 (N,) in the loss; left_out: number of labelled clips without the required inputs."""

    rows: pd.DataFrame
    labels: Tensor
    weights: Tensor
    left_out: int

    @property
    def sources(self) -> np.ndarray:
        """The source of each clip."""
        return self.rows["source"].to_numpy()

    @property
    def digest(self) -> str:
        """sha256 of the names of the clips, their labels and weights: the same only for the same data."""
        names = "\0".join(self.rows["clip"]).encode()
        return hashlib.sha256(names + self.labels.numpy().tobytes() + self.weights.numpy().tobytes()).hexdigest()


def read_split(cache: Cache, split: str, needs: Needs, balance: str | None = None) -> LabelledSplit:
    """The labelled clips of a split with the required inputs. balance: attribute whose groups have equal weight. Raises
    TrainingError if there is no clip, or no such attribute."""
    rows = cache.labelled_clips(split)
    kept = rows[can_predict(cache, rows, needs)].reset_index(drop=True)
    if kept.empty:
        needed = [*sorted(needs.inputs), *(f"a row in the table {name}" for name, _ in needs.tables)]
        wanted = (" or " if needs.alternatives else " and ").join(needed)
        raise TrainingError(f"The split {split} of {cache.folder} has no clip with labels and {wanted}.")
    labels = torch.from_numpy(kept[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))
    return LabelledSplit(kept, labels, compute_balance_weights(kept, balance), len(rows) - len(kept))


def compute_balance_weights(rows: pd.DataFrame, attribute: str | None) -> Tensor:
    """Weights float32 (N,) with mean 1 that give each group of an attribute equal weight, up to MAX_CLIP_WEIGHT; clips
    without a group have weight 1. Raises TrainingError if clips have no such attribute."""
    if attribute is None:
        return torch.ones(len(rows))
    if attribute not in rows or rows[attribute].isna().all():
        raise TrainingError(f"The clips have no attribute {attribute!r} to balance by; expected one such as gender.")
    sizes = rows[attribute].map(rows[attribute].value_counts())
    weights = (sizes.count() / rows[attribute].nunique() / sizes).clip(upper=MAX_CLIP_WEIGHT).fillna(1.0)
    return torch.from_numpy((weights / weights.mean()).to_numpy(np.float32, copy=True))


_cached_features: OrderedDict[str, Tensor] = OrderedDict()  # results of `compute_features` by a digest of its inputs


def compute_features(network: Network, cache: Cache, split: LabelledSplit, frames: int, device: torch.device) -> Tensor:
    """The features (N, ...) of the clips of a split, with `frames` evenly spaced crops per clip.

    Each process computes its share. The last MAX_CACHED_FEATURES results remain in memory, so that consecutive runs in
    a process, for example with several seeds, share them.
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
    """Loads clips with randomly sampled frames, which depend only on seed, epoch and clip, so a repeated epoch is
    identical."""

    def __init__(self, cache: Cache, split: LabelledSplit, config: Config, needs: Needs, *, frames: int) -> None:
        self.cache, self.split, self.config, self.frames = cache, split, config, frames
        self.needs = needs

    def __len__(self) -> int:
        return len(self.split.rows)

    def batch(self, numbers: list[int], epoch: int | None) -> Batch:
        """The clips with these row numbers. epoch: seed of the sampled frames; None: evenly spaced frames, for
        evaluation."""
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
    """A batch, or a part of one, that goes through the network at once.

    rows int64 (B,): rows of the split, over all processes; weight: its share of the batch; is_last: whether the
    optimiser steps after it.
    """

    rows: Tensor
    weight: float
    is_last: bool


def split_into_micro_batches(order: Tensor, size: int, pieces: int = 1) -> Iterator[MicroBatch]:
    """Split an order of clips into batches of `size`, and each batch into `pieces`.

    A last batch with a single clip for a process is skipped unless it is the only one, because batch normalisation
    requires two clips.
    """
    least = 2 * distributed.process_count()
    for batch in order.split(size):
        if len(batch) < min(least, len(order)):
            return
        parts = batch.tensor_split(min(pieces, max(1, len(batch) // least)))
        for place, numbers in enumerate(parts):
            yield MicroBatch(numbers, len(numbers) / len(batch), place == len(parts) - 1)


def micro_batches_in_order(total: int) -> Iterator[MicroBatch]:
    """All clips of a split in order, for evaluation."""
    for numbers in torch.arange(total).split(PREDICTION_BATCH_CLIPS * distributed.process_count()):
        yield MicroBatch(numbers, 1.0, is_last=True)


def load_clip_batches(
    clips: ClipLoader, pieces: Iterable[MicroBatch], device: torch.device, *, epoch: int | None
) -> Iterator[tuple[MicroBatch, Batch]]:
    """This process's share of each piece, loaded ahead by threads.

    Threads, not processes: reading and decoding release Python's global lock, and forking a process with gigabytes of
    memory costs more than decoding.
    """
    waiting: deque[tuple[MicroBatch, Future[Batch]]] = deque()
    with ThreadPoolExecutor(LOADER_THREADS) as pool:
        try:
            for piece in pieces:
                own = distributed.take_process_share(piece.rows).tolist()
                waiting.append((piece, pool.submit(clips.batch, own, epoch)))
                if len(waiting) > PREFETCHED_BATCHES:
                    yield _move_to_device(*waiting.popleft(), device)
            while waiting:
                yield _move_to_device(*waiting.popleft(), device)
        finally:
            pool.shutdown(cancel_futures=True)


def _move_to_device(piece: MicroBatch, loaded: Future[Batch], device: torch.device) -> tuple[MicroBatch, Batch]:
    return piece, loaded.result().to(device)
