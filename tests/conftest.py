"""What many tests share: real data where it is at hand, a few synthetic people, their cache, small trained runs."""

from __future__ import annotations

import fcntl
import os
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from personality.dataset import load_dataset
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from personality.synthetic.people import SynthesisOptions, synthesize
from training.config.run_config import Stage, preset
from training.engine.trainer import train_run
from training.runs.run import Run

ROOT = Path(__file__).parents[1]

# The processes of pytest share the cores, threads of torch would only fight for them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing goes out, from here or from any Python that the tests begin.
LOOPBACK = ROOT / "tests" / "loopback"
runpy.run_path(str(LOOPBACK / "sitecustomize.py"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(LOOPBACK), os.environ.get("PYTHONPATH"))))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real labels and clips, or a skip that says why."""
    place = os.environ.get("PERSONALITY_REAL_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("PERSONALITY_REAL_DATA names no folder: real clips and labels are not part of the project")
    return Path(place)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A folder of this name, made by whichever process of pytest wants it first; the others wait, and nobody changes
    it afterwards."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def people(made: Callable) -> Path:
    """A dataset of eight people with two short clips each."""
    return made(
        "people", lambda folder: synthesize(folder, people=8, seed=3, knobs=SynthesisOptions(clips_per_person=2))
    )


@pytest.fixture(scope="session")
def cache(people: Path, made: Callable) -> Cache:
    """Its cache, beside it."""
    return Cache(made("cache", lambda folder: preprocess(load_dataset(people), folder, workers=2)))


@pytest.fixture(scope="session")
def runs(cache: Cache, made: Callable) -> Path:
    """A folder of four finished runs of two epochs each."""

    def make(folder: Path) -> None:
        for modality in ("audio", "visual", "audiovisual", "handcrafted"):
            run = Run(folder / modality)
            run.create(preset(modality, stages=(Stage(2, "head", 1e-3, frames=2),), batch=4), cache.folder)
            train_run(run)

    return made("runs", make)
