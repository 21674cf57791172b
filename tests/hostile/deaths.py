"""Deaths at every point of a write, and at any moment: `python -m tests.hostile.deaths WHAT COUNT FOLDER` says how many
of COUNT were mended, bit for bit.

This process loads what it needs, in one thread, and forks: a child that dies costs milliseconds to replace.
FOLDER holds a dataset `people` and its cache `cache`.
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
from training.engine.trainer import train_run
from training.runs.run import Run

DEAD = 9
FEW = 3  # clips to preprocess
ONE = (Stage(1, "head", 1e-3, frames=1),)
LONG = (Stage(5, "head", 1e-3), Stage(5, "head", 1e-4))
TWO = (Stage(2, "head", 1e-3), Stage(2, "head", 1e-4))
ALL = ("audio", "visual", "audiovisual", "handcrafted")


def child(work: Callable[[], Any], *, seconds: float | None = None) -> int:
    """Do the work in a fork; its exit status, -9 where it was killed after so many seconds."""
    pid = os.fork()
    if not pid:
        _work(work)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(work: Callable[[], Any], generator: random.Random, whole_time: float) -> None:
    """Do the work in a fork, killed at a moment drawn from what it takes; earlier where it was through by then."""
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


def counted(work: Callable[[], Any], *, point: int | None, told: Path | None = None) -> None:
    """Do the work and die at the so-manyth step of a write, or count the steps into `told`."""
    steps = 0

    def step(function: Callable, last_words: Callable = lambda *_: None) -> Callable:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == point:
                last_words(*given)
                os._exit(DEAD)
            return function(*given, **named)

        return call

    def half(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])

    atomic_files.os = type("Steps", (), {**vars(os), "fsync": step(os.fsync), "replace": step(os.replace)})  # type: ignore[assignment]
    Path.write_bytes = step(Path.write_bytes, half)  # type: ignore[method-assign]
    work()
    if told:
        with told.open("w") as file:
            file.write(str(steps))


def new_run(folder: Path, cache: Path, modality: str = "audio", stages: tuple[Stage, ...] = TWO) -> Run:
    run = Run(folder)
    run.create(preset(modality, stages=stages, batch=4), cache)
    return run


def digest(folder: Path, *names: str) -> str:
    """Of the files named, or of all but locks."""
    files = [folder / name for name in names] or [path for path in folder.rglob("*") if path.is_file()]
    told = [path for path in sorted(files) if path.name != "lock"]
    parts = [f"{path.relative_to(folder)} {atomic_files.file_sha256(path)}" for path in told]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def losses(run: Run) -> list[float]:
    return [row["loss"] for row in run.metrics()]


def writes(count: int, folder: Path, at: Path) -> int:
    """Training dies within `count` steps of its writes, spread over all there are; how many ended as if it had not."""
    stages = TWO if count < 50 else LONG  # of which the writes have steps enough
    whole = new_run(at / "whole", folder / "cache", stages=stages)
    assert child(lambda: counted(lambda: train_run(whole), point=None, told=at / "steps")) == 0
    steps, mended = int((at / "steps").read_text()), 0
    assert steps >= count, f"{steps} steps are fewer than {count}"
    for number in range(count):
        run = new_run(at / "dies", folder / "cache", stages=stages)
        point = 1 + number * steps // count
        assert child(partial(counted, partial(train_run, run), point=point)) == DEAD
        assert child(partial(train_run, Run(run.folder))) == 0, f"after a death at step {point} of {steps}"
        same = digest(run.folder, "model.safetensors") == digest(whole.folder, "model.safetensors")
        mended += same and losses(run) == losses(whole)
        shutil.rmtree(run.folder)
    return mended


def training(count: int, folder: Path, at: Path) -> int:
    """Training is killed at any moment."""
    whole, generator = new_run(at / "whole", folder / "cache"), random.Random(0)
    began = time.monotonic()
    assert child(lambda: train_run(whole)) == 0
    whole_time, mended = time.monotonic() - began, 0
    for _ in range(count):
        run = new_run(at / "dies", folder / "cache")
        killed(partial(train_run, run), generator, whole_time)
        assert child(partial(train_run, Run(run.folder))) == 0
        same = digest(run.folder, "model.safetensors") == digest(whole.folder, "model.safetensors")
        mended += same and losses(run) == losses(whole)
        shutil.rmtree(run.folder)
    return mended


def preprocessing(count: int, folder: Path, at: Path) -> int:
    """Preprocessing is killed at any moment."""
    generator, dataset = random.Random(0), load_dataset(folder / "people")
    dataset = replace(dataset, table=dataset.table.head(FEW))
    began = time.monotonic()
    assert child(lambda: preprocess(dataset, at / "whole", workers=1)) == 0
    whole_time, mended = time.monotonic() - began, 0
    for _ in range(count):
        killed(lambda: preprocess(dataset, at / "dies", workers=1), generator, whole_time)
        assert child(lambda: preprocess(dataset, at / "dies", workers=1)) == 0
        mended += digest(at / "dies") == digest(at / "whole")
        shutil.rmtree(at / "dies")
    return mended


def seeds(count: int, folder: Path, at: Path) -> int:
    """All four modalities trained and evaluated `count` times with one seed; how many gave the first one's bytes."""

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
    if trial is preprocessing:  # with one thread, or the forks would wait for threads that they have not
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        warm_up_preprocessing()
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps({"mended": trial(int(sys.argv[2]), Path(sys.argv[3]), Path(place))}))
