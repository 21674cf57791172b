"""Arithmetic of training steps on a GPU: `python -m benchmarks.gpu`, a part of `make gpu`.

A step of VGG-16 and of a ViT-S in bfloat16 is timed with the trainer of this project and as a bare loop; its floating
point operations per second are a share of those of a large matrix product on the same GPU. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import machine
from training.data.dataloader import split_into_micro_batches
from training.engine.trainer import FitOptions, Trainer

GPU_MODELS = ("vgg16", "vit_small_patch16_224")
NO_GPU = "PyTorch found no CUDA GPU; nothing was measured."
MATRIX_SIDE = 8192


def measure_matrix_product(device: torch.device, side: int = MATRIX_SIDE, repeats: int = 20) -> float:
    """Floating point operations per second of a bfloat16 matrix product."""
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = time_work(lambda: [left @ right for _ in range(repeats)], device)
    return 2 * side**3 * repeats / seconds


def time_work(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the second call, including what the device does."""
    for _ in range(2):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
    return time.perf_counter() - start


def synchronise(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_step(name: str, batch: int, steps: int, device: torch.device) -> dict[str, float]:
    """Seconds per step of a timm model, by the trainer and by a bare loop, and the operations of a step."""
    module = timm.create_model(name, num_classes=5).to(device)
    pictures = torch.randn(batch, 3, 224, 224, device=device)
    labels = torch.rand(batch, 5, device=device)
    autocast = torch.autocast(device.type, torch.bfloat16)

    def loss(predicted: Tensor, rows: Tensor) -> Tensor:
        return functional.l1_loss(predicted.float(), labels)

    def train() -> None:
        options = FitOptions(epochs=1, batch=batch, rate=1e-5, schedule="constant")
        trainer = Trainer(module, loss, batch * steps, options, tensors=module.state_dict(), autocast=autocast)
        next(trainer.train_epochs(lambda pieces, _: ((piece, pictures) for piece in pieces)))

    counter = FlopCounterMode(display=False)
    with counter:
        _run_bare_steps(module, pictures, loss, autocast, 1)
    return {
        "trainer": time_work(train, device) / steps,
        "bare": time_work(lambda: _run_bare_steps(module, pictures, loss, autocast, steps), device) / steps,
        "operations": float(counter.get_total_flops()),
    }


def _run_bare_steps(module: nn.Module, pictures: Tensor, loss: Callable, autocast: torch.autocast, steps: int) -> None:
    optimiser = torch.optim.AdamW(module.parameters(), 1e-5)
    for piece in split_into_micro_batches(torch.arange(len(pictures) * steps), len(pictures)):
        with autocast:
            predicted = module(pictures)
        loss(predicted, piece.rows).backward()
        optimiser.step()
        optimiser.zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--batch", type=int, default=128, help="pictures per step")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit(NO_GPU)
    device = torch.device("cuda")
    peak = np.median([measure_matrix_product(device) for _ in range(3)])
    print(f"{machine.describe_machine()}; batch {options.batch}; matrix product {peak / 1e12:.0f} TFLOP/s\n")
    print("| model, bfloat16 | pictures per second | of the bare loop | of the matrix product |\n|---|---|---|---|")
    for name in GPU_MODELS:
        step = measure_step(name, options.batch, options.steps, device)
        speed, ratio = options.batch / step["trainer"], step["bare"] / step["trainer"]
        print(f"| {name} | {speed:,.0f} | {ratio:.3f} | {step['operations'] / step['trainer'] / peak:.3f} |")


if __name__ == "__main__":
    main()
