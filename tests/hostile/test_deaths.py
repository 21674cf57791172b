"""What dies within a write, or at any moment, goes on as if it had not; the same seed gives the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache

ROOT = Path(__file__).parents[2]
TRIALS = {  # how many in full and with every change, what it is called, how it is told
    "writes": (100, 12, "deaths within the writes of a training", "resumed bit-identical"),
    "training": (20, 4, "kill -9 of a training at any moment", "resumed bit-identical"),
    "preprocessing": (20, 2, "kill -9 of preprocessing at any moment", "resumed bit-identical"),
    "seeds": (
        3,
        2,
        "four modalities trained and evaluated with one seed",
        "the same sha256 of weights and predictions",
    ),
}


@pytest.mark.parametrize("trial", TRIALS)
def test_a_death_costs_nothing(
    trial: str, people: Path, cache: Cache, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    full, some, what, words = TRIALS[trial]
    count = share(full, some)
    command = [sys.executable, "-m", "tests.hostile.deaths", trial, str(count), str(people.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["mended"] == count
    outcome(what, f"{count} of {count}: {words}")
