"""Whether the training loop waits for its data: `python -m benchmarks.training CACHE`.

One epoch is trained on batches that the loader makes, on the same batches lying ready on the device, and on these by
nothing but forward pass, backward pass and optimiser; the three take turns, and the ratios of their speeds are what
counts. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine
from personality.models.network import Batch
from training.config.losses import LOSS_FUNCTIONS
from training.config.run_config import Stage, preset
from training.data.dataloader import ClipLoader, MicroBatch, load_clip_batches, split_into_micro_batches
from training.engine.context import RunContext, prepare_run
from training.engine.process_memory import keep_freed_memory
from training.engine.stages import make_trainer
from training.runs.run import Run

EPOCH_SPEED_LEARNING_RATE = 2e-5
LOADED, READY, BARE = "the loop", "batches on the device", "the bare step"


def compare_epoch_speeds(context: RunContext, stage: Stage, turns: int) -> dict[str, list[float]]:
    """Clips per second of one epoch in each turn; the first turn is not counted."""
    clips = ClipLoader(context.cache, context.training, context.config, context.network.needs, frames=stage.frames)

    def load(pieces: Iterator[MicroBatch], epoch: int) -> Iterator[tuple[MicroBatch, Batch]]:
        return load_clip_batches(clips, pieces, context.device, epoch=epoch)

    order = torch.arange(len(clips))
    ready = list(load(split_into_micro_batches(order, context.config.batch), 0))
    epochs: dict[str, Callable[[], object]] = {
        LOADED: lambda: next(make_trainer(context, stage).train_epochs(load)),
        READY: lambda: next(make_trainer(context, stage).train_epochs(lambda *_: iter(ready))),
        BARE: lambda: _train_bare_epoch(context, ready),
    }
    speeds: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(turns + 1):
        for name, train in epochs.items():
            clips_per_second = len(clips) / _time(train, context.device)
            if turn:
                speeds[name].append(clips_per_second)
    return speeds


def _time(train: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    train()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _train_bare_epoch(context: RunContext, ready: list[tuple[MicroBatch, Batch]]) -> None:
    network, loss_function = context.network.train(), LOSS_FUNCTIONS[context.config.loss]
    network.set_backbone_trainable(True)
    optimiser = torch.optim.Adam([one for one in network.parameters() if one.requires_grad], EPOCH_SPEED_LEARNING_RATE)
    labels, weights = (part.to(context.device) for part in (context.training.labels, context.training.weights))
    for piece, batch in ready:
        with context.autocast:
            predicted = network(batch)
        loss_function(predicted, labels[piece.rows], weights[piece.rows]).backward()
        optimiser.step()
        optimiser.zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.training", description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--clips", type=int, default=64, help="of the training split")
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    stage = Stage(1, "all", EPOCH_SPEED_LEARNING_RATE, frames=options.frames)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "visual")
        run.create(preset("visual", options.preset, stages=(stage,), batch=options.batch), options.cache)
        context = prepare_run(run)
        few = context.training.rows.head(options.clips)
        labels, weights = (part[: len(few)] for part in (context.training.labels, context.training.weights))
        context = replace(context, training=type(context.training)(few, labels, weights, 0))
        speeds = compare_epoch_speeds(context, stage, options.turns)
    print(
        f"{machine.describe_machine()}; visual, preset {options.preset}, all layers, {options.frames} frames a clip, "
        f"batch {options.batch}, {len(few)} clips, {options.turns} turns\n"
    )
    print("| batches from | clips per second, median | lowest | highest |\n|---|---|---|---|")
    for name, speed in speeds.items():
        print(f"| {name} | {np.median(speed):.2f} | {min(speed):.2f} | {max(speed):.2f} |")
    for name, reference in ((LOADED, READY), (READY, BARE)):
        ratios = np.divide(speeds[name], speeds[reference])
        each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"\n{name.capitalize()} reaches **{np.median(ratios):.3f}** of the speed of {reference} ({each}).")


if __name__ == "__main__":
    main()
