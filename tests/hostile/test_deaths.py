"""Interrupted training and preprocessing resume with identical results; the same seed gives the same bytes."""

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
RESUMED = "bit-identical result after resuming"
TRIALS = {  # number in full and with every change (0: only in full), description, result
    "writes": (100, 0, "training ended during a step of a write", RESUMED),
    "training": (20, 1, "training killed (kill -9) at a random time", RESUMED),
    "preprocessing": (20, 0, "preprocessing killed (kill -9) at a random time", RESUMED),
    "seeds": (
        3,
        0,
        "four modalities trained and evaluated with the same seed",
        "identical sha256 of weights and predictions",
    ),
}


def mark_trial(trial: str) -> tuple[pytest.MarkDecorator, ...]:
    return () if TRIALS[trial][1] else (pytest.mark.trial,)


@pytest.mark.parametrize("trial", [pytest.param(trial, marks=mark_trial(trial)) for trial in TRIALS])
def test_an_interruption_does_not_change_the_result(
    trial: str, people: Path, cache: Cache, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    full, part, what, result = TRIALS[trial]
    count = share(full, part)
    command = [sys.executable, "-m", "tests.hostile.deaths", trial, str(count), str(people.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["identical"] == count
    outcome(what, f"{count} of {count}: {result}")
