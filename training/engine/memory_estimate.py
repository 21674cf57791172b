"""How much memory a run asks for, found on its own clips, and the largest batch that there is room for."""

from __future__ import annotations

import copy

import pandas as pd
import torch

from personality.models.batching import read_batch
from training import distributed
from training.config.run_config import Stage
from training.data.dataloader import TrainingError
from training.engine.context import Parts
from training.engine.process_memory import free_bytes, held_bytes

MOMENTS = {"adam": 2, "adamw": 2, "momentum": 1, "sgd": 0}  # tensors an optimiser keeps per parameter
FLOAT = 4  # bytes
FEW, MANY = 2, 4  # clips whose passes are compared: what the second holds more is what clips cost
SPARE = 0.5  # share of the free memory for what is held for the backward pass; its gradients want as much again
MOST = 4096  # clips


def trained_parameters(parts: Parts) -> int:
    """How many numbers are trained at some stage."""
    backbone = {id(one) for one in getattr(parts.network, "backbone", torch.nn.Identity()).parameters()}
    all_trained = any(stage.trains == "all" for stage in parts.config.stages)
    return sum(
        parameter.numel()
        for parameter in parts.network.parameters()
        if (all_trained if id(parameter) in backbone else parameter.requires_grad)
    )


def fixed_bytes(parts: Parts) -> int:
    """Bytes that do not grow with the batch: weights, and of trained ones gradient, moments and average."""
    copies = 1 + MOMENTS[parts.config.optimiser] + (1 if parts.config.averaging else 0)
    every = sum(parameter.numel() for parameter in parts.network.parameters())
    return FLOAT * (every + trained_parameters(parts) * copies)


def clip_bytes(parts: Parts) -> float:
    """What one clip more in a batch adds to what a forward pass holds, in the stage where that is most.

    Raises TrainingError where memory does not suffice even for a few clips.
    """
    try:
        return max(_added(parts, stage) for stage in parts.config.stages)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise TrainingError(f"Memory does not suffice even for {MANY} clips; take fewer frames.") from error


def _added(parts: Parts, stage: Stage) -> float:
    rows = parts.training.rows
    few, many = min(FEW, len(rows)), min(MANY, len(rows))
    more = _held(parts, stage, rows.head(many)) - (_held(parts, stage, rows.head(few)) if many > few else 0)
    return max(1.0, more / (many - few or many))


def _held(parts: Parts, stage: Stage, rows: pd.DataFrame) -> int:
    network = copy.deepcopy(parts.network).train()
    if hasattr(network, "backbone"):
        network.backbone.requires_grad_(stage.trains == "all")
    batch = read_batch(parts.cache, rows, network.needs, stage.frames).to(parts.device)
    with parts.autocast:
        return held_bytes(lambda: network(batch))


def largest_batch(parts: Parts) -> int:
    """The largest power of two of clips that a step has room for in free memory, and the training split has; a batch in
    pieces, or in several processes, is as much larger.

    Raises TrainingError where not even two clips fit.
    """
    room = SPARE * (free_bytes(parts.device) - fixed_bytes(parts))
    shares = parts.config.accumulate * distributed.count()
    most = min(MOST, len(parts.training.rows), max(0, int(room / clip_bytes(parts))) * shares)
    if most < 2:
        raise TrainingError("Memory does not suffice for a batch of two clips; take fewer frames or a smaller network.")
    return 2 ** (most.bit_length() - 1)
