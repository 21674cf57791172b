"""The training loop: stages of epochs, the best epoch kept, early stopping, a state to resume from after each epoch.

Each epoch's randomness is seeded by the seed, the epoch's number, the process and the clip alone, so a run that is
resumed at the beginning of an epoch goes on as if it had never stopped, without any generator's state on disk.
"""

from __future__ import annotations

import errno
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import torch
from torch import Tensor

from personality.constants import PREPROCESSING
from personality.models.checkpoint import save_card
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import hold_lock_file
from training import distributed
from training.config.losses import LOSS_FUNCTIONS
from training.config.run_config import Stage
from training.data.dataloader import (
    VALIDATION_FRAMES,
    ClipLoader,
    TrainingError,
    compute_features,
    load_clip_batches,
    micro_batches_in_order,
    split_into_micro_batches,
)
from training.engine.context import RunContext, prepare_run
from training.engine.dry_run import perform_dry_run
from training.engine.epoch import MicroBatchInputs, make_learner, run_epoch
from training.engine.lr_schedule import one_cycle_factor
from training.engine.model_card import make_run_card
from training.engine.process_memory import peak_memory_bytes
from training.engine.resume import RunProgress, load_best_weights, load_state, save_epoch
from training.runs.run import ReadOnlyRun, Run


class StopRequested(BaseException):
    """The run was asked to stop; a BaseException, so that handlers of errors do not catch it."""


def train_run(run: Run) -> None:
    """Start or resume a run and train it to the end. With several processes, each calls it within
    `distributed.process_group`.

    Raises ValueError if another process writes this run. Other errors are raised after the status is set to `failed`:
    TrainingError if the run cannot continue, also for a full disk, and the errors of `prepare_run`.
    """
    before = {number: signal.signal(number, _raise_stop_requested) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _lock_run(run):
            _train_with_status(ReadOnlyRun(run.folder) if distributed.rank() else run)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lock_run(run: Run) -> AbstractContextManager:
    """The run's lock, which the first of its processes holds for all."""
    if distributed.rank():
        return nullcontext()
    return hold_lock_file(run.folder / "lock", f"Another process is writing {run.folder}; stop it first.")


def _train_with_status(run: Run) -> None:
    try:
        run.write_status("running", why="")
        _train_stages(prepare_run(run))
    except StopRequested:
        run.write_status("stopped", why="stopped on request; it can be resumed")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            _write_failed_status(run, error)
            raise
        full = TrainingError(f"The disk of {run.folder} is full; make room and resume. The last whole epoch is kept.")
        _write_failed_status(run, full)
        raise full from error
    except Exception as error:
        _write_failed_status(run, error)
        raise


def _write_failed_status(run: Run, error: Exception) -> None:
    with suppress(OSError):  # on a full disk the status cannot be written; the run is then stale
        run.write_status("failed", why=str(error) or type(error).__name__)


def _raise_stop_requested(*_: object) -> None:
    raise StopRequested


def _train_stages(parts: RunContext) -> None:
    progress, state = load_state(parts)
    if state is None:
        parts.run.log(perform_dry_run(parts).report())
    for place in range(progress.stage, len(parts.config.stages)):
        if place > progress.stage:
            progress = _begin_next_stage(parts, progress, place)
            state = None
        _run_stage(parts, progress, parts.config.stages[place], state)
    parts.tensorboard_writer.close()
    figures = _write_model_card(parts, progress)
    parts.run.write_status("done", why="; ".join(progress.ended.values()), accuracy=figures["accuracy"])
    distributed.wait_for_processes()


def _begin_next_stage(parts: RunContext, progress: RunProgress, place: int) -> RunProgress:
    """Start a new stage from the best weights so far."""
    load_best_weights(parts)
    kept = {name: getattr(progress, name) for name in ("epoch", "best", "best_epoch", "best_accuracy", "ended")}
    return RunProgress(stage=place, **kept)


def _run_stage(parts: RunContext, progress: RunProgress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    if _has_epochs_left(parts, progress, stage):
        _run_epochs(parts, progress, stage, state)
    stopped_early = progress.waited >= parts.config.patience
    why = f"no better epoch in {parts.config.patience}" if stopped_early else f"all {stage.epochs} epochs done"
    progress.ended[f"stage {progress.stage + 1}"] = f"stage {progress.stage + 1} ({stage.trains}): {why}"


def _has_epochs_left(parts: RunContext, progress: RunProgress, stage: Stage) -> bool:
    return progress.stage_epoch < stage.epochs and progress.waited < parts.config.patience


def _run_epochs(parts: RunContext, progress: RunProgress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    # Fit before the average is created, which would otherwise include the initial values.
    draw, predict = _make_epoch_functions(parts, stage, fresh=state is None and progress.stage == 0)
    learner = make_learner(parts, stage, state, progress.averaged)
    while _has_epochs_left(parts, progress, stage):
        # The order of clips is sampled with the same seed in all processes, and the rest with a seed per process.
        torch.manual_seed(parts.config.seed * 1_000_003 + progress.epoch)
        began = time.monotonic()
        order = torch.randperm(len(parts.training.rows))
        torch.manual_seed(parts.config.seed * 1_000_003 + progress.epoch + 7_919 * distributed.rank())
        rates = _learning_rates(parts, stage, progress.stage_epoch)
        loss = run_epoch(parts, learner, draw(order, progress.stage_epoch), rates, progress.epoch)
        training = time.monotonic() - began
        with learner.averaged_weights:
            # What one process finds decides for all, or some would stop earlier than others.
            predicted = distributed.broadcast_from_first(predict())
        times = {"seconds": time.monotonic() - began, "clips_per_second": len(parts.training.rows) / training}
        _record_epoch(parts, progress, loss, predicted, times)
        save_epoch(parts, learner, progress)


def _learning_rates(parts: RunContext, stage: Stage, epoch: int) -> Iterator[float]:
    """The rate of each step of an epoch: a function of the step's number alone, so that resuming is exact."""
    steps = math.ceil(len(parts.training.rows) / parts.config.batch)
    for step in range(epoch * steps, (epoch + 1) * steps):
        yield stage.rate * (one_cycle_factor(step, steps * stage.epochs) if parts.config.schedule == "cycle" else 1.0)


def _make_epoch_functions(
    parts: RunContext, stage: Stage, *, fresh: bool
) -> tuple[Callable[[Tensor, int], MicroBatchInputs], Callable[[], Tensor]]:
    """How an epoch's batches come in a given order, and how the validation split is predicted."""
    config = parts.config
    if stage.trains == "all":
        clips = ClipLoader(parts.cache, parts.training, config, parts.network.needs, frames=stage.frames)

        def draw(order: Tensor, epoch: int) -> MicroBatchInputs:
            return load_clip_batches(
                clips, split_into_micro_batches(order, config.batch, config.accumulate), parts.device, epoch=epoch
            )

        return draw, lambda: _predict_validation_clips(parts, VALIDATION_FRAMES)
    parts.run.log("computing the features of the fixed layers, once")
    features = compute_features(parts.network, parts.cache, parts.training, stage.frames, parts.device)
    known = compute_features(parts.network, parts.cache, parts.validation, VALIDATION_FRAMES, parts.device)
    if fresh:
        parts.network.fit(features)

    def pick(order: Tensor, epoch: int) -> MicroBatchInputs:
        for piece in split_into_micro_batches(order, config.batch, config.accumulate):
            yield piece, features[distributed.take_process_share(piece.clip_indices)].to(parts.device)

    return pick, lambda: _predict_from_features(parts, known)


@torch.inference_mode()
def _predict_from_features(parts: RunContext, features: Tensor) -> Tensor:
    parts.network.eval()
    return torch.cat([parts.network.head(part.to(parts.device)).cpu() for part in features.split(256)])


@torch.inference_mode()
def _predict_validation_clips(parts: RunContext, frames: int) -> Tensor:
    parts.network.eval()
    if not parts.network.needs.inputs:
        features = compute_features(parts.network, parts.cache, parts.validation, frames, parts.device)
        return _predict_from_features(parts, features)
    clips = ClipLoader(parts.cache, parts.validation, parts.config, parts.network.needs, frames=frames)
    batches = load_clip_batches(clips, micro_batches_in_order(len(clips)), parts.device, epoch=None)
    return torch.cat(
        [distributed.gather_rows(parts.network(batch), len(piece.clip_indices)).cpu() for piece, batch in batches]
    )


def _record_epoch(
    parts: RunContext, progress: RunProgress, loss: float, predicted: Tensor, times: dict[str, float]
) -> None:
    """Put the epoch's figures into the progress, the metrics, the log and the status. times: of the whole epoch, and
    clips a second while it trained."""
    found, trains = _evaluate_epoch(parts, progress, predicted), parts.config.stages[progress.stage].trains
    row = {"epoch": progress.epoch, "stage": progress.stage + 1, "trains": trains, "loss": loss, **found, **times}
    parts.run.record_metrics(row)
    if not distributed.rank():
        parts.tensorboard_writer.add(row)
    figures = f"loss {loss:.4f}, validation {found['validation_loss']:.4f}, accuracy {found['accuracy']:.4f}"
    parts.run.log(f"epoch {progress.epoch}: {figures}")
    parts.run.write_status(
        "running",
        epoch=progress.epoch,
        epochs=sum(stage.epochs for stage in parts.config.stages),
        best_epoch=progress.best_epoch + 1,
        best_accuracy=progress.best_accuracy,
        done=0.0,
        device=distributed.device_name(parts.device),
        memory=peak_memory_bytes(parts.device),
    )


def _evaluate_epoch(parts: RunContext, progress: RunProgress, predicted: Tensor) -> dict[str, float]:
    """Evaluate an epoch on validation and update the progress: the best epoch, and the epochs since then."""
    labels = parts.validation.labels
    loss = LOSS_FUNCTIONS[parts.config.loss](predicted, labels, parts.validation.weights).item()
    by_trait = 1 - (predicted - labels).abs().mean(0)
    accuracy = by_trait.mean().item()
    if loss < progress.best or parts.config.keeps == "last":
        progress.best, progress.best_epoch, progress.best_accuracy = loss, progress.epoch, accuracy
    progress.waited = 0 if loss < progress.stage_best else progress.waited + 1
    progress.stage_best = min(progress.stage_best, loss)
    progress.epoch, progress.stage_epoch = progress.epoch + 1, progress.stage_epoch + 1
    each = zip(TRAIT_NAMES, by_trait.tolist(), strict=True)
    return {"validation_loss": loss, "accuracy": accuracy, **{f"accuracy_{trait}": value for trait, value in each}}


def _write_model_card(parts: RunContext, progress: RunProgress) -> dict[str, Any]:
    """Write the card, with metrics of the stored half-precision weights; returns the metrics."""
    load_best_weights(parts)
    card = make_run_card(parts, _predict_validation_clips(parts, PREPROCESSING.faces), best_epoch=progress.best_epoch)
    if not distributed.rank():
        save_card(parts.run.folder, card, parts.branches)
    return card["metrics"]
