"""How much memory a run asks for, found on its own clips, and the largest batch that there is room for."""

from __future__ import annotations

import copy

import pandas as pd
import torch

from personality.models.batching import read_batch
from training import distributed
from training.config.run_config import Stage
from training.data.dataloader import TrainingError
from training.engine.context import RunContext
from training.engine.process_memory import free_memory_bytes, measure_activation_bytes

MOMENTS_PER_PARAMETER = {"adam": 2, "adamw": 2, "momentum": 1, "sgd": 0}  # tensors an optimiser keeps per parameter
FLOAT32_BYTES = 4  # bytes
SMALL_PROBE_CLIPS, LARGE_PROBE_CLIPS = (
    2,
    4,
)  # clips whose passes are compared: what the second holds more is what clips cost
ACTIVATION_MEMORY_SHARE = (
    0.5  # share of the free memory for what is held for the backward pass; its gradients want as much again
)
MAX_BATCH_CLIPS = 4096  # clips


def count_trained_parameters(parts: RunContext) -> int:
    """How many parameters at least one stage trains."""
    return parts.network.count_trained_parameters(backbone=any(stage.trains == "all" for stage in parts.config.stages))


def estimate_fixed_bytes(parts: RunContext) -> int:
    """Bytes that do not grow with the batch: weights, and of trained ones gradient, moments and average."""
    copies = 1 + MOMENTS_PER_PARAMETER[parts.config.optimiser] + (1 if parts.config.averaging else 0)
    every = sum(parameter.numel() for parameter in parts.network.parameters())
    return FLOAT32_BYTES * (every + count_trained_parameters(parts) * copies)


def estimate_bytes_per_clip(parts: RunContext) -> float:
    """What one clip more in a batch adds to what a forward pass holds, in the stage where that is most.

    Raises TrainingError where memory does not suffice even for a few clips.
    """
    try:
        return max(_stage_bytes_per_clip(parts, stage) for stage in parts.config.stages)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise TrainingError(
            f"Memory does not suffice even for {LARGE_PROBE_CLIPS} clips; take fewer frames."
        ) from error


def _stage_bytes_per_clip(parts: RunContext, stage: Stage) -> float:
    rows = parts.training.rows
    few, many = min(SMALL_PROBE_CLIPS, len(rows)), min(LARGE_PROBE_CLIPS, len(rows))
    more = _stage_activation_bytes(parts, stage, rows.head(many)) - (
        _stage_activation_bytes(parts, stage, rows.head(few)) if many > few else 0
    )
    return max(1.0, more / (many - few or many))


def _stage_activation_bytes(parts: RunContext, stage: Stage, rows: pd.DataFrame) -> int:
    network = copy.deepcopy(parts.network).train()
    network.set_backbone_trainable(stage.trains == "all")
    batch = read_batch(parts.cache, rows, network.needs, stage.frames).to(parts.device)
    with parts.autocast:
        return measure_activation_bytes(lambda: network(batch))


def find_largest_batch(parts: RunContext) -> int:
    """The largest power of two of clips that a step has room for in free memory, and the training split has; a batch in
    pieces, or in several processes, is as much larger.

    Raises TrainingError where not even two clips fit.
    """
    room = ACTIVATION_MEMORY_SHARE * (free_memory_bytes(parts.device) - estimate_fixed_bytes(parts))
    shares = parts.config.accumulate * distributed.process_count()
    most = min(MAX_BATCH_CLIPS, len(parts.training.rows), max(0, int(room / estimate_bytes_per_clip(parts))) * shares)
    if most < 2:
        raise TrainingError("Memory does not suffice for a batch of two clips; take fewer frames or a smaller network.")
    return 2 ** (most.bit_length() - 1)
