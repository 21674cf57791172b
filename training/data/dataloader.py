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

from personality.models.batching import CLIPS_AT_ONCE, make_batch, read_batch, read_row, read_tables, speakable
from personality.models.checkpoint import ELSEWHERE
from personality.models.network import Batch, Needs, Network
from personality.preprocessing.cache import Cache
from personality.preprocessing.sample import Sample
from personality.traits import TRAIT_NAMES
from training import distributed
from training.config.run_config import Config
from training.data.augment import mirror, vary_faces

LOADERS = max(1, min(8, (os.cpu_count() or 1) // 2))  # threads that read batches
AHEAD = 2 * LOADERS  # batches that lie ready
REMEMBERED = 4  # results of `compute_features`
FIXED = (*ELSEWHERE, "backbone.")  # tensors that features are made with; the others are of the head
MOST_WEIGHT = 10.0  # of a clip of a small group
VALIDATION_FRAMES = 8  # crops per clip in every stage, so that their losses can be compared


class TrainingError(ValueError):
    """A run that cannot start or go on; the message is one sentence."""


@dataclass(frozen=True)
class Split:
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


def read_split(cache: Cache, split: str, needs: Needs, balance: str | None = None) -> Split:
    """The clips of a split on which a network of these needs can speak. balance: an attribute whose groups are to weigh
    alike. Raises TrainingError where there is no clip, or no such attribute."""
    rows = cache.rows(split)
    kept = rows[speakable(cache, rows, needs)].reset_index(drop=True)
    if kept.empty:
        needed = [*sorted(needs.inputs), *(f"a row in the table {name}" for name, _ in needs.tables)]
        wanted = (" or " if needs.alternatives else " and ").join(needed)
        raise TrainingError(f"The split {split} of {cache.folder} has no clip with labels and {wanted}.")
    labels = torch.from_numpy(kept[list(TRAIT_NAMES)].to_numpy(np.float32, copy=True))
    return Split(kept, labels, balanced(kept, balance), len(rows) - len(kept))


def balanced(rows: pd.DataFrame, attribute: str | None) -> Tensor:
    """Weights float32 (N,) of mean 1 by which each group of an attribute weighs alike, a clip at most MOST_WEIGHT times
    an average one; clips of no known group weigh 1. Raises TrainingError where clips have no such attribute."""
    if attribute is None:
        return torch.ones(len(rows))
    if attribute not in rows or rows[attribute].isna().all():
        raise TrainingError(f"The clips have no attribute {attribute!r} to balance by; expected one such as gender.")
    sizes = rows[attribute].map(rows[attribute].value_counts())
    weights = (sizes.count() / rows[attribute].nunique() / sizes).clip(upper=MOST_WEIGHT).fillna(1.0)
    return torch.from_numpy((weights / weights.mean()).to_numpy(np.float32, copy=True))


_remembered: OrderedDict[str, Tensor] = OrderedDict()  # what `compute_features` gave, by what it depends on


def compute_features(network: Network, cache: Cache, split: Split, frames: int, device: torch.device) -> Tensor:
    """What the network's head takes, for each clip of the split (N, ...), with `frames` evenly spread crops.

    Each process computes its share. The last REMEMBERED results stay in memory: runs one after another in a process,
    of several seeds for instance, share them.
    """
    if not network.needs.inputs:
        return _compute_features(network, cache, split, frames, device)
    key = _fingerprint(network, cache, split, frames)
    if key not in _remembered:
        _remembered[key] = _compute_features(network, cache, split, frames, device)
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return _remembered[key]


def _fingerprint(network: Network, cache: Cache, split: Split, frames: int) -> str:
    """A digest of the network's tensors and of the clips."""
    made = [cache.tables[name].stat().st_mtime_ns for name, _ in network.needs.tables]
    facts = (type(network), network.needs, cache.folder.resolve(), cache.card, made, frames)
    digest = hashlib.sha256(f"{facts} {' '.join(split.rows['clip'])}".encode())
    for name, tensor in network.state_dict().items():
        if name.startswith(FIXED):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _compute_features(network: Network, cache: Cache, split: Split, frames: int, device: torch.device) -> Tensor:
    network.eval()
    total = len(split.rows)
    size = CLIPS_AT_ONCE if network.needs.inputs else total
    own = distributed.share(torch.arange(total))
    parts = [
        network.features(read_batch(cache, split.rows.iloc[some.tolist()], network.needs, frames).to(device))
        for some in own.split(size)
    ]
    return distributed.gather(
        torch.cat([part if distributed.count() > 1 else part.cpu() for part in parts]), total
    ).cpu()


class Clips:
    """Clips with frames drawn anew. The draw depends on seed, epoch and clip alone, so an epoch is the same however
    often it is begun."""

    def __init__(self, cache: Cache, split: Split, config: Config, needs: Needs, *, frames: int) -> None:
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
        samples = [self._sample(number, epoch) for number in numbers]
        tables, present = read_tables(self.cache, rows, self.needs)
        batch = make_batch(samples, self.frames, self.needs.seconds)
        return replace(batch, tables=tables, present=batch.present | present)

    def _sample(self, number: int, epoch: int) -> Sample:
        row = self.split.rows.iloc[number]
        if not row["faces"]:
            return read_row(self.cache, row, None)
        random = np.random.default_rng((self.config.seed, epoch, number))
        chosen = np.sort(random.choice(row["faces"], min(self.frames, row["faces"]), replace=False))
        sample = self.cache.sample(row, chosen)
        vary = vary_faces if self.config.augment else mirror
        return replace(sample, faces=vary(sample.faces, random))


class Piece(NamedTuple):
    """What is taken through the network at once: a step's batch, or a part of it.

    numbers int64 (B,): which clips of the split, over all processes; weight: its share of the batch; last: whether
    the step is taken after it.
    """

    numbers: Tensor
    weight: float
    last: bool


def split_order(order: Tensor, size: int, pieces: int = 1) -> Iterator[Piece]:
    """An epoch's order of clips in batches of `size`, each in so many pieces.

    A last batch that leaves a process a single clip is left out, unless it is all there is: batch normalisation has no
    spread to learn from in one.
    """
    least = 2 * distributed.count()
    for batch in order.split(size):
        if len(batch) < min(least, len(order)):
            return
        parts = batch.tensor_split(min(pieces, max(1, len(batch) // least)))
        for place, numbers in enumerate(parts):
            yield Piece(numbers, len(numbers) / len(batch), place == len(parts) - 1)


def in_order(total: int) -> Iterator[Piece]:
    """All clips of a split, as they come, for evaluation."""
    for numbers in torch.arange(total).split(CLIPS_AT_ONCE * distributed.count()):
        yield Piece(numbers, 1.0, last=True)


def clip_batches(
    clips: Clips, pieces: Iterable[Piece], device: torch.device, *, epoch: int | None
) -> Iterator[tuple[Piece, Batch]]:
    """This process's share of each piece as whole clips, prepared ahead by threads beside the training.

    Threads, not processes: reading and decoding leave Python's lock alone, and a fork of a process that holds
    gigabytes costs more than the decoding.
    """
    waiting: deque[tuple[Piece, Future[Batch]]] = deque()
    with ThreadPoolExecutor(LOADERS) as pool:
        try:
            for piece in pieces:
                own = distributed.share(piece.numbers).tolist()
                waiting.append((piece, pool.submit(clips.batch, own, epoch)))
                if len(waiting) > AHEAD:
                    yield _moved(*waiting.popleft(), device)
            while waiting:
                yield _moved(*waiting.popleft(), device)
        finally:
            pool.shutdown(cancel_futures=True)


def _moved(piece: Piece, loaded: Future[Batch], device: torch.device) -> tuple[Piece, Batch]:
    return piece, loaded.result().to(device)
