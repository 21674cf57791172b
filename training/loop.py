"""The training loop: stages of epochs, the best epoch kept, early stopping, a state to resume from after each epoch.

Each epoch's randomness is seeded by (seed, stage, epoch) alone, so a run that is resumed at the beginning of an epoch
goes on as if it had never stopped, without any generator's state on disk.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from personality import __version__
from personality.analysis.intervals import mean_intervals, source_weights
from personality.constants import PREPROCESSING
from personality.modalities import MODALITIES
from personality.models import build
from personality.models.checkpoint import WEIGHTS, Model, load_model, read_card, save_card, save_weights
from personality.models.network import Batch, Network
from personality.preprocessing.cache import Cache
from personality.storage import exclusive, sha256, write_bytes
from personality.traits import TRAIT_NAMES
from training.config import Config, Stage
from training.data import EVALUATION_BATCH, Clips, Split, TrainingError, clip_batches, compute_features, read_split
from training.runs import STATE, Run, list_runs

LOSSES: dict[str, Callable[[], nn.Module]] = {"mse": nn.MSELoss, "l1": nn.L1Loss}
VALIDATION_FRAMES = 8  # crops per clip in every stage, so that their losses can be compared
HEARTBEAT = 5.0  # seconds between two words of life within an epoch


class Stopped(Exception):
    """Somebody asked the run to stop."""


@dataclass
class Progress:
    """Where a run is. epoch counts over all stages; best is the lowest validation loss of the run; waited counts the
    epochs of this stage since its own best."""

    stage: int = 0
    epoch: int = 0
    stage_epoch: int = 0
    best: float = math.inf
    best_epoch: int = -1
    stage_best: float = math.inf
    waited: int = 0
    ended: dict[str, str] = field(default_factory=dict)


@dataclass
class Parts:
    """What a run works with."""

    run: Run
    config: Config
    network: Network
    branches: dict[str, Model]
    cache: Cache
    training: Split
    validation: Split
    device: torch.device


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
        _train(_prepare(run))
    except Stopped:
        run.say("stopped", why="somebody stopped it; it can be resumed")
    except Exception as error:
        run.say("failed", why=str(error) or type(error).__name__)
        raise


def _stop(*_: object) -> None:
    raise Stopped


def _prepare(run: Run) -> Parts:
    config, cache = run.config, Cache(run.cache)
    torch.manual_seed(config.seed)
    training, validation = (read_split(cache, split, config.modality) for split in ("training", "validation"))
    branches = _branches(run, config, cache)
    networks = {name: model.network for name, model in branches.items()}
    network = build(config.modality, preset=config.preset, activation=config.activation, branches=networks)
    load_backbone(network, config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    counts = (
        f"{len(training.rows)} clips to train on ({training.left_out} left out), {len(validation.rows)} to validate"
    )
    run.log(counts)
    return Parts(run, config, network.to(device), branches, cache, training, validation, device)


def load_backbone(network: Network, config: Config) -> None:
    """Start the backbone from the weights the config names, or from those the preset brings.

    Raises TrainingError where the modality has no backbone to load.
    """
    loader: Callable[..., None] | None = getattr(network, "load_backbone", None)
    if loader is None:
        if config.backbone:
            raise TrainingError(f"{config.modality} has no backbone to load weights into; leave --backbone out.")
        return
    if config.backbone:
        loader(Path(config.backbone))
    elif config.preset == "compact":
        loader()


def _branches(run: Run, config: Config, cache: Cache) -> dict[str, Model]:
    """The models a fusion joins: the best at the first start, the same ones whenever it goes on."""
    pinned = run.branches
    if not pinned:
        names = MODALITIES[config.modality].branches
        folders = {name: best_run(run.folder.parent, name, config.preset, cache) for name in names}
        pinned = {name: {"folder": str(f), "sha256": sha256(f / WEIGHTS)} for name, f in folders.items()}
        run.pin(pinned)
    for name, entry in pinned.items():
        if sha256(Path(entry["folder"]) / WEIGHTS) != entry["sha256"]:
            raise TrainingError(f"The {name} model this run joins has changed since it began; start a new run.")
    return {name: load_model(Path(entry["folder"])) for name, entry in pinned.items()}


def best_run(runs: Path, modality: str, preset: str, cache: Cache) -> Path:
    """The folder of the finished run of a modality with the highest validation accuracy, of this preset and trained
    on the same data. Raises TrainingError where there is none."""
    found = []
    for run in list_runs(runs):
        if run.status()["state"] == "done" and (run.config.modality, run.config.preset) == (modality, preset):
            card = read_card(run.folder)
            if card["data"]["fingerprint"] == cache.card["fingerprint"]:
                found.append((card["metrics"]["accuracy"], run.folder))
    if not found:
        kind = f"finished {modality} run of preset {preset} on this cache's data"
        raise TrainingError(f"No {kind} in {runs}; train {modality} first, a fusion joins trained models.")
    return max(found, key=lambda pair: pair[0])[1]


def _train(parts: Parts) -> None:
    progress, state = _load_state(parts)
    for place in range(progress.stage, len(parts.config.stages)):
        if place > progress.stage:
            progress = _next_stage(parts, progress, place)
            state = None
        _run_stage(parts, progress, parts.config.stages[place], state)
    figures = _write_card(parts, progress)
    parts.run.say("done", why="; ".join(progress.ended.values()), accuracy=figures["accuracy"])


def _next_stage(parts: Parts, progress: Progress, place: int) -> Progress:
    """A new stage begins from the best weights so far."""
    _load_best(parts)
    kept = {name: getattr(progress, name) for name in ("epoch", "best", "best_epoch", "ended")}
    return Progress(stage=place, **kept)


def _run_stage(parts: Parts, progress: Progress, stage: Stage, state: dict[str, Tensor] | None) -> None:
    parameters = _select(parts.network, stage)
    optimiser = make_optimiser(parameters, parts.config, stage.rate)
    _restore(optimiser, state)
    batches, validate = _sources(parts, stage)
    while progress.stage_epoch < stage.epochs and progress.waited < parts.config.patience:
        torch.manual_seed(parts.config.seed * 1_000_003 + progress.epoch)
        began = time.monotonic()
        loss = _epoch(parts, optimiser, batches(progress.stage_epoch), progress)
        seconds = time.monotonic() - began
        predicted = validate()
        _note_epoch(parts, progress, loss, predicted, seconds)
        _keep(parts, optimiser, progress)
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
    """Adam, or SGD with or without a momentum of 0.9."""
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, rate, weight_decay=config.weight_decay)
    momentum = 0.9 if config.optimiser == "momentum" else 0.0
    return torch.optim.SGD(parameters, rate, momentum=momentum, weight_decay=config.weight_decay)


Batches = Callable[[int], Iterator[tuple[Any, Tensor]]]


def _sources(parts: Parts, stage: Stage) -> tuple[Batches, Callable[[], Tensor]]:
    """How an epoch's batches come, and how the validation split is predicted."""
    if stage.trains == "all":
        clips = Clips(parts.cache, parts.training, parts.config, frames=stage.frames)

        def draw(epoch: int) -> Iterator[tuple[Batch, Tensor]]:
            clips.epoch = epoch
            return clip_batches(clips, torch.randperm(len(clips)), parts.config.batch, parts.device)

        return draw, lambda: _predict_clips(parts, VALIDATION_FRAMES)
    parts.run.log("computing what the fixed part of the network gives, once")
    features = compute_features(parts.network, parts.cache, parts.training, stage.frames, parts.device)
    known = compute_features(parts.network, parts.cache, parts.validation, VALIDATION_FRAMES, parts.device)

    def pick(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.randperm(len(features)).split(parts.config.batch):
            yield features[part].to(parts.device), parts.training.labels[part].to(parts.device)

    return pick, lambda: _predict_features(parts, known)


def _epoch(parts: Parts, optimiser: torch.optim.Optimizer, batches: Iterator, progress: Progress) -> float:
    """One pass over the training split; the mean loss. Raises TrainingError where the loss is not a number."""
    parts.network.train()
    measure, total, count, spoken = LOSSES[parts.config.loss](), 0.0, 0, time.monotonic()
    steps = math.ceil(len(parts.training.rows) / parts.config.batch)
    for inputs, labels in tqdm(batches, total=steps, desc=f"epoch {progress.epoch + 1}", leave=False, disable=None):
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
    clips = Clips(parts.cache, parts.validation, parts.config, frames=frames)
    order = torch.arange(len(clips))
    return torch.cat(
        [parts.network(batch).cpu() for batch, _ in clip_batches(clips, order, EVALUATION_BATCH, parts.device)]
    )


def _note_epoch(parts: Parts, progress: Progress, loss: float, predicted: Tensor, seconds: float) -> None:
    """Put the epoch's figures into the progress, the metrics, the log and the status."""
    labels, stage = parts.validation.labels, parts.config.stages[progress.stage]
    validation = LOSSES[parts.config.loss]()(predicted, labels).item()
    by_trait = 1 - (predicted - labels).abs().mean(0)
    if validation < progress.best:
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
    figures = f"loss {loss:.4f}, validation {validation:.4f}, accuracy {row['accuracy']:.4f}"
    parts.run.log(f"epoch {progress.epoch}: {figures}")
    parts.run.say(
        "running",
        epoch=progress.epoch,
        epochs=sum(stage.epochs for stage in parts.config.stages),
        best_epoch=progress.best_epoch + 1,
        best_accuracy=max(metrics["accuracy"] for metrics in parts.run.metrics()),
        done=0.0,
        device=str(parts.device),
    )


def _keep(parts: Parts, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Store the state, then the weights if they are the best so far.

    A death between the two is mended by `_load_state`: the state's own weights are then the best.
    """
    _save_state(parts, optimiser, progress)
    if progress.best_epoch == progress.epoch - 1:
        save_weights(parts.run.folder, parts.network)


def _card(parts: Parts, progress: Progress, predicted: Tensor) -> dict[str, Any]:
    facts = parts.cache.card
    return {
        "modality": parts.config.modality,
        "preset": parts.config.preset,
        "activation": parts.config.activation,
        "config": parts.config.as_dict(),
        "seed": parts.config.seed,
        "data": {"name": facts["dataset"], "fingerprint": facts["fingerprint"], "synthetic": facts["synthetic"]},
        "training_clips": len(parts.training.rows),
        "epoch": progress.best_epoch + 1,
        "versions": {"personality": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "metrics": measure_card(predicted, parts.validation),
    }


def measure_card(predicted: Tensor, validation: Split) -> dict[str, Any]:
    """Validation accuracy: mean and per trait, with n, sources and a 95 % interval by bootstrap over sources."""
    errors = (predicted - validation.labels).abs().double().numpy()
    columns = np.column_stack([errors, errors.mean(1)])
    codes = np.unique(validation.sources, return_inverse=True)[1]
    low, high = mean_intervals(columns, codes, source_weights(codes.max() + 1))
    names = [*TRAIT_NAMES, "mean"]
    cells = zip(names, 1 - columns.mean(0), 1 - high, 1 - low, strict=True)
    traits = {name: {"accuracy": float(a), "low": _figure(b), "high": _figure(c)} for name, a, b, c in cells}
    facts = {"split": "validation", "n": len(errors), "sources": int(codes.max() + 1)}
    return {**facts, "accuracy": traits["mean"]["accuracy"], "traits": traits}


def _figure(value: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def _write_card(parts: Parts, progress: Progress) -> dict[str, Any]:
    """The card, with the figures that the stored, half-precision weights reach; returns those."""
    _load_best(parts)
    card = _card(parts, progress, _predict_clips(parts, PREPROCESSING.faces))
    save_card(parts.run.folder, card, parts.branches)
    return card["metrics"]


def _load_best(parts: Parts) -> None:
    """Put the stored weights of the best epoch into the network."""
    tensors = _tensors(parts.run.folder / WEIGHTS)
    _load_own(parts.network, {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})


def _save_state(parts: Parts, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Weights, the optimiser's moments and where the run is, in one file."""
    tensors = {f"network.{name}": tensor for name, tensor in _own(parts.network).items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in moments.items() if value is not None}
    data = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(parts.run.folder / STATE, save(data, {"progress": json.dumps(asdict(progress))}))


def _load_state(parts: Parts) -> tuple[Progress, dict[str, Tensor] | None]:
    path = parts.run.folder / STATE
    if not path.exists():
        return Progress(), None
    with safe_open(path, "pt") as file:
        progress = Progress(**json.loads(file.metadata()["progress"]))
    tensors = _tensors(path)
    _load_own(parts.network, {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    if progress.best_epoch == progress.epoch - 1:
        save_weights(parts.run.folder, parts.network)
    parts.run.log(f"going on after epoch {progress.epoch}")
    return progress, tensors


def _restore(optimiser: torch.optim.Optimizer, state: dict[str, Tensor] | None) -> None:
    if state is None:
        return
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def _own(network: Network) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("branches.")}


def _load_own(network: Network, tensors: dict[str, Tensor]) -> None:
    network.load_state_dict(tensors, strict=False)
