"""Whether the training loop waits for its data: `python -m benchmarks.training CACHE`.

The same function trains one epoch on batches that the loader makes, and on the same batches lying ready on the device;
the two take turns, and the ratio of their speeds is what counts. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine
from personality.models.network import Batch
from training.config.run_config import Stage, preset
from training.data.dataloader import Clips, Piece, clip_batches, split_order
from training.engine.context import Parts, prepare
from training.engine.epoch import make_learner, run_epoch
from training.engine.process_memory import keep_freed_memory
from training.runs.run import Run

RATE = 2e-5


def measure(parts: Parts, stage: Stage, turns: int) -> dict[str, list[float]]:
    """Clips per second of one epoch, in each turn, by where the batches come from; the first turn is not counted."""
    clips = Clips(parts.cache, parts.training, parts.config, parts.network.needs, frames=stage.frames)
    order = torch.arange(len(clips))

    def load() -> Iterator[tuple[Piece, Batch]]:
        return clip_batches(clips, split_order(order, parts.config.batch), parts.device, epoch=0)

    ready = list(load())
    speeds: dict[str, list[float]] = {"the loop": [], "batches on the device": []}
    for turn in range(turns + 1):
        for name, speed in speeds.items():
            clips_per_second = _one_epoch(parts, stage, load() if name == "the loop" else ready)
            if turn:
                speed.append(clips_per_second)
    return speeds


def _one_epoch(parts: Parts, stage: Stage, batches: Iterable) -> float:
    learner = make_learner(parts, stage, None, 0)
    began = time.perf_counter()
    run_epoch(parts, learner, ((piece, replace(batch, memo={})) for piece, batch in batches), repeat(RATE), 0)
    if parts.device.type == "cuda":
        torch.cuda.synchronize()
    return len(parts.training.rows) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.training", description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--clips", type=int, default=64, help="of the training split")
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    stage = Stage(1, "all", RATE, frames=options.frames)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "visual")
        run.create(preset("visual", options.preset, stages=(stage,), batch=options.batch), options.cache)
        parts = prepare(run)
        few = parts.training.rows.head(options.clips)
        labels, weights = (part[: len(few)] for part in (parts.training.labels, parts.training.weights))
        parts.training = type(parts.training)(few, labels, weights, 0)
        speeds = measure(parts, stage, options.turns)
    print(
        f"{machine.describe()}; visual, preset {options.preset}, all layers, {options.frames} frames a clip, "
        f"batch {options.batch}, {len(few)} clips, {options.turns} turns\n"
    )
    print("| batches from | clips per second, median | lowest | highest |\n|---|---|---|---|")
    for name, speed in speeds.items():
        print(f"| {name} | {np.median(speed):.2f} | {min(speed):.2f} | {max(speed):.2f} |")
    ratios = np.divide(speeds["the loop"], speeds["batches on the device"])
    turns = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(f"\nThe loop reaches **{np.median(ratios):.3f}** of the speed of ready batches (turns: {turns}).")


if __name__ == "__main__":
    main()
