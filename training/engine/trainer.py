"""The training loop that modalities, the emotion network and the face ratings share.

The random numbers of an epoch depend only on the seed, the epoch, the process and the example. A resumed training
therefore gives the same result as an uninterrupted one, although no generator state is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from tqdm import tqdm

from training import distributed
from training.data.dataloader import MicroBatch, TrainingError, split_into_micro_batches
from training.engine.state_file import TrainingState
from training.engine.weight_averaging import WeightAverage

# Seeds: RUN_SEED_STRIDE * seed + epoch + PROCESS_SEED_STRIDE * process, distinct for up to 7,919 epochs.
RUN_SEED_STRIDE, PROCESS_SEED_STRIDE = 1_000_003, 7_919
MOMENTUM = 0.9

MicroBatchInputs = Iterator[tuple[MicroBatch, Any]]


@dataclass(frozen=True)
class FitOptions:
    """Options of a `Trainer`; see the fields of `Config` with the same names. averaging: decay per step, 0 for none."""

    epochs: int
    batch: int
    rate: float
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    schedule: str = "cycle"
    averaging: float = 0.0
    accumulate: int = 1
    seed: int = 0


class TrainedEpoch(NamedTuple):
    """Mean loss of an epoch and the seconds that it took."""

    loss: float
    seconds: float


class Trainer:
    """Trains a module by gradient descent.

    Parameters
    ----------
    module : nn.Module
        Predicts (B, ...) from the inputs of a batch. Its parameters that require gradients are trained.
    loss : callable
        The mean loss of predictions (B, ...) for the examples with the numbers int64 (B,).
    count : int
        Number of training examples.
    options : FitOptions
        How to train.
    tensors : dict of str to Tensor
        The tensors of the module that `state` stores, by name. They share the memory of the module.
    averaged : dict of str to Tensor, optional
        The tensors to average; by default all of `tensors`.
    autocast : torch.autocast, optional
        Precision of the forward pass; by default that of the parameters.
    earlier_epochs : int
        Number of epochs that other trainers trained before, from which the random numbers continue.

    Attributes
    ----------
    epoch : int
        Number of finished epochs.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        count: int,
        options: FitOptions,
        *,
        tensors: dict[str, Tensor],
        averaged: dict[str, Tensor] | None = None,
        autocast: torch.autocast | None = None,
        earlier_epochs: int = 0,
    ) -> None:
        self._loss, self._count, self._options, self._tensors = loss, count, options, tensors
        self._autocast = nullcontext() if autocast is None else autocast
        self._earlier_epochs, self.epoch = earlier_epochs, 0
        self._optimiser = make_optimiser([one for one in module.parameters() if one.requires_grad], options)
        self._schedule = make_schedule(self._optimiser, options, options.epochs * self._steps_per_epoch)
        averaged = tensors if averaged is None else averaged
        self._average = WeightAverage(averaged, options.averaging) if options.averaging else None
        self._module = distributed.wrap_for_processes(module)

    @property
    def averaged_weights(self) -> AbstractContextManager:
        """Return a context within which the module has the weights that are evaluated and stored."""
        return nullcontext() if self._average is None else self._average.apply_temporarily()

    def train_epochs(self, load: Callable[[Iterator[MicroBatch], int], MicroBatchInputs]) -> Iterator[TrainedEpoch]:
        """Train the remaining epochs, one per iteration.

        Parameters
        ----------
        load : callable
            Receives the parts of the batches of an epoch and its number, from 0; yields each part with its inputs.

        Raises
        ------
        TrainingError
            The loss is not finite.
        """
        while self.epoch < self._options.epochs:
            start, number = time.monotonic(), self._earlier_epochs + self.epoch
            order = self._shuffle(number)
            pieces = split_into_micro_batches(order, self._options.batch, self._options.accumulate)
            loss = self._train_epoch(load(pieces, number), number)
            self.epoch += 1
            yield TrainedEpoch(loss, time.monotonic() - start)

    def _shuffle(self, epoch: int) -> Tensor:
        """Return the order of examples, the same in all processes; later random numbers differ between processes."""
        seed = RUN_SEED_STRIDE * self._options.seed + epoch
        torch.manual_seed(seed)
        order = torch.randperm(self._count)
        torch.manual_seed(seed + PROCESS_SEED_STRIDE * distributed.rank())
        return order

    def _train_epoch(self, batches: MicroBatchInputs, epoch: int) -> float:
        self._module.train()
        total, count, quiet = 0.0, 0, True if distributed.rank() else None
        with tqdm(total=self._steps_per_epoch, desc=f"epoch {epoch + 1}", leave=False, disable=quiet) as bar:
            for piece, inputs in batches:
                total += self._backpropagate(piece, inputs) * len(piece.rows)
                count += len(piece.rows)
                if piece.is_last:
                    self._step()
                    bar.update()
        return total / count

    def _backpropagate(self, piece: MicroBatch, inputs: Any) -> float:
        """Add the gradients of a part to those of its batch, and return its loss over all processes."""
        with nullcontext() if piece.is_last else distributed.without_gradient_sync(self._module):
            with self._autocast:
                own = self._module(inputs)
            loss = self._loss(distributed.gather_rows(own, len(piece.rows)), piece.rows)
            if not torch.isfinite(loss):
                stored = "The last complete epoch is stored." if self.epoch else "This is the first epoch."
                raise TrainingError(f"The loss is not finite; use a lower learning rate. {stored}")
            (loss * piece.weight).backward()
        return loss.item()

    def _step(self) -> None:
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._schedule.step()
        if self._average is not None:
            self._average.update()

    @property
    def _steps_per_epoch(self) -> int:
        pieces = split_into_micro_batches(torch.arange(self._count), self._options.batch)
        return sum(piece.is_last for piece in pieces)

    def state(self, **facts: Any) -> TrainingState:
        """Return the state that `restore` requires, with further facts from the caller."""
        optimiser = self._optimiser.state_dict()
        tensors = {f"network.{name}": tensor for name, tensor in self._tensors.items()}
        for number, moments in optimiser["state"].items():
            tensors |= {f"optimiser.{number}.{key}": one for key, one in moments.items() if one is not None}
        facts |= {"epoch": self.epoch, "groups": optimiser["param_groups"], "schedule": self._schedule.state_dict()}
        if self._average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self._average.tensors.items()}
            facts["averaged_steps"] = self._average.steps
        return TrainingState(tensors, facts)

    @torch.no_grad()
    def restore(self, state: TrainingState) -> None:
        """Continue from the state of a trainer with the same module and options."""
        for name, tensor in state.select("network.").items():
            self._tensors[name].copy_(tensor)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.select("optimiser.").items():
            number, key = name.split(".", 1)
            moments.setdefault(int(number), {})[key] = tensor
        self._optimiser.load_state_dict({"state": moments, "param_groups": state.facts["groups"]})
        self._schedule.load_state_dict(state.facts["schedule"])
        if self._average is not None:
            self._average.load(state.select("average."), state.facts["averaged_steps"])
        self.epoch = state.facts["epoch"]


def make_optimiser(parameters: list[nn.Parameter], options: FitOptions) -> torch.optim.Optimizer:
    """Return Adam, AdamW, or SGD with or without momentum."""
    rate, decay = options.rate, options.weight_decay
    if options.optimiser in ("adam", "adamw"):
        kind = torch.optim.Adam if options.optimiser == "adam" else torch.optim.AdamW
        return kind(parameters, lr=rate, weight_decay=decay)
    momentum = MOMENTUM if options.optimiser == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)


def make_schedule(optimiser: torch.optim.Optimizer, options: FitOptions, steps: int) -> lr_scheduler.LRScheduler:
    """Return a constant learning rate, or one that rises and falls during the steps (Smith and Topin 2019)."""
    if options.schedule == "constant":
        return lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps, cycle_momentum=False)
