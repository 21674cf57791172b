"""Interruptions at every step of a write, and at random times: `python -m tests.hostile.deaths WHAT COUNT FOLDER`.

Prints how many of COUNT trials gave a bit-identical result after resuming. The process loads everything in one thread
and forks, so that a killed child is replaced in milliseconds. FOLDER contains a dataset `people` and its cache `cache`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import cv2
import torch

from personality.dataset import load_dataset
from personality.inference.evaluate import evaluate
from personality.predictions.prediction_files import write_predictions
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from personality.preprocessing.sample import warm_up_preprocessing
from personality.utils import atomic_files
from training.config.run_config import Stage, preset
from training.engine.train_run import train_run
from training.runs.run import Run

DEAD = 9  # exit status of an interrupted child
MAX_CLIPS = 3  # to preprocess
ONE = (Stage(1, "head", 1e-3, frames=1),)
LONG = (Stage(5, "head", 1e-3), Stage(5, "head", 1e-4))
TWO = (Stage(2, "head", 1e-3), Stage(2, "head", 1e-4))
ALL = ("audio", "visual", "audiovisual", "handcrafted")


def child(work: Callable[[], Any], *, seconds: float | None = None) -> int:
    """Run the work in a forked process; returns its exit status, -9 if it was killed after `seconds`."""
    pid = os.fork()
    if not pid:
        _work(work)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(work: Callable[[], Any], generator: random.Random, whole_time: float) -> None:
    """Run the work in a forked process and kill it at a random time; try earlier if it has already finished."""
    seconds = generator.uniform(0.05, 0.95) * whole_time
    while child(work, seconds=seconds) != -signal.SIGKILL:
        seconds /= 2


def _work(work: Callable[[], Any]) -> NoReturn:
    status = 1
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
        torch.set_num_threads(1)
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def counted(work: Callable[[], Any], *, point: int | None, count_file: Path | None = None) -> None:
    """Run the work and exit at the step number `point` of its writes, or write the number of steps to a file."""
    steps = 0

    def step(function: Callable, before_exit: Callable = lambda *_: None) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == point:
                before_exit(*args)
                os._exit(DEAD)
            return function(*args, **kwargs)

        return call

    def half(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])

    atomic_files.os = type("Steps", (), {**vars(os), "fsync": step(os.fsync), "replace": step(os.replace)})  # type: ignore[assignment]
    Path.write_bytes = step(Path.write_bytes, half)  # type: ignore[method-assign]
    work()
    if count_file:
        with count_file.open("w") as file:
            file.write(str(steps))


def new_run(folder: Path, cache: Path, modality: str = "audio", stages: tuple[Stage, ...] = TWO) -> Run:
    run = Run(folder)
    run.create(preset(modality, stages=stages, batch=4), cache)
    return run


def digest(folder: Path, *names: str) -> str:
    """The digest of the named files, or of all files except locks."""
    files = [folder / name for name in names] or [path for path in folder.rglob("*") if path.is_file()]
    compared = [path for path in sorted(files) if path.name != "lock"]
    parts = [f"{path.relative_to(folder)} {atomic_files.file_sha256(path)}" for path in compared]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def losses(run: Run) -> list[float]:
    return [row["loss"] for row in run.metrics()]


def writes(count: int, folder: Path, at: Path) -> int:
    """End training at `count` steps spread over all steps of its writes; returns how many results are identical."""
    stages = TWO if count < 50 else LONG  # long enough to have `count` steps
    whole = new_run(at / "whole", folder / "cache", stages=stages)
    assert child(lambda: counted(lambda: train_run(whole), point=None, count_file=at / "steps")) == 0
    steps, identical = int((at / "steps").read_text()), 0
    assert steps >= count, f"{steps} steps are fewer than {count}"
    for number in range(count):
        run = new_run(at / "dies", folder / "cache", stages=stages)
        point = 1 + number * steps // count
        assert child(partial(counted, partial(train_run, run), point=point)) == DEAD
        assert child(partial(train_run, Run(run.folder))) == 0, f"after ending at step {point} of {steps}"
        same = digest(run.folder, "model.safetensors") == digest(whole.folder, "model.safetensors")
        identical += same and losses(run) == losses(whole)
        shutil.rmtree(run.folder)
    return identical


def training(count: int, folder: Path, at: Path) -> int:
    """Kill training at random times; returns how many results are identical."""
    whole, generator = new_run(at / "whole", folder / "cache"), random.Random(0)
    began = time.monotonic()
    assert child(lambda: train_run(whole)) == 0
    whole_time, identical = time.monotonic() - began, 0
    for _ in range(count):
        run = new_run(at / "dies", folder / "cache")
        killed(partial(train_run, run), generator, whole_time)
        assert child(partial(train_run, Run(run.folder))) == 0
        same = digest(run.folder, "model.safetensors") == digest(whole.folder, "model.safetensors")
        identical += same and losses(run) == losses(whole)
        shutil.rmtree(run.folder)
    return identical


def preprocessing(count: int, folder: Path, at: Path) -> int:
    """Kill preprocessing at random times; returns how many results are identical."""
    generator, dataset = random.Random(0), load_dataset(folder / "people")
    dataset = replace(dataset, table=dataset.table.head(MAX_CLIPS))
    began = time.monotonic()
    assert child(lambda: preprocess(dataset, at / "whole", workers=1)) == 0
    whole_time, identical = time.monotonic() - began, 0
    for _ in range(count):
        killed(lambda: preprocess(dataset, at / "dies", workers=1), generator, whole_time)
        assert child(lambda: preprocess(dataset, at / "dies", workers=1)) == 0
        identical += digest(at / "dies") == digest(at / "whole")
        shutil.rmtree(at / "dies")
    return identical


def seeds(count: int, folder: Path, at: Path) -> int:
    """Train and evaluate all modalities `count` times with one seed; returns how many equal the first."""

    def once(place: Path) -> None:
        for modality in ALL:
            train_run(new_run(place / modality, folder / "cache", modality, ONE))
        table, _ = evaluate([place / modality for modality in ALL], Cache(folder / "cache"), "test")
        write_predictions(table, place / "predictions.parquet")

    names = [*(f"{modality}/model.safetensors" for modality in ALL), "predictions.parquet"]
    for number in range(count):
        assert child(partial(once, at / str(number))) == 0
    return [digest(at / str(number), *names) for number in range(count)].count(digest(at / "0", *names))


if __name__ == "__main__":
    trial = {function.__name__: function for function in (writes, training, preprocessing, seeds)}[sys.argv[1]]
    if trial is preprocessing:  # in one thread, because forked processes would wait for threads they do not have
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        warm_up_preprocessing()
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps({"identical": trial(int(sys.argv[2]), Path(sys.argv[3]), Path(place))}))
