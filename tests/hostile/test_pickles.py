"""Annotation pickles with changed bytes: read, or rejected with one sentence, quickly and in little memory."""

import pickle
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from personality.dataset.index import DatasetError
from personality.dataset.safe_pickle import read_annotation


def test_mutants_are_read_or_rejected_quickly(
    tmp_path: Path, share: Callable[[int, int], int], outcome: Callable[[str, str], None]
) -> None:
    random, count = np.random.default_rng(0), share(1000, 200)
    labels = {"openness": {f"{number:05d}.000.mp4": number / 500 for number in range(500)}}
    data = np.frombuffer(pickle.dumps(labels, protocol=2), np.uint8)
    ended: dict[str, int] = {"read": 0, "rejected": 0}
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
    """The result of reading, the seconds of processor time it took, and the peak memory in megabytes."""
    began = time.process_time()  # other tests use the same cores
    how = result(path)
    seconds = time.process_time() - began
    tracemalloc.start()  # in a second reading, because tracing takes longer than the reading
    try:
        assert result(path) == how
        return how, seconds, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def result(path: Path) -> str:
    """Whether a file is read, or rejected in one line."""
    try:
        read_annotation(path)
    except DatasetError as error:
        assert str(error) and "\n" not in str(error)
        return "rejected"
    return "read"


HEAD, TAIL = b"\x80\x02}", b"K\x01s."  # {...: 1}
NESTED = {
    # Each tuple contains the previous one twice: comparing or hashing the last one takes 2^26 steps.
    "shared": HEAD + b")q\x00" + b"h\x00h\x00\x86q\x00" * 26 + TAIL,
    # Deeper than Python's stack: hashing or freeing it crashes the process.
    "deep": HEAD + b")" + b"\x85" * 200_000 + TAIL,
    "wide": HEAD + b"(" + b"K\x01" * 100_000 + b"tq\x00" + b"(" + b"h\x00" * 100_000 + b"t" + TAIL,
    "marks": HEAD + b"(" * 20_000 + b"t" * 20_000 + TAIL,
    "keys": HEAD + b"K\x01" + TAIL,
}


@pytest.mark.parametrize("kind", NESTED)
def test_handmade_pickles_are_rejected_quickly(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.pkl").write_bytes(NESTED[kind])
    how, seconds, memory = ends(tmp_path / "a.pkl")
    assert how == "rejected"
    assert seconds < 0.5
    assert memory < 100
