"""What can be known of a run before its first step: counts, leakage, the baseline, memory, one batch tried."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch

from personality.models.batching import read_batch
from training.data.dataloader import VALIDATION_FRAMES, TrainingError
from training.engine.context import RunContext, has_random_backbone
from training.engine.memory_estimate import count_trained_parameters, estimate_bytes_per_clip, estimate_fixed_bytes
from training.runs.eta import format_duration

TRIAL_CLIPS = 4  # clips in the batch that is tried; the whole batch's figures are projected from it
MEGABYTE_BYTES = 2**20


@dataclass(frozen=True)
class DryRunReport:
    """What `report` says in words.

    training, validation: clips; left_out: of both, lacking what the modality needs; shared_sources: sources in both,
    and shared_clips: clips of validation that are of them; baseline: accuracy of the training mean on validation;
    parameters: in all, and trained at some stage; megabytes: for weights, gradients, moments and average;
    batch_megabytes: for what a batch, or a piece of it, holds between forward and back; seconds: for a whole
    batch through all layers, forward and back, and whole_seconds: for all epochs of all stages and their validation,
    both projected from a few clips; random: whether a backbone starts from random weights.
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
    is_backbone_random: bool

    def report(self) -> str:
        """The same in words."""
        leak = (
            f"{self.shared_clips:,} clips of validation are of {self.shared_sources:,} sources that are also trained on"
            if self.shared_sources
            else "no source is in both"
        )
        counts = f"{self.training:,} clips to train on, {self.validation:,} to validate, {self.left_out:,} left out"
        weights = f"{self.parameters:,} parameters, {self.trained_parameter_count:,} trained"
        return (
            f"{counts}; {leak}\n"
            f"accuracy to beat: {self.mean_baseline_accuracy:.4f}, by always saying the training mean\n"
            f"{weights}; {self.fixed_megabytes:,.0f} MB for them and the optimiser, "
            f"{self.batch_megabytes:,.0f} MB for what a batch holds\n"
            f"a batch through all layers, forward and back, takes about {self.batch_seconds:.2f} s; "
            f"the whole run about {format_duration(self.run_seconds)}, if no stage ends early"
            + (
                "\nthe backbone starts from random weights; --backbone names a file of better ones"
                if self.is_backbone_random
                else ""
            )
        )


def perform_dry_run(parts: RunContext) -> DryRunReport:
    """Look at a run that is prepared, and try one small batch on a copy of its network.

    Raises TrainingError where memory does not suffice even for that, or its loss is not a number.
    """
    training, validation = parts.training, parts.validation
    shared = validation.rows["source"].isin(training.rows["source"])
    mean = training.labels.mean(0)
    trial = _time_trial_batch(parts)
    return DryRunReport(
        training=len(training.rows),
        validation=len(validation.rows),
        left_out=training.left_out + validation.left_out,
        shared_sources=validation.rows.loc[shared, "source"].nunique(),
        shared_clips=int(shared.sum()),
        mean_baseline_accuracy=1 - (validation.labels - mean).abs().mean().item(),
        parameters=sum(parameter.numel() for parameter in parts.network.parameters()),
        trained_parameter_count=count_trained_parameters(parts),
        fixed_megabytes=estimate_fixed_bytes(parts) / MEGABYTE_BYTES,
        batch_megabytes=estimate_bytes_per_clip(parts) * parts.config.batch / parts.config.accumulate / MEGABYTE_BYTES,
        batch_seconds=trial.forward_backward_seconds * parts.config.batch,
        run_seconds=_estimate_run_seconds(parts, trial),
        is_backbone_random=bool(parts.network.backbone_tensors()) and has_random_backbone(parts.config),
    )


@dataclass(frozen=True)
class _TrialTimes:
    """Seconds of one clip with so many frames: look, forward alone; learn, forward and back."""

    frames: int
    forward_seconds: float
    forward_backward_seconds: float


def _estimate_run_seconds(parts: RunContext, trial: _TrialTimes) -> float:
    """Seconds of all epochs of all stages and their validation. What precedes a head is computed once."""

    def share(frames: int) -> float:
        return frames / trial.frames if "faces" in parts.network.needs.inputs else 1.0

    training, validation = len(parts.training.rows), len(parts.validation.rows)
    total, judged = 0.0, validation * share(VALIDATION_FRAMES) * trial.forward_seconds
    for stage in parts.config.stages:
        if stage.trains == "head" and parts.network.needs.inputs:
            total += training * share(stage.frames) * trial.forward_seconds + judged
        else:
            total += stage.epochs * (training * share(stage.frames) * trial.forward_backward_seconds + judged)
    return total


def _time_trial_batch(parts: RunContext) -> _TrialTimes:
    """A copy's passes on a few clips: one that does not count, forward alone, forward and back."""
    rows = parts.training.rows.head(TRIAL_CLIPS)
    labels = parts.training.labels[: len(rows)].to(parts.device)
    frames = parts.config.stages[0].frames
    try:
        network = copy.deepcopy(parts.network).eval()
        batch = read_batch(parts.cache, rows, network.needs, frames).to(parts.device)
        times = [time.perf_counter()]
        for back in (False, False, True):
            with torch.set_grad_enabled(back):
                loss = (network(batch) - labels).abs().mean()
            if back:
                loss.backward()
            if parts.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter())
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise TrainingError(f"Memory does not suffice even for {len(rows)} clips; take fewer frames.") from error
    if not torch.isfinite(loss):
        raise TrainingError("The loss of the first batch is not a number; look at the inputs.")
    return _TrialTimes(frames, (times[2] - times[1]) / len(rows), (times[3] - times[2]) / len(rows))
