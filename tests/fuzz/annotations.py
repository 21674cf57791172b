"""Fuzz the reader of annotation pickles: it loads or raises DatasetError, whatever comes. `make fuzz` runs it."""

import os
import pickle
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["personality", "pickletools"]):
    from personality.dataset.index import DatasetError
    from personality.dataset.safe_pickle import read_annotation

FILE = Path(tempfile.gettempdir()) / f"annotation-{os.getpid()}.pkl"


def seeds(folder: Path) -> None:
    """Good annotations of every protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {trait: {"a.000.mp4": 0.25, "b.001.mp4": 1.0} for trait in ("openness", "extraversion", "interview")}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (folder / f"protocol-{protocol}.pkl").write_bytes(pickle.dumps(labels, protocol))


def one(data: bytes) -> None:
    """What must hold of any bytes."""
    FILE.write_bytes(data)
    try:
        found = read_annotation(FILE)
    except DatasetError as error:
        assert "\n" not in str(error), error
    else:
        assert all(isinstance(value, float) for clips in found.values() for value in clips.values())


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
