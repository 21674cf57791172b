"""Trains the emotion network on FER-2013 and writes its weights and card: `python -m training emotion FER2013`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from personality.preprocessing.emotion import EmotionNetwork
from personality.storage import atomic_path, write_json
from personality.traits import EMOTIONS

BATCH = 256
PEAK_RATE = 0.01
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.1
AVERAGING = 0.998  # decay per step of the averaged weights, which are what is kept
SHIFT = 0.08  # largest shift, share of the side
TURN = 0.21  # largest rotation, radians (12 degrees)
ZOOM = 0.12  # largest change of scale, share


def train_emotion(fer2013: Path, out: Path, *, epochs: int, seed: int) -> float:
    """Train on `training.npz`, keep the averaged weights, return the accuracy on `public_test.npz`.

    fer2013: a folder of two archives with `images` uint8 (N, 48, 48), `labels` uint8 (N,) and `classes`.
    out: a folder; receives model.safetensors (half precision) and card.json.
    """
    torch.manual_seed(seed)
    images, labels = load_fer2013(fer2013 / "training.npz")
    network = EmotionNetwork()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGING), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2)
    for epoch in range(epochs):
        network.train()
        for batch in tqdm(torch.randperm(len(images)).split(BATCH), desc=f"epoch {epoch + 1}/{epochs}", leave=False):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(augment(images[batch]).to(memory_format=torch.channels_last))
                loss = functional.cross_entropy(logits.float(), labels[batch], label_smoothing=LABEL_SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
        accuracy = measure(average.module, fer2013)["accuracy"]
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, public test accuracy {accuracy:.4f}", flush=True)
        write_emotion(average.module, out, fer2013, epochs=epoch + 1, seed=seed)
    return accuracy


def load_fer2013(path: Path) -> tuple[Tensor, Tensor]:
    """Pictures float32 (N, 1, 48, 48) in [0, 1] and labels int64 (N,) in the order of `EMOTIONS`."""
    archive = np.load(path, allow_pickle=False)
    order = [str(name).lower() for name in archive["classes"]]
    aliases = {"happiness": "happy", "angry": "anger", "sad": "sadness"}
    index = np.array([EMOTIONS.index(aliases.get(name, name)) for name in order])
    return torch.from_numpy(archive["images"])[:, None].float() / 255, torch.from_numpy(index[archive["labels"]])


def augment(pictures: Tensor) -> Tensor:
    """Mirror, shift, turn, zoom and light each picture a little; same shape."""
    n = len(pictures)
    angle, zoom = (torch.rand(n) * 2 - 1) * TURN, 1 + (torch.rand(n) * 2 - 1) * ZOOM
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2) * 2 - 1) * 2 * SHIFT
    rows = [torch.stack([zoom * angle.cos() * mirror, -zoom * angle.sin(), shift[:, 0]], 1)]
    rows.append(torch.stack([zoom * angle.sin() * mirror, zoom * angle.cos(), shift[:, 1]], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    contrast, light = 1 + (torch.rand(n, 1, 1, 1) - 0.5) * 0.5, (torch.rand(n, 1, 1, 1) - 0.5) * 0.2
    return ((moved - 0.5) * contrast + 0.5 + light).clamp(0, 1)


@torch.inference_mode()
def measure(network: nn.Module, fer2013: Path) -> dict[str, Any]:
    """Accuracy, confusion matrix (true x predicted, counts) and expected calibration error on the public test."""
    images, labels = load_fer2013(fer2013 / "public_test.npz")
    network.eval()
    confidence = torch.cat([network(part).softmax(1) for part in images.split(512)])
    best, guess = confidence.max(1)
    right = (guess == labels).float()
    confusion = torch.zeros(7, 7, dtype=torch.int64)
    confusion.index_put_((labels, guess), torch.ones_like(guess), accumulate=True)
    bins = (best * 15).long().clamp(max=14)
    gaps = [(right[bins == b].mean() - best[bins == b].mean()).abs() * (bins == b).sum() for b in bins.unique()]
    return {
        "n": len(labels),
        "accuracy": round(right.mean().item(), 4),
        "calibration_error": round((torch.stack(gaps).sum() / len(labels)).item(), 4),
        "confusion": confusion.tolist(),
    }


def write_emotion(network: nn.Module, out: Path, fer2013: Path, *, epochs: int, seed: int) -> None:
    """Write half-precision weights and a card whose figures are measured on exactly those weights."""
    halves = {name: t.half().contiguous() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    kept = EmotionNetwork()
    kept.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in halves.items()})
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "model.safetensors") as temporary:
        save_file(halves, temporary)
    card = {
        "what": "Seven expressions (Ekman's six and neutral) from a 48x48 grey face",
        "order": list(EMOTIONS),
        "parameters": sum(p.numel() for p in network.parameters()),
        "trained_on": "FER-2013 training (28,709 faces; research use)",
        "epochs": epochs,
        "seed": seed,
        "public_test": measure(kept, fer2013),
        "licence": "weights: research use, as FER-2013",
        "limits": "An expression is not a feeling. Labels are of low agreement; disgust and fear are rare and weak.",
    }
    write_json(out / "card.json", json.loads(json.dumps(card)))
