"""Trains the emotion network on FER-2013 and writes its weights and card: `python -m training emotion FER2013`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from personality.preprocessing.emotion_network import (
    EmotionNetwork,
    load_emotion_weights,
    predict_mirror_averaged,
    predict_picture_and_mirror,
)
from personality.traits import EMOTIONS
from personality.utils.atomic_files import atomic_path, file_sha256, write_json
from training.engine.lr_schedule import one_cycle_factor
from training.engine.optimizer_state import optimiser_tensors, read_tensors, restore_optimiser, select_by_prefix
from training.engine.weight_averaging import WeightAverage

EMOTION_BATCH_IMAGES = 128
EMOTION_PEAK_LEARNING_RATE = 0.004
EMOTION_WEIGHT_DECAY = 0.03
EMOTION_LABEL_SMOOTHING = 0.1  # where there is no teacher
TEACHER_SHARE = 0.5  # share of a teacher's confidences in what is aimed at; the rest is the label
EMOTION_AVERAGING_DECAY = 0.999  # decay per step of the averaged weights, which are what is kept
EMOTION_MAX_SHIFT_SHARE = 0.08  # largest shift, share of the side
EMOTION_MAX_TURN_RADIANS = 0.21  # largest rotation, radians (12 degrees)
EMOTION_MAX_ZOOM_SHARE = 0.12  # largest change of scale, share
ERASED_IMAGE_SHARE, ERASED_SIDE_SHARE = (
    0.1,
    0.35,
)  # share of the pictures that lose a square, and the side of that, share of theirs
# The side of the pictures, pixels, up to a share of the epochs: most of the time small ones, of which a step takes less
# than half as long (progressive learning, Tan and Le 2021).
IMAGE_SIDE_SCHEDULE = ((0.6, 32), (0.85, 40), (1.0, 48))
EMOTION_STATE_FILE = "state.safetensors"
FER2013_CLASS_ALIASES = {
    "happiness": "happy",
    "angry": "anger",
    "sad": "sadness",
}  # what FER-2013's classes are also called


def train_emotion_network(
    fer2013: Path, out: Path, *, epochs: int, seed: int, start: Path | None = None, teachers: Sequence[Path] = ()
) -> float:
    """Train on `training.npz`, keep the averaged weights, return the accuracy on `public_test.npz`.

    fer2013: a folder of two archives with `images` uint8 (N, 48, 48), `labels` uint8 (N,) and `classes`.
    out: a folder; receives model.safetensors (half precision) and card.json, and until then, after each epoch, the
    state to go on from: called again after a kill with the same options, it does. The public test is looked at once,
    at the end. start: a folder of weights to begin from, None: random. teachers: folders of weights whose mean
    confidences are half of what is aimed at, beside FER-2013's labels, of which people confirm some two in three
    (Hinton, Vinyals and Dean 2015; a network of the same kind gains from it: Furlanello et al. 2018). Raises ValueError
    where `out` holds the state of a training with other options, and as `load_fer2013`.
    """
    torch.manual_seed(seed)
    before = 0 if start is None else _read_trained_epochs(start)
    out.mkdir(parents=True, exist_ok=True)
    images, labels = load_fer2013(fer2013 / "training.npz")
    targets = make_emotion_targets(images, labels, teachers)
    network = EmotionNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        load_emotion_weights(network, start / "model.safetensors")
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=EMOTION_WEIGHT_DECAY)
    average = WeightAverage(network.state_dict(), EMOTION_AVERAGING_DECAY)
    weights = [file_sha256(folder / "model.safetensors") for folder in (*filter(None, [start]), *teachers)]
    asked = repr((epochs, seed, before, weights))
    for epoch in range(_load_emotion_state(out / EMOTION_STATE_FILE, network, optimiser, average, asked), epochs):
        torch.manual_seed(seed * 1_000_003 + epoch)
        network.train()
        parts = [
            part
            for part in torch.randperm(len(images)).split(EMOTION_BATCH_IMAGES)
            if len(part) == min(EMOTION_BATCH_IMAGES, len(images))
        ]
        for number, batch in enumerate(tqdm(parts, desc=f"epoch {epoch + 1}/{epochs}", leave=False, disable=None)):
            optimiser.param_groups[0]["lr"] = EMOTION_PEAK_LEARNING_RATE * one_cycle_factor(
                epoch * len(parts) + number, epochs * len(parts)
            )
            loss = _train_emotion_step(
                network,
                optimiser,
                augment_emotion_images(images[batch], image_side_at_epoch(epoch, epochs)),
                targets[batch],
            )
            average.update()
        _save_emotion_state(out / EMOTION_STATE_FILE, network, optimiser, average, asked, epoch + 1)
        print(f"epoch {epoch + 1}: loss of the last batch {loss:.3f}", flush=True)
    with average.apply_temporarily():
        figures = write_emotion_network(
            network, out, fer2013, epochs=epochs, seed=seed, before=before, teachers=len(teachers)
        )
    (out / EMOTION_STATE_FILE).unlink(missing_ok=True)
    return figures["accuracy"]


def _train_emotion_step(
    network: nn.Module, optimiser: torch.optim.Optimizer, pictures: Tensor, targets: Tensor
) -> float:
    """One step on pictures (B, 1, S, S) towards targets (B, 7); the loss before it."""
    with emotion_step_autocast():
        logits = network(pictures.contiguous(memory_format=torch.channels_last))
    loss = functional.cross_entropy(logits.float(), targets)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def image_side_at_epoch(epoch: int, epochs: int) -> int:
    """The side, in pixels, of the pictures of an epoch, counted from 0."""
    return next(side for share, side in IMAGE_SIDE_SCHEDULE if epoch < share * epochs)


def emotion_step_autocast() -> torch.autocast:
    """Of a step: bfloat16 where the processor multiplies it itself, twice as fast for this network, else float32."""
    able = torch.cpu.get_capabilities()
    halves = able.get("avx512_bf16", False) or able.get("amx_bf16", False)
    return torch.autocast("cpu", torch.bfloat16, enabled=halves)


@torch.inference_mode()
def make_emotion_targets(images: Tensor, labels: Tensor, teachers: Sequence[Path]) -> Tensor:
    """What is aimed at, (N, 7), rows summing to 1, for images (N, 1, 48, 48) and labels int64 (N,): labels softened by
    the teachers, or evenly where there is none (Szegedy et al. 2016)."""
    sure = functional.one_hot(labels, len(EMOTIONS)).float()
    if not teachers:
        return sure * (1 - EMOTION_LABEL_SMOOTHING) + EMOTION_LABEL_SMOOTHING / len(EMOTIONS)
    said = torch.zeros_like(sure)
    for folder in teachers:
        teacher = EmotionNetwork().eval()
        load_emotion_weights(teacher, folder / "model.safetensors")
        said += torch.cat([predict_mirror_averaged(teacher, part) for part in images.split(512)]) / len(teachers)
    return (1 - TEACHER_SHARE) * sure + TEACHER_SHARE * said


def _read_trained_epochs(folder: Path) -> int:
    """For how many epochs the weights in a folder were trained, by their card."""
    card = json.loads((folder / "card.json").read_text())
    return card["epochs"] + card.get("epochs_before", 0)


def _save_emotion_state(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, average: WeightAverage, asked: str, epoch: int
) -> None:
    """asked: the training's options, in words that tell it from others."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= optimiser_tensors(optimiser)
    tensors |= {f"average.{name}": tensor for name, tensor in average.tensors.items()}
    with atomic_path(path) as temporary:
        data = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(data, temporary, {"asked": asked, "epoch": str(epoch), "steps": str(average.steps)})


def _load_emotion_state(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, average: WeightAverage, asked: str
) -> int:
    """The number of epochs that are done; 0 where nothing is stored. Raises ValueError where it was asked otherwise."""
    if not path.exists():
        return 0
    tensors, facts = read_tensors(path)
    if facts.get("asked") != asked:
        raise ValueError(f"{path} is of a training with other options; repeat those to go on, or delete it.")
    network.load_state_dict(select_by_prefix(tensors, "network."))
    restore_optimiser(optimiser, tensors)
    average.load(select_by_prefix(tensors, "average."), int(facts["steps"]))
    return int(facts["epoch"])


def load_fer2013(path: Path) -> tuple[Tensor, Tensor]:
    """Pictures float32 (N, 1, 48, 48) in [0, 1] and labels int64 (N,) in the order of `EMOTIONS`.

    Raises ValueError where the archive lacks an array, or has a class that is none of the seven.
    """
    archive = np.load(path, allow_pickle=False)
    missing = [name for name in ("images", "labels", "classes") if name not in archive]
    if missing:
        raise ValueError(f"{path} has no array {missing[0]}; wanted images (N, 48, 48), labels (N,) and classes (7,).")
    order = [FER2013_CLASS_ALIASES.get(name, name) for name in map(str.lower, map(str, archive["classes"]))]
    strange = [name for name in order if name not in EMOTIONS]
    if strange:
        raise ValueError(f"{path} has a class {strange[0]}; wanted {', '.join(EMOTIONS)}.")
    index = np.array([EMOTIONS.index(name) for name in order])
    return torch.from_numpy(archive["images"])[:, None].float() / 255, torch.from_numpy(index[archive["labels"]])


def augment_emotion_images(pictures: Tensor, side: int) -> Tensor:
    """Mirror, shift, turn, zoom and light each picture (N, 1, S, S) in [0, 1] a little, and take a square out of some;
    (N, 1, side, side) in the same range."""
    n = len(pictures)
    angle, zoom = (
        (torch.rand(n) * 2 - 1) * EMOTION_MAX_TURN_RADIANS,
        1 + (torch.rand(n) * 2 - 1) * EMOTION_MAX_ZOOM_SHARE,
    )
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2) * 2 - 1) * 2 * EMOTION_MAX_SHIFT_SHARE
    rows = [torch.stack([zoom * angle.cos() * mirror, -zoom * angle.sin(), shift[:, 0]], 1)]
    rows.append(torch.stack([zoom * angle.sin() * mirror, zoom * angle.cos(), shift[:, 1]], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), [n, 1, side, side], align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    contrast, light = 1 + (torch.rand(n, 1, 1, 1) - 0.5) * 0.5, (torch.rand(n, 1, 1, 1) - 0.5) * 0.2
    return erase_random_squares(((moved - 0.5) * contrast + 0.5 + light).clamp(0, 1))


def erase_random_squares(pictures: Tensor) -> Tensor:
    """A grey square over a random place of each picture (N, 1, S, S) of the share ERASED (Zhong et al. 2020); same
    shape."""
    n, side = len(pictures), pictures.shape[-1]
    corner = torch.rand(2, n, 1) * (1 - ERASED_SIDE_SHARE) * side
    inside = (torch.arange(side) >= corner) & (torch.arange(side) < corner + ERASED_SIDE_SHARE * side)
    hole = inside[0, :, :, None] & inside[1, :, None, :] & (torch.rand(n, 1, 1) < ERASED_IMAGE_SHARE)
    return pictures.masked_fill(hole[:, None], 0.5)


@torch.inference_mode()
def measure_emotion_accuracy(network: nn.Module, fer2013: Path) -> dict[str, Any]:
    """Accuracy, confusion matrix (true x predicted, counts) and expected calibration error (Guo et al. 2017, 15 bins)
    on the public test: of each picture with its mirror image, as the project uses the network; and the accuracy
    without that."""
    images, labels = load_fer2013(fer2013 / "public_test.npz")
    network.eval()
    sides = torch.cat([predict_picture_and_mirror(network, part) for part in images.split(512)], 1)
    plain, confidence = sides[0].argmax(1), sides.mean(0)
    best, guess = confidence.max(1)
    right = (guess == labels).float()
    confusion = torch.zeros(7, 7, dtype=torch.int64)
    confusion.index_put_((labels, guess), torch.ones_like(guess), accumulate=True)
    bins = (best * 15).long().clamp(max=14)
    gaps = [(right[bins == b].mean() - best[bins == b].mean()).abs() * (bins == b).sum() for b in bins.unique()]
    return {
        "n": len(labels),
        "accuracy": round(right.mean().item(), 4),
        "accuracy_without_mirror": round((plain == labels).float().mean().item(), 4),
        "calibration_error": round((torch.stack(gaps).sum() / len(labels)).item(), 4),
        "confusion": confusion.tolist(),
    }


def write_emotion_network(
    network: nn.Module, out: Path, fer2013: Path, *, epochs: int, seed: int, before: int, teachers: int
) -> dict[str, Any]:
    """Write half-precision weights and a card; returns its figures, which are measured on exactly those weights.

    before: epochs that the weights had been trained for when this training began; teachers: how many there were.
    """
    halves = {name: t.half().contiguous() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    with atomic_path(out / "model.safetensors") as temporary:
        save_file(halves, temporary)
    kept = EmotionNetwork()
    load_emotion_weights(kept, out / "model.safetensors")
    figures = measure_emotion_accuracy(kept, fer2013)
    card = {
        "what": "Seven expressions (Ekman's six and neutral) from a 48x48 grey face",
        "order": list(EMOTIONS),
        "parameters": sum(p.numel() for p in network.parameters()),
        "trained_on": "FER-2013 training (28,709 faces; research use)",
        "epochs": epochs,
        "epochs_before": before,
        "teachers": teachers,
        "seed": seed,
        "public_test": figures,
        "licence": "weights: research use, as FER-2013",
        "limits": "An expression is not a feeling. Labels are of low agreement; disgust and fear are rare and weak.",
    }
    write_json(out / "card.json", card)
    return figures
