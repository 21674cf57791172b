"""Estimate the memory that a run requires from measurements on its clips, and find the largest batch that fits."""

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
FLOAT32_BYTES = 4
SMALL_PROBE_CLIPS, LARGE_PROBE_CLIPS = 2, 4  # clips per pass; the difference of two passes gives the memory per clip
ACTIVATION_MEMORY_SHARE = 0.5  # share of the free memory for activations; their gradients require the same amount
MAX_BATCH_CLIPS = 4096


def count_trained_parameters(context: RunContext) -> int:
    """Return the number of parameters that at least one stage trains."""
    return context.network.count_trained_parameters(
        backbone=any(stage.trains == "all" for stage in context.config.stages)
    )


def estimate_fixed_bytes(context: RunContext) -> int:
    """Return the bytes independent of the batch: weights, and gradients, moments and averages of trained weights."""
    copies = 1 + MOMENTS_PER_PARAMETER[context.config.optimiser] + (1 if context.config.averaging else 0)
    every = sum(parameter.numel() for parameter in context.network.parameters())
    return FLOAT32_BYTES * (every + count_trained_parameters(context) * copies)


def estimate_bytes_per_clip(context: RunContext) -> float:
    """Return the bytes of activations per clip in the stage that requires most.

    Raises TrainingError if memory is not sufficient for a few clips.
    """
    try:
        return max(_stage_bytes_per_clip(context, stage) for stage in context.config.stages)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise TrainingError(f"Not enough memory for {LARGE_PROBE_CLIPS} clips; use fewer frames.") from error


def _stage_bytes_per_clip(context: RunContext, stage: Stage) -> float:
    rows = context.training.rows
    few, many = min(SMALL_PROBE_CLIPS, len(rows)), min(LARGE_PROBE_CLIPS, len(rows))
    more = _stage_activation_bytes(context, stage, rows.head(many)) - (
        _stage_activation_bytes(context, stage, rows.head(few)) if many > few else 0
    )
    return max(1.0, more / (many - few or many))


def _stage_activation_bytes(context: RunContext, stage: Stage, rows: pd.DataFrame) -> int:
    network = copy.deepcopy(context.network).train()
    network.set_backbone_trainable(stage.trains == "all")
    batch = read_batch(context.cache, rows, network.needs, stage.frames).to(context.device)
    with context.autocast:
        return measure_activation_bytes(lambda: network(batch))


def find_largest_batch(context: RunContext) -> int:
    """Return the largest batch, a power of two, that fits in free memory and is not larger than the training split.
    Splitting a batch into parts or processes allows larger ones.

    Raises TrainingError if two clips do not fit.
    """
    room = ACTIVATION_MEMORY_SHARE * (free_memory_bytes(context.device) - estimate_fixed_bytes(context))
    shares = context.config.accumulate * distributed.process_count()
    most = min(
        MAX_BATCH_CLIPS, len(context.training.rows), max(0, int(room / estimate_bytes_per_clip(context))) * shares
    )
    if most < 2:
        raise TrainingError("Not enough memory for a batch of two clips; use fewer frames or a smaller network.")
    return 2 ** (most.bit_length() - 1)
