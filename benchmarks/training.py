"""Whether the training loop waits for its data: `python -m benchmarks.training CACHE`.

The same function trains one epoch on batches that the loader makes, and on the same batches lying ready on the device;
the two take turns, and the ratio of their speeds is what counts. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine
from personality.models.network import Batch
from training.config.run_config import Stage, preset
from training.data.dataloader import ClipLoader, MicroBatch, load_clip_batches, split_into_micro_batches
from training.engine.context import RunContext, prepare_run
from training.engine.epoch import make_learner, run_epoch
from training.engine.process_memory import keep_freed_memory
from training.runs.run import Run

EPOCH_SPEED_LEARNING_RATE = 2e-5


def compare_epoch_speeds(parts: RunContext, stage: Stage, turns: int) -> dict[str, list[float]]:
    """Clips per second of one epoch, in each turn, by where the batches come from; the first turn is not counted."""
    clips = ClipLoader(parts.cache, parts.training, parts.config, parts.network.needs, frames=stage.frames)
    order = torch.arange(len(clips))

    def load() -> Iterator[tuple[MicroBatch, Batch]]:
        return load_clip_batches(clips, split_into_micro_batches(order, parts.config.batch), parts.device, epoch=0)

    ready = list(load())
    speeds: dict[str, list[float]] = {"the loop": [], "batches on the device": []}
    for turn in range(turns + 1):
        for name, speed in speeds.items():
            clips_per_second = _time_epoch(parts, stage, load() if name == "the loop" else ready)
            if turn:
                speed.append(clips_per_second)
    return speeds


def _time_epoch(parts: RunContext, stage: Stage, batches: Iterable) -> float:
    learner = make_learner(parts, stage, None, 0)
    began = time.perf_counter()
    run_epoch(
        parts,
        learner,
        iter(batches),
        repeat(EPOCH_SPEED_LEARNING_RATE),
        0,
    )
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
    stage = Stage(1, "all", EPOCH_SPEED_LEARNING_RATE, frames=options.frames)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "visual")
        run.create(preset("visual", options.preset, stages=(stage,), batch=options.batch), options.cache)
        parts = prepare_run(run)
        few = parts.training.rows.head(options.clips)
        labels, weights = (part[: len(few)] for part in (parts.training.labels, parts.training.weights))
        parts.training = type(parts.training)(few, labels, weights, 0)
        speeds = compare_epoch_speeds(parts, stage, options.turns)
    print(
        f"{machine.describe_machine()}; visual, preset {options.preset}, all layers, {options.frames} frames a clip, "
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
