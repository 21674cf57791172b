"""One epoch of training: forward and backward passes, steps of the optimiser, and weight averaging."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from personality.models.network import Batch, Network
from training import distributed
from training.config.losses import LOSS_FUNCTIONS
from training.config.run_config import Config, Stage
from training.data.dataloader import MicroBatch, TrainingError
from training.engine.context import RunContext
from training.engine.optimizer_state import restore_optimiser, select_by_prefix
from training.engine.weight_averaging import WeightAverage

ADAM_OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
HEARTBEAT_SECONDS = 5.0  # seconds between updates of the status within an epoch

MicroBatchInputs = Iterator[tuple[MicroBatch, Batch | Tensor]]


class StepModule(nn.Module):
    """A network as a step calls it: with clips, or with their precomputed features."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Batch | Tensor) -> Tensor:
        """Five traits (B, 5)."""
        return self.network(inputs) if isinstance(inputs, Batch) else self.network.head(inputs)


@dataclass
class Learner:
    """What a stage updates: the network, wrapped for this process; the optimiser; the average, if any."""

    step_module: nn.Module
    optimiser: torch.optim.Optimizer
    average: WeightAverage | None

    @property
    def averaged_weights(self) -> AbstractContextManager:
        """Within the context the network has the weights that are evaluated and stored."""
        return nullcontext() if self.average is None else self.average.apply_temporarily()


def make_learner(parts: RunContext, stage: Stage, state: dict[str, Tensor] | None, steps: int) -> Learner:
    """A learner for a stage, optionally resumed from the tensors of a stored state, whose average has `steps`."""
    optimiser = make_optimiser(_select_parameters(parts.network, stage), parts.config, stage.rate)
    trained = parts.network.stored_tensors() if stage.trains == "all" else parts.network.head_tensors()
    average = WeightAverage(trained, parts.config.averaging) if parts.config.averaging else None
    if state is not None:
        restore_optimiser(optimiser, state)
        if average is not None:
            average.load(select_by_prefix(state, "average."), steps)
    if parts.config.compile and stage.trains == "all" and parts.network.backbone is not None:
        parts.network.backbone.compile()
    return Learner(distributed.wrap_for_processes(StepModule(parts.network), parts.network), optimiser, average)


def _select_parameters(network: Network, stage: Stage) -> list[nn.Parameter]:
    """Freeze the parameters that a stage does not train and return the others."""
    network.set_backbone_trainable(stage.trains == "all")
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def make_optimiser(parameters: list[nn.Parameter], config: Config, rate: float) -> torch.optim.Optimizer:
    """Adam, AdamW, or SGD with or without a momentum of 0.9."""
    if config.optimiser in ADAM_OPTIMISERS:
        return ADAM_OPTIMISERS[config.optimiser](parameters, rate, weight_decay=config.weight_decay)
    momentum = 0.9 if config.optimiser == "momentum" else 0.0
    return torch.optim.SGD(parameters, rate, momentum=momentum, weight_decay=config.weight_decay)


def run_epoch(
    parts: RunContext, learner: Learner, batches: MicroBatchInputs, rates: Iterator[float], epoch: int
) -> float:
    """One pass over the training split; the mean loss. Raises TrainingError where the loss is not a number."""
    parts.network.train()
    total, count, last_heartbeat = 0.0, 0, time.monotonic()
    steps = math.ceil(len(parts.training.rows) / parts.config.batch)
    bar = tqdm(total=steps, desc=f"epoch {epoch + 1}", leave=False, disable=True if distributed.rank() else None)
    for piece, inputs in batches:
        loss = _backpropagate(parts, learner, piece, inputs)
        total, count = total + loss * len(piece.clip_indices), count + len(piece.clip_indices)
        if piece.is_last:
            _step_optimiser(learner, next(rates))
            bar.update()
        if time.monotonic() - last_heartbeat > HEARTBEAT_SECONDS:
            parts.run.write_status("running", done=count / len(parts.training.rows))
            last_heartbeat = time.monotonic()
    bar.close()
    return total / count


def _backpropagate(parts: RunContext, learner: Learner, piece: MicroBatch, inputs: Batch | Tensor) -> float:
    """Add the gradients of a part to those of its batch; returns its loss over all processes."""
    labels, weights = (
        part[piece.clip_indices].to(parts.device) for part in (parts.training.labels, parts.training.weights)
    )
    no_sync = nullcontext() if piece.is_last else distributed.without_gradient_sync(learner.step_module)
    with no_sync:
        with parts.autocast:
            own = learner.step_module(inputs)
        loss = LOSS_FUNCTIONS[parts.config.loss](distributed.gather_rows(own, len(labels)), labels, weights)
        if not torch.isfinite(loss):
            raise TrainingError("The loss is not finite; use a lower learning rate. The best epoch is stored.")
        (loss * piece.weight).backward()
    return loss.item()


def _step_optimiser(learner: Learner, rate: float) -> None:
    learner.optimiser.param_groups[0]["lr"] = rate
    learner.optimiser.step()
    learner.optimiser.zero_grad()
    if learner.average is not None:
        learner.average.update()
