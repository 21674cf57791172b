"""The dry run: counts, leakage, baseline, memory and time of a run, estimated from one small batch."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
import torch

from personality.analysis.groups import MIN_GROUP_CLIPS
from personality.models.batching import read_batch
from training import distributed
from training.data.dataloader import LOADER_THREADS, VALIDATION_FRAMES, LabelledSplit, TrainingError
from training.engine.context import RunContext, has_random_backbone
from training.engine.memory_estimate import count_trained_parameters, estimate_bytes_per_clip, estimate_fixed_bytes
from training.runs.eta import format_duration

FEW_TRAINING_CLIPS = 100
RARE_GROUP_SHARE = 0.1
EPOCH_FILES_SECONDS = 0.1  # seconds to write metrics, status and state after each epoch
TRIAL_CLIPS = 4  # clips in the trial batch, from which the figures of a full batch are extrapolated
MEGABYTE_BYTES = 2**20


@dataclass(frozen=True)
class DryRunReport:
    """The results of a dry run.

    training, validation: clips of each split; left_out: clips without the required inputs; shared_sources: sources in
    both splits; shared_clips: their clips in validation; fixed_megabytes: memory (MiB) of weights, gradients, moments
    and average; batch_megabytes: of the activations of a batch or its part; batch_seconds, run_seconds: estimated times
    of a batch through all layers, and of the whole run.
    """

    training: int
    validation: int
    left_out: int
    shared_sources: int
    shared_clips: int
    mean_baseline_accuracy: float
    parameters: int
    trained_parameter_count: int
    fixed_megabytes: float
    batch_megabytes: float
    batch_seconds: float
    run_seconds: float
    device: str
    is_backbone_random: bool
    warnings: tuple[str, ...] = ()

    def report(self) -> str:
        """Return the report as text."""
        leak = (
            f"{self.shared_clips:,} clips of validation are from {self.shared_sources:,} sources in training"
            if self.shared_sources
            else "no source is in both splits"
        )
        lines = [
            f"{self.training:,} clips to train on, {self.validation:,} to validate, {self.left_out:,} left out; {leak}",
            f"accuracy to beat: {self.mean_baseline_accuracy:.4f}, of always predicting the training mean",
            f"{self.parameters:,} parameters, {self.trained_parameter_count:,} trained; {self.fixed_megabytes:,.0f} MB "
            f"for them and the optimiser, {self.batch_megabytes:,.0f} MB for the activations of a batch",
            f"on {self.device}: about {format_duration(self.run_seconds)} for the whole run without early stopping; "
            f"{self.batch_seconds:.2f} s for a forward and backward pass of a batch through all layers",
        ]
        if self.is_backbone_random:
            lines.append("the backbone starts from random weights; use --backbone for pretrained ones")
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])


def perform_dry_run(context: RunContext) -> DryRunReport:
    """Check a prepared run with one small batch on a copy of its network.

    Raises TrainingError if memory is not sufficient for it, or the loss is not finite.
    """
    training, validation = context.training, context.validation
    shared = validation.rows["source"].isin(training.rows["source"])
    mean = training.labels.mean(0)
    trial, batch = _time_trial_batch(context), min(context.config.batch, len(training.rows))
    return DryRunReport(
        training=len(training.rows),
        validation=len(validation.rows),
        left_out=training.left_out + validation.left_out,
        shared_sources=validation.rows.loc[shared, "source"].nunique(),
        shared_clips=int(shared.sum()),
        mean_baseline_accuracy=1 - (validation.labels - mean).abs().mean().item(),
        parameters=sum(parameter.numel() for parameter in context.network.parameters()),
        trained_parameter_count=count_trained_parameters(context),
        fixed_megabytes=estimate_fixed_bytes(context) / MEGABYTE_BYTES,
        batch_megabytes=estimate_bytes_per_clip(context) * batch / context.config.accumulate / MEGABYTE_BYTES,
        batch_seconds=trial.forward_backward_seconds * batch,
        run_seconds=_estimate_run_seconds(context, trial),
        device=distributed.device_name(context.device),
        is_backbone_random=bool(context.network.backbone_tensors()) and has_random_backbone(context.config),
        warnings=tuple(describe_data_problems(training, validation)),
    )


def describe_data_problems(training: LabelledSplit, validation: LabelledSplit) -> Iterator[str]:
    """Yield a sentence for each property of the data that makes results unreliable: few clips, rare genders."""
    if len(training.rows) < FEW_TRAINING_CLIPS:
        yield f"{len(training.rows)} clips are too few to train on; expected {FEW_TRAINING_CLIPS} or more"
    if len(validation.rows) < MIN_GROUP_CLIPS:
        yield f"{len(validation.rows)} validation clips are too few to choose an epoch by; expected {MIN_GROUP_CLIPS}"
    for name, split in (("training", training), ("validation", validation)):
        counts = split.rows["gender"].value_counts() if "gender" in split.rows else pd.Series(dtype=int)
        if len(counts) == 1:
            yield f"all {counts.iloc[0]:,} clips of {name} with a known gender are {counts.index[0]}"
        elif len(counts) > 1 and counts.iloc[-1] < RARE_GROUP_SHARE * counts.sum():
            yield f"only {counts.iloc[-1]:,} of {counts.sum():,} clips of {name} are {counts.index[-1]}"


@dataclass(frozen=True)
class _TrialTimes:
    """Seconds per clip with `frames` crops: reading, forward pass, both passes, and both passes of the head alone."""

    frames: int
    read_seconds: float
    forward_seconds: float
    forward_backward_seconds: float
    head_seconds: float


def _estimate_run_seconds(context: RunContext, trial: _TrialTimes) -> float:
    """Return the seconds of all epochs, their validation and their files. Features for a head are computed once."""

    def share(frames: int) -> float:
        return frames / trial.frames if "faces" in context.network.needs.inputs else 1.0

    training, validation = len(context.training.rows), len(context.validation.rows)
    forward, both = (trial.read_seconds + one for one in (trial.forward_seconds, trial.forward_backward_seconds))
    evaluated = validation * share(VALIDATION_FRAMES) * forward
    total = EPOCH_FILES_SECONDS * sum(stage.epochs for stage in context.config.stages)
    for stage in context.config.stages:
        if stage.trains == "head" and context.network.needs.inputs:
            total += training * share(stage.frames) * forward + evaluated
            total += stage.epochs * training * trial.head_seconds
        else:
            total += stage.epochs * (training * share(stage.frames) * both + evaluated)
    return total


def _time_trial_batch(context: RunContext) -> _TrialTimes:
    """Time a copy of the network on a few clips: a forward pass, a forward and backward pass, and both of the head."""
    rows = context.training.rows.head(TRIAL_CLIPS)
    labels = context.training.labels[: len(rows)].to(context.device)
    frames = context.config.stages[0].frames
    try:
        network = copy.deepcopy(context.network).eval()
        before = time.perf_counter()
        batch = read_batch(context.cache, rows, network.needs, frames).to(context.device)
        read = time.perf_counter() - before
        with torch.no_grad():
            features = network.features(batch)  # also the warm-up
        times = [time.perf_counter()]
        for backward, inputs in ((False, batch), (True, batch), (True, features)):
            with torch.set_grad_enabled(backward):
                predicted = network(batch) if inputs is batch else network.head(features)
                loss = (predicted - labels).abs().mean()
            if backward:
                loss.backward()
            if context.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter())
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise TrainingError(f"Not enough memory for {len(rows)} clips; use fewer frames.") from error
    if not torch.isfinite(loss):
        raise TrainingError("The loss of the first batch is not finite; check the inputs.")
    forward, forward_backward, head = ((end - start) / len(rows) for start, end in pairwise(times))
    return _TrialTimes(frames, read / len(rows) / LOADER_THREADS, forward, forward_backward, head)
