"""Shared fixtures: the folder of real data if available, a dataset of synthetic people, its cache, trained runs, and a
Dask cluster of this machine."""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from personality.dataset import load_dataset
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from personality.synthetic.people import synthesize
from personality.synthetic.scenes import SynthesisOptions
from tests.waiting import wait_for
from training.config.run_config import Stage, preset
from training.engine.train_run import train_run
from training.runs.run import Run

ROOT = Path(__file__).parents[1]

# The pytest workers share the cores; more threads per worker would only compete for them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Block network access, except to this machine, in this process and in every Python process that the tests start.
LOOPBACK = ROOT / "tests" / "loopback"
runpy.run_path(str(LOOPBACK / "sitecustomize.py"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(LOOPBACK), os.environ.get("PYTHONPATH"))))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real labels and clips; tests that use it are skipped without one."""
    folder = os.environ.get("PERSONALITY_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PERSONALITY_REAL_DATA is not a folder; real clips and labels are not part of the project")
    return Path(folder)


@pytest.fixture(scope="session")
def create_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A function that creates a folder once for all pytest workers and returns it; tests must not change its contents.

    The first worker to call it with a name runs `create(folder)`, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get_or_create(name: str, create: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                create(folder)
                done.touch()
        return folder

    return get_or_create


@pytest.fixture(scope="session")
def people(create_once: Callable) -> Path:
    """A dataset of eight people with two short clips each."""
    return create_once(
        "people", lambda folder: synthesize(folder, people=8, seed=3, options=SynthesisOptions(clips_per_person=2))
    )


@pytest.fixture(scope="session")
def cache(people: Path, create_once: Callable) -> Cache:
    """The cache of `people`, all of whom can be read."""

    def create(folder: Path) -> None:
        assert set(preprocess(load_dataset(people), folder, workers=2)["error"]) == {""}

    return Cache(create_once("cache", create))


@pytest.fixture(scope="session")
def runs(cache: Cache, create_once: Callable) -> Path:
    """A folder of four finished runs of two epochs each, one per modality of the thesis."""

    def create(folder: Path) -> None:
        for modality in ("audio", "visual", "audiovisual", "handcrafted"):
            run = Run(folder / modality)
            run.create(preset(modality, stages=(Stage(2, "head", 1e-3, frames=2),), batch=4), cache.folder)
            train_run(run)

    return create_once("runs", create)


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Start parts of a cluster by their commands; all parts end with the test."""
    pytest.importorskip("distributed")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ["PYTHONPATH"]))}
    file, parts = str(tmp_path / "scheduler.json"), []
    with (tmp_path / "dask.log").open("w") as log:

        def begin(*words: str) -> None:
            command = [sys.executable, "-m", "dask", *words, "--no-dashboard", "--scheduler-file", file]
            how: dict[str, Any] = {"cwd": tmp_path, "env": environment, "stdout": log, "stderr": log}
            parts.append(subprocess.Popen(command, start_new_session=True, **how))

        yield begin
        for process in reversed(parts):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def scheduler(dask: Callable[..., None], tmp_path: Path) -> str:
    """The address of a scheduler without workers."""
    dask("scheduler", "--host", "127.0.0.1", "--port", "0")
    file = tmp_path / "scheduler.json"
    wait_for(lambda: file.exists() and file.read_text().endswith("}"))  # it exists a moment before it is written
    return json.loads(file.read_text())["address"]
