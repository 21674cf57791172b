"""The training loop: stages of epochs, early stopping, the weights of the best epoch, and resuming after any epoch.

The random numbers of an epoch depend only on the seed of the run, the epoch, the process and the clip. A resumed run
therefore gives the same result as an uninterrupted one, although no generator state is stored.
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

# Seeds: RUN_SEED_STRIDE * seed + epoch + PROCESS_SEED_STRIDE * process, distinct for up to 7,919 epochs.
RUN_SEED_STRIDE, PROCESS_SEED_STRIDE = 1_000_003, 7_919
HEAD_BATCH_CLIPS = 256  # clips per batch when predicting from stored features


class StopRequested(BaseException):
    """The run was asked to stop; a BaseException, so that handlers of errors do not catch it."""


def train_run(run: Run) -> None:
    """Start or resume a run and train it to the end.

    With several processes, each calls it within `distributed.process_group`.

    Parameters
    ----------
    run : Run
        A folder with a configuration; its status, metrics, log, state and checkpoint are written during training.

    Raises
    ------
    ValueError
        Another process is training this run.
    TrainingError
        The run cannot continue, for example because the disk is full. The status is then `failed`, as it is after the
        errors of `prepare_run`.
    """
    handlers = {number: signal.signal(number, _raise_stop_requested) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _lock_run(run):
            _train_with_status(ReadOnlyRun(run.folder) if distributed.rank() else run)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _lock_run(run: Run) -> AbstractContextManager:
    """The lock of a run, held by the first of its processes."""
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
        full = TrainingError(
            f"The disk of {run.folder} is full; free some space and resume. The last complete epoch is stored."
        )
        _write_failed_status(run, full)
        raise full from error
    except Exception as error:
        _write_failed_status(run, error)
        raise


def _write_failed_status(run: Run, error: Exception) -> None:
    with suppress(
        OSError
    ):  # on a full disk the status cannot be written; without a heartbeat, the run is shown as stale
        run.write_status("failed", why=str(error) or type(error).__name__)


def _raise_stop_requested(*_: object) -> None:
    raise StopRequested


def _train_stages(context: RunContext) -> None:
    progress, state = load_state(context)
    if state is None:
        context.run.log(perform_dry_run(context).report())
    for number in range(progress.stage, len(context.config.stages)):
        if number > progress.stage:
            progress = _start_next_stage(context, progress, number)
            state = None
        _run_stage(context, progress, context.config.stages[number], state)
    context.tensorboard_writer.close()
    metrics = _write_model_card(context, progress)
    context.run.write_status("done", why="; ".join(progress.ended.values()), accuracy=metrics["accuracy"])
    distributed.wait_for_processes()


def _start_next_stage(context: RunContext, progress: RunProgress, number: int) -> RunProgress:
    """Start a new stage from the best weights so far."""
    load_best_weights(context)
    carried_over = {name: getattr(progress, name) for name in ("epoch", "best", "best_epoch", "best_accuracy", "ended")}
    return RunProgress(stage=number, **carried_over)


def _run_stage(context: RunContext, progress: RunProgress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    if _has_epochs_left(context, progress, stage):
        _run_epochs(context, progress, stage, state)
    stopped_early = progress.waited >= context.config.patience
    why = f"no better epoch in {context.config.patience}" if stopped_early else f"all {stage.epochs} epochs done"
    progress.ended[f"stage {progress.stage + 1}"] = f"stage {progress.stage + 1} ({stage.trains}): {why}"


def _has_epochs_left(context: RunContext, progress: RunProgress, stage: Stage) -> bool:
    return progress.stage_epoch < stage.epochs and progress.waited < context.config.patience


def _run_epochs(context: RunContext, progress: RunProgress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    # This fits the network, so it precedes the average, which would otherwise include values from before the fit.
    make_batches, predict = _make_epoch_functions(context, stage, fresh=state is None and progress.stage == 0)
    learner = make_learner(context, stage, state, progress.averaged)
    while _has_epochs_left(context, progress, stage):
        # The order of clips is sampled with the same seed in all processes, and the rest with a seed per process.
        seed = RUN_SEED_STRIDE * context.config.seed + progress.epoch
        torch.manual_seed(seed)
        start = time.monotonic()
        order = torch.randperm(len(context.training.rows))
        torch.manual_seed(seed + PROCESS_SEED_STRIDE * distributed.rank())
        rates = _learning_rates(context, stage, progress.stage_epoch)
        loss = run_epoch(context, learner, make_batches(order, progress.stage_epoch), rates, progress.epoch)
        training_seconds = time.monotonic() - start
        with learner.averaged_weights:
            # All processes use the predictions of the first, so that they stop after the same epoch.
            predicted = distributed.broadcast_from_first(predict())
        clips_per_second = len(context.training.rows) / training_seconds
        times = {"seconds": time.monotonic() - start, "clips_per_second": clips_per_second}
        _record_epoch(context, progress, loss, predicted, times)
        save_epoch(context, learner, progress)


def _learning_rates(context: RunContext, stage: Stage, epoch: int) -> Iterator[float]:
    """The learning rate of each step of an epoch; it depends only on the step number, so that resuming is exact."""
    steps = math.ceil(len(context.training.rows) / context.config.batch)
    for step in range(epoch * steps, (epoch + 1) * steps):
        yield stage.rate * (one_cycle_factor(step, steps * stage.epochs) if context.config.schedule == "cycle" else 1.0)


def _make_epoch_functions(
    context: RunContext, stage: Stage, *, fresh: bool
) -> tuple[Callable[[Tensor, int], MicroBatchInputs], Callable[[], Tensor]]:
    """Two functions for the epochs of a stage: one makes the batches of an epoch from the order of its clips and its
    number, the other predicts the validation split. A `head` stage computes the features once, here; if `fresh`, the
    network is fitted to them."""
    config = context.config
    if stage.trains == "all":
        clips = ClipLoader(context.cache, context.training, config, context.network.needs, frames=stage.frames)

        def load_batches(order: Tensor, epoch: int) -> MicroBatchInputs:
            return load_clip_batches(
                clips, split_into_micro_batches(order, config.batch, config.accumulate), context.device, epoch=epoch
            )

        return load_batches, lambda: _predict_validation_clips(context, VALIDATION_FRAMES)
    context.run.log("computing the features of the fixed layers once")
    features = compute_features(context.network, context.cache, context.training, stage.frames, context.device)
    validation_features = compute_features(
        context.network, context.cache, context.validation, VALIDATION_FRAMES, context.device
    )
    if fresh:
        context.network.fit(features)

    def select_features(order: Tensor, epoch: int) -> MicroBatchInputs:
        for piece in split_into_micro_batches(order, config.batch, config.accumulate):
            yield piece, features[distributed.take_process_share(piece.clip_indices)].to(context.device)

    return select_features, lambda: _predict_from_features(context, validation_features)


@torch.inference_mode()
def _predict_from_features(context: RunContext, features: Tensor) -> Tensor:
    context.network.eval()
    return torch.cat([context.network.head(part.to(context.device)).cpu() for part in features.split(HEAD_BATCH_CLIPS)])


@torch.inference_mode()
def _predict_validation_clips(context: RunContext, frames: int) -> Tensor:
    context.network.eval()
    if not context.network.needs.inputs:
        features = compute_features(context.network, context.cache, context.validation, frames, context.device)
        return _predict_from_features(context, features)
    clips = ClipLoader(context.cache, context.validation, context.config, context.network.needs, frames=frames)
    batches = load_clip_batches(clips, micro_batches_in_order(len(clips)), context.device, epoch=None)
    return torch.cat(
        [distributed.gather_rows(context.network(batch), len(piece.clip_indices)).cpu() for piece, batch in batches]
    )


def _record_epoch(
    context: RunContext, progress: RunProgress, loss: float, predicted: Tensor, times: dict[str, float]
) -> None:
    """Add the results of an epoch to the progress, the metrics, the log and the status. `times` has the `seconds` of
    the whole epoch and the `clips_per_second` of its training part."""
    metrics, trains = _evaluate_epoch(context, progress, predicted), context.config.stages[progress.stage].trains
    row = {"epoch": progress.epoch, "stage": progress.stage + 1, "trains": trains, "loss": loss, **metrics, **times}
    context.run.record_metrics(row)
    if not distributed.rank():
        context.tensorboard_writer.add(row)
    summary = f"loss {loss:.4f}, validation {metrics['validation_loss']:.4f}, accuracy {metrics['accuracy']:.4f}"
    context.run.log(f"epoch {progress.epoch}: {summary}")
    context.run.write_status(
        "running",
        epoch=progress.epoch,
        epochs=sum(stage.epochs for stage in context.config.stages),
        best_epoch=progress.best_epoch + 1,
        best_accuracy=progress.best_accuracy,
        done=0.0,  # share of the next epoch
        device=distributed.device_name(context.device),
        memory=peak_memory_bytes(context.device),
    )


def _evaluate_epoch(context: RunContext, progress: RunProgress, predicted: Tensor) -> dict[str, float]:
    """Evaluate an epoch on validation; update the best epoch and the number of epochs without improvement."""
    labels = context.validation.labels
    loss = LOSS_FUNCTIONS[context.config.loss](predicted, labels, context.validation.weights).item()
    by_trait = 1 - (predicted - labels).abs().mean(0)
    accuracy = by_trait.mean().item()
    if loss < progress.best or context.config.keeps == "last":
        progress.best, progress.best_epoch, progress.best_accuracy = loss, progress.epoch, accuracy
    progress.waited = 0 if loss < progress.stage_best else progress.waited + 1
    progress.stage_best = min(progress.stage_best, loss)
    progress.epoch, progress.stage_epoch = progress.epoch + 1, progress.stage_epoch + 1
    each = zip(TRAIT_NAMES, by_trait.tolist(), strict=True)
    return {"validation_loss": loss, "accuracy": accuracy, **{f"accuracy_{trait}": value for trait, value in each}}


def _write_model_card(context: RunContext, progress: RunProgress) -> dict[str, Any]:
    """Write the card with the metrics of the stored half-precision weights; return the metrics."""
    load_best_weights(context)
    card = make_run_card(
        context, _predict_validation_clips(context, PREPROCESSING.faces), best_epoch=progress.best_epoch
    )
    if not distributed.rank():
        save_card(context.run.folder, card, context.branches)
    return card["metrics"]
