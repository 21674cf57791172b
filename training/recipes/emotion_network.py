"""Train the emotion network on FER-2013: `python -m training emotion FER2013`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from personality.preprocessing.emotion_network import (
    EmotionNetwork,
    load_emotion_weights,
    predict_mirror_averaged,
    predict_picture_and_mirror,
)
from personality.traits import EMOTIONS
from personality.utils.atomic_files import atomic_path, file_sha256, write_json
from training.data.dataloader import MicroBatch
from training.engine.state_file import read_state, write_state
from training.engine.trainer import FitOptions, MicroBatchInputs, Trainer

EMOTION_BATCH_IMAGES = 128
EMOTION_FIT_OPTIONS = FitOptions(epochs=40, batch=EMOTION_BATCH_IMAGES, rate=0.004, weight_decay=0.03, averaging=0.999)
EMOTION_LABEL_SMOOTHING = 0.1  # without a teacher
TEACHER_SHARE = 0.5  # share of the teachers' confidences in the targets; the rest is the label
EMOTION_MAX_SHIFT_SHARE = 0.08  # largest shift, share of the side
EMOTION_MAX_TURN_RADIANS = 0.21  # largest rotation, radians (12 degrees)
EMOTION_MAX_ZOOM_SHARE = 0.12  # largest change of scale, share
ERASED_IMAGE_SHARE, ERASED_SIDE_SHARE = (
    0.1,
    0.35,
)  # share of the pictures with an erased square, and its side as a share of the picture's
# Side of the pictures in pixels, up to a share of the epochs: a step on small pictures takes less than half the time
# (progressive learning, Tan and Le 2021).
IMAGE_SIDE_SCHEDULE = ((0.6, 32), (0.85, 40), (1.0, 48))
EMOTION_STATE_FILE = "state.safetensors"
FER2013_CLASS_ALIASES = {
    "happiness": "happy",
    "angry": "anger",
    "sad": "sadness",
}  # other names of the classes of FER-2013


def train_emotion_network(
    fer2013: Path, out: Path, *, epochs: int, seed: int, start: Path | None = None, teachers: Sequence[Path] = ()
) -> float:
    """Train the emotion network and write its averaged weights and its card.

    The public test is used once, at the end. An interrupted training continues when called with the same options.

    Parameters
    ----------
    fer2013 : Path
        Folder of `training.npz` and `public_test.npz`, each with `images` uint8 (N, 48, 48), `labels` uint8 (N,) and
        `classes`.
    out : Path
        Folder for model.safetensors (half precision) and card.json; contains the state until training ends.
    epochs, seed : int
        Number of epochs, and random seed.
    start : Path, optional
        Folder of initial weights; default: random weights.
    teachers : sequence of Path
        Folders of weights whose mean confidences are half of the targets, because people agree with only about two
        thirds of FER-2013's labels.

    Returns
    -------
    float
        Accuracy on the public test.

    Raises
    ------
    ValueError
        `out` contains the state of a training with other options, or as `load_fer2013`.

    References
    ----------
    Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network.
    Furlanello et al. (2018), Born-again neural networks.
    """
    torch.manual_seed(seed)
    before = 0 if start is None else _read_trained_epochs(start)
    out.mkdir(parents=True, exist_ok=True)
    network = EmotionNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        load_emotion_weights(network, start / "model.safetensors")
    weights = [file_sha256(folder / "model.safetensors") for folder in (*filter(None, [start]), *teachers)]
    trainer = _fit_emotion_network(network, fer2013, out / EMOTION_STATE_FILE, epochs, seed, teachers, weights)
    with trainer.averaged_weights:
        figures = write_emotion_network(
            network, out, fer2013, epochs=epochs, seed=seed, before=before, teachers=len(teachers)
        )
    (out / EMOTION_STATE_FILE).unlink(missing_ok=True)
    return figures["accuracy"]


def _fit_emotion_network(
    network: nn.Module,
    fer2013: Path,
    path: Path,
    epochs: int,
    seed: int,
    teachers: Sequence[Path],
    weights: list[str],
) -> Trainer:
    """Train, or continue from the state in `path`. weights: digests of the weights that the training starts from and of
    the teachers."""
    images, labels = load_fer2013(fer2013 / "training.npz")
    targets = make_emotion_targets(images, labels, teachers)

    def load(pieces: Iterator[MicroBatch], epoch: int) -> MicroBatchInputs:
        side = image_side_at_epoch(epoch, epochs)
        for piece in pieces:
            pictures = augment_emotion_images(images[piece.rows], side)
            yield piece, pictures.contiguous(memory_format=torch.channels_last)

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        return functional.cross_entropy(logits.float(), targets[rows])

    options = replace(EMOTION_FIT_OPTIONS, epochs=epochs, batch=EMOTION_BATCH_IMAGES, seed=seed)
    trainer = Trainer(
        network, loss, len(images), options, tensors=network.state_dict(), autocast=emotion_step_autocast()
    )
    trains_on = repr((options, weights))
    otherwise = f"{path} is the state of a training with other options; use the same options, or delete it."
    state = read_state(path, trains_on=trains_on, otherwise=otherwise)
    if state is not None:
        trainer.restore(state)
    for trained in trainer.train_epochs(load):
        write_state(path, trainer.state(), trains_on=trains_on)
        print(f"epoch {trainer.epoch}: loss {trained.loss:.3f}", flush=True)
    return trainer


def image_side_at_epoch(epoch: int, epochs: int) -> int:
    """The side of the pictures in pixels, for an epoch from 0."""
    return next(side for share, side in IMAGE_SIDE_SCHEDULE if epoch < share * epochs)


def emotion_step_autocast() -> torch.autocast:
    """Autocast of a step: bfloat16 if the CPU supports it in hardware, which is twice as fast, else float32."""
    capabilities = torch.cpu.get_capabilities()
    halves = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return torch.autocast("cpu", torch.bfloat16, enabled=halves)


@torch.inference_mode()
def make_emotion_targets(images: Tensor, labels: Tensor, teachers: Sequence[Path]) -> Tensor:
    """Targets (N, 7), with rows that sum to 1, of images (N, 1, 48, 48) and labels int64 (N,): labels mixed with the
    confidences of the teachers, or smoothed if there are none (Szegedy et al. 2016)."""
    hard = functional.one_hot(labels, len(EMOTIONS)).float()
    if not teachers:
        return hard * (1 - EMOTION_LABEL_SMOOTHING) + EMOTION_LABEL_SMOOTHING / len(EMOTIONS)
    soft = torch.zeros_like(hard)
    for folder in teachers:
        teacher = EmotionNetwork().eval()
        load_emotion_weights(teacher, folder / "model.safetensors")
        soft += torch.cat([predict_mirror_averaged(teacher, part) for part in images.split(512)]) / len(teachers)
    return (1 - TEACHER_SHARE) * hard + TEACHER_SHARE * soft


def _read_trained_epochs(folder: Path) -> int:
    """The number of epochs that the weights in a folder were trained for, from their card."""
    card = json.loads((folder / "card.json").read_text())
    return card["epochs"] + card.get("epochs_before", 0)


def load_fer2013(path: Path) -> tuple[Tensor, Tensor]:
    """Pictures float32 (N, 1, 48, 48) in [0, 1] and labels int64 (N,) in the order of `EMOTIONS`.

    Raises ValueError if the archive has no such array, or has a class that is not an emotion.
    """
    archive = np.load(path, allow_pickle=False)
    missing = [name for name in ("images", "labels", "classes") if name not in archive]
    if missing:
        raise ValueError(
            f"{path} has no array {missing[0]}; expected images (N, 48, 48), labels (N,) and classes (7,)."
        )
    order = [FER2013_CLASS_ALIASES.get(name, name) for name in map(str.lower, map(str, archive["classes"]))]
    unknown = [name for name in order if name not in EMOTIONS]
    if unknown:
        raise ValueError(f"{path} has a class {unknown[0]}; expected {', '.join(EMOTIONS)}.")
    index = np.array([EMOTIONS.index(name) for name in order])
    return torch.from_numpy(archive["images"])[:, None].float() / 255, torch.from_numpy(index[archive["labels"]])


def augment_emotion_images(pictures: Tensor, side: int) -> Tensor:
    """Randomly mirror, shift, rotate, scale and light pictures (N, 1, S, S) in [0, 1] and erase a square of some;
    returns (N, 1, side, side) in the same range."""
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
    """Erase a random square of ERASED_IMAGE_SHARE of the pictures (N, 1, S, S) (Zhong et al. 2020)."""
    n, side = len(pictures), pictures.shape[-1]
    corner = torch.rand(2, n, 1) * (1 - ERASED_SIDE_SHARE) * side
    inside = (torch.arange(side) >= corner) & (torch.arange(side) < corner + ERASED_SIDE_SHARE * side)
    hole = inside[0, :, :, None] & inside[1, :, None, :] & (torch.rand(n, 1, 1) < ERASED_IMAGE_SHARE)
    return pictures.masked_fill(hole[:, None], 0.5)


@torch.inference_mode()
def measure_emotion_accuracy(network: nn.Module, fer2013: Path) -> dict[str, Any]:
    """Accuracy, confusion matrix (true x predicted, counts) and expected calibration error (Guo et al. 2017, 15 bins)
    on the public test, averaged over each picture and its mirror image, and the accuracy without averaging."""
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
    """Write half-precision weights and a card; returns the figures of these weights.

    before: epochs that the initial weights had been trained for; teachers: number of teachers.
    """
    halves = {name: t.half().contiguous() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    with atomic_path(out / "model.safetensors") as temporary:
        save_file(halves, temporary)
    stored = EmotionNetwork()
    load_emotion_weights(stored, out / "model.safetensors")
    figures = measure_emotion_accuracy(stored, fer2013)
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
