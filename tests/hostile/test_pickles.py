"""Annotation pickles with bytes changed: they load, or are refused in a sentence, at once and in little memory."""

import pickle
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from personality.dataset.untrusted import AnnotationError, read_annotation


def test_mutants_load_or_are_refused_quickly(
    tmp_path: Path, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    random, count = np.random.default_rng(0), share(1000, 200)
    labels = {"openness": {f"{number:05d}.000.mp4": number / 500 for number in range(500)}}
    data = np.frombuffer(pickle.dumps(labels, protocol=2), np.uint8)
    ended: dict[str, int] = {"read": 0, "refused": 0}
    longest = most = 0.0
    for _ in range(count):
        mutant = data.copy()
        places = random.integers(0, len(mutant), random.integers(1, 20))
        mutant[places] = random.integers(0, 256, len(places))
        cut = len(mutant) if random.random() < 0.5 else random.integers(1, len(mutant) + 1)
        (tmp_path / "a.pkl").write_bytes(mutant.tobytes()[:cut])
        how, seconds, memory = ends(tmp_path / "a.pkl")
        ended[how], longest, most = ended[how] + 1, max(longest, seconds), max(most, memory)
    assert longest < 0.5
    assert most < 100
    assert min(ended.values()) > count / 100
    words = ", ".join(f"{number} {how}" for how, number in ended.items())
    outcome("mutated annotation pickles", f"of {count:,}: {words}; at most {longest:.2f} s and {most:.1f} MB")


def ends(path: Path) -> tuple[str, float, float]:
    """How reading ends, after how many seconds, with how many megabytes at most."""
    began = time.perf_counter()
    tracemalloc.start()
    try:
        read_annotation(path)
        how = "read"
    except AnnotationError as error:
        assert str(error) and "\n" not in str(error)
        how = "refused"
    finally:
        memory = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return how, time.perf_counter() - began, memory
