"""The training loop: stages of epochs, the best epoch kept, early stopping, a state to resume from after each epoch.

Each epoch's randomness is seeded by (seed, stage, epoch) alone, so a run that is resumed at the beginning of an epoch
goes on as if it had never stopped, without any generator's state on disk.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from personality.constants import PREPROCESSING
from personality.models.checkpoint import save_card
from personality.models.network import Batch, Network
from personality.models.table import TableNetwork
from personality.storage import exclusive
from personality.traits import TRAIT_NAMES
from training.card import make_card
from training.config import Config, Stage
from training.data import EVALUATION_BATCH, Clips, TrainingError, clip_batches, compute_features
from training.parts import Parts, prepare
from training.preflight import inspect
from training.progress import Progress, keep, load_best, load_state, restore
from training.runs import Run

LOSSES: dict[str, Callable[[], nn.Module]] = {"mse": nn.MSELoss, "l1": nn.L1Loss}
VALIDATION_FRAMES = 8  # crops per clip in every stage, so that their losses can be compared
ADAMS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
WARM_UP = 0.3  # of the steps of a `cycle`
HEARTBEAT = 5.0  # seconds between two words of life within an epoch


class Stopped(Exception):
    """Somebody asked the run to stop."""


def train(run: Run) -> None:
    """Begin or go on with a run until its end; the status tells how it ended.

    Raises TrainingError (and says `failed`) where it cannot go on.
    """
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with exclusive(run.folder / "lock", f"Another process is writing {run.folder}; stop it first."):
            _train_alone(run)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train_alone(run: Run) -> None:
    try:
        run.say("running", why="")
        _train(prepare(run))
    except Stopped:
        run.say("stopped", why="somebody stopped it; it can be resumed")
    except Exception as error:
        run.say("failed", why=str(error) or type(error).__name__)
        raise


def _stop(*_: object) -> None:
    raise Stopped


def _train(parts: Parts) -> None:
    progress, state = load_state(parts)
    if state is None:
        parts.run.log(inspect(parts).report())
    for place in range(progress.stage, len(parts.config.stages)):
        if place > progress.stage:
            progress = _next_stage(parts, progress, place)
            state = None
        _run_stage(parts, progress, parts.config.stages[place], state)
    parts.board.close()
    figures = _write_card(parts, progress)
    parts.run.say("done", why="; ".join(progress.ended.values()), accuracy=figures["accuracy"])


def _next_stage(parts: Parts, progress: Progress, place: int) -> Progress:
    """A new stage begins from the best weights so far."""
    load_best(parts)
    kept = {name: getattr(progress, name) for name in ("epoch", "best", "best_epoch", "ended")}
    return Progress(stage=place, **kept)


def _run_stage(parts: Parts, progress: Progress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    parameters = _select(parts.network, stage)
    optimiser = make_optimiser(parameters, parts.config, stage.rate)
    restore(optimiser, state)
    batches, validate = _sources(parts, stage, fresh=state is None and progress.stage == 0)
    while progress.stage_epoch < stage.epochs and progress.waited < parts.config.patience:
        torch.manual_seed(parts.config.seed * 1_000_003 + progress.epoch)
        began = time.monotonic()
        rates = _rates(parts, stage, progress.stage_epoch)
        loss = _epoch(parts, optimiser, batches(progress.stage_epoch), rates, progress)
        seconds = time.monotonic() - began
        predicted = validate()
        _note_epoch(parts, progress, loss, predicted, seconds)
        keep(parts, optimiser, progress)
    stopped_early = progress.waited >= parts.config.patience
    why = f"no better epoch in {parts.config.patience}" if stopped_early else f"all {stage.epochs} epochs done"
    progress.ended[f"stage {progress.stage + 1}"] = f"stage {progress.stage + 1} ({stage.trains}): {why}"


def _select(network: Network, stage: Stage) -> list[nn.Parameter]:
    """The parameters that a stage trains; the others are frozen. A head's features are computed once."""
    backbone = getattr(network, "backbone", None)
    if backbone is not None:
        backbone.requires_grad_(stage.trains == "all")
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def make_optimiser(parameters: list[nn.Parameter], config: Config, rate: float) -> torch.optim.Optimizer:
    """Adam, AdamW, or SGD with or without a momentum of 0.9."""
    if config.optimiser in ADAMS:
        return ADAMS[config.optimiser](parameters, rate, weight_decay=config.weight_decay)
    momentum = 0.9 if config.optimiser == "momentum" else 0.0
    return torch.optim.SGD(parameters, rate, momentum=momentum, weight_decay=config.weight_decay)


Batches = Callable[[int], Iterator[tuple[Any, Tensor]]]


def _rates(parts: Parts, stage: Stage, epoch: int) -> Iterator[float]:
    """The rate of each step of an epoch: a function of the step's number alone, so that resuming is exact."""
    steps = math.ceil(len(parts.training.rows) / parts.config.batch)
    for step in range(epoch * steps, (epoch + 1) * steps):
        yield stage.rate * (cycle(step, steps * stage.epochs) if parts.config.schedule == "cycle" else 1.0)


def cycle(step: int, steps: int) -> float:
    """The share of the highest rate at a step: from 1/25 up along a cosine for WARM_UP of the steps, then down to
    nearly nothing."""
    top = WARM_UP * steps
    if step < top:
        return 1 - (1 - 1 / 25) * (1 + math.cos(math.pi * step / top)) / 2
    return (1 + math.cos(math.pi * (step - top) / (steps - top))) / 2


def _sources(parts: Parts, stage: Stage, *, fresh: bool) -> tuple[Batches, Callable[[], Tensor]]:
    """How an epoch's batches come, and how the validation split is predicted."""
    if stage.trains == "all":
        clips = Clips(parts.cache, parts.training, parts.config, parts.network.needs, frames=stage.frames)

        def draw(epoch: int) -> Iterator[tuple[Batch, Tensor]]:
            return clip_batches(clips, torch.randperm(len(clips)), parts.config.batch, parts.device, epoch=epoch)

        return draw, lambda: _predict_clips(parts, VALIDATION_FRAMES)
    parts.run.log("computing what the fixed part of the network gives, once")
    features = compute_features(parts.network, parts.cache, parts.training, stage.frames, parts.device)
    known = compute_features(parts.network, parts.cache, parts.validation, VALIDATION_FRAMES, parts.device)
    if fresh and isinstance(parts.network, TableNetwork):
        parts.network.fit(features)

    def pick(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.randperm(len(features)).split(parts.config.batch):
            yield features[part].to(parts.device), parts.training.labels[part].to(parts.device)

    return pick, lambda: _predict_features(parts, known)


def _epoch(
    parts: Parts, optimiser: torch.optim.Optimizer, batches: Iterator, rates: Iterator[float], progress: Progress
) -> float:
    """One pass over the training split; the mean loss. Raises TrainingError where the loss is not a number."""
    parts.network.train()
    measure, total, count, spoken = LOSSES[parts.config.loss](), 0.0, 0, time.monotonic()
    steps = math.ceil(len(parts.training.rows) / parts.config.batch)
    for inputs, labels in tqdm(batches, total=steps, desc=f"epoch {progress.epoch + 1}", leave=False, disable=None):
        optimiser.param_groups[0]["lr"] = next(rates)
        if len(labels) == 1 and count:  # batch normalisation has no spread to learn from in one clip
            continue
        predicted = parts.network(inputs) if isinstance(inputs, Batch) else parts.network.head(inputs)
        loss = measure(predicted, labels)
        if not torch.isfinite(loss):
            raise TrainingError("The loss is not a number any more; try a smaller rate. The best epoch is kept.")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total, count = total + loss.item() * len(labels), count + len(labels)
        if time.monotonic() - spoken > HEARTBEAT:
            parts.run.say("running", done=count / len(parts.training.rows))
            spoken = time.monotonic()
    return total / count


@torch.inference_mode()
def _predict_features(parts: Parts, features: Tensor) -> Tensor:
    parts.network.eval()
    return torch.cat([parts.network.head(part.to(parts.device)).cpu() for part in features.split(256)])


@torch.inference_mode()
def _predict_clips(parts: Parts, frames: int) -> Tensor:
    parts.network.eval()
    if not parts.network.needs.inputs:
        features = compute_features(parts.network, parts.cache, parts.validation, frames, parts.device)
        return _predict_features(parts, features)
    clips = Clips(parts.cache, parts.validation, parts.config, parts.network.needs, frames=frames)
    order = torch.arange(len(clips))
    return torch.cat(
        [
            parts.network(batch).cpu()
            for batch, _ in clip_batches(clips, order, EVALUATION_BATCH, parts.device, epoch=None)
        ]
    )


def _note_epoch(parts: Parts, progress: Progress, loss: float, predicted: Tensor, seconds: float) -> None:
    """Put the epoch's figures into the progress, the metrics, the log and the status."""
    labels, stage = parts.validation.labels, parts.config.stages[progress.stage]
    validation = LOSSES[parts.config.loss]()(predicted, labels).item()
    by_trait = 1 - (predicted - labels).abs().mean(0)
    if validation < progress.best or parts.config.keeps == "last":
        progress.best, progress.best_epoch = validation, progress.epoch
    progress.waited = 0 if validation < progress.stage_best else progress.waited + 1
    progress.stage_best = min(progress.stage_best, validation)
    progress.epoch, progress.stage_epoch = progress.epoch + 1, progress.stage_epoch + 1
    row = {
        "epoch": progress.epoch,
        "stage": progress.stage + 1,
        "trains": stage.trains,
        "loss": loss,
        "validation_loss": validation,
        "accuracy": by_trait.mean().item(),
        **{f"accuracy_{trait}": value for trait, value in zip(TRAIT_NAMES, by_trait.tolist(), strict=True)},
        "seconds": seconds,
        "clips_per_second": len(parts.training.rows) / seconds,
    }
    parts.run.record(row)
    parts.board.add(row)
    figures = f"loss {loss:.4f}, validation {validation:.4f}, accuracy {row['accuracy']:.4f}"
    parts.run.log(f"epoch {progress.epoch}: {figures}")
    parts.run.say(
        "running",
        epoch=progress.epoch,
        epochs=sum(stage.epochs for stage in parts.config.stages),
        best_epoch=progress.best_epoch + 1,
        best_accuracy=next(row["accuracy"] for row in parts.run.metrics() if row["epoch"] == progress.best_epoch + 1),
        done=0.0,
        device=str(parts.device),
    )


def _write_card(parts: Parts, progress: Progress) -> dict[str, Any]:
    """The card, with the figures that the stored, half-precision weights reach; returns those."""
    load_best(parts)
    card = make_card(parts, _predict_clips(parts, PREPROCESSING.faces), best_epoch=progress.best_epoch)
    save_card(parts.run.folder, card, parts.branches)
    return card["metrics"]
