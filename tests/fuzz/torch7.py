"""Fuzz the reader of Torch7 files: it returns plain values or raises Torch7Error for any bytes. `make fuzz` runs it."""

import os
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["personality"]):
    from personality.models.torch7 import Torch7Error, Torch7Object, read_torch7

from tests.models.lua import Lua

FILE = Path(tempfile.gettempdir()) / f"torch7-{os.getpid()}.net"
PLAIN_TYPES = (type(None), bool, float, str, dict, np.ndarray, Torch7Object)


def seeds(folder: Path) -> None:
    """A container of two layers."""
    folder.mkdir(parents=True, exist_ok=True)
    lua = Lua()
    layers = [lua.layer("nn.Linear", weight=np.ones((2, 3)), bias=np.zeros(2)), lua.layer("nn.ReLU")]
    (folder / "layers.net").write_bytes(lua.container("nn.Sequential", layers))


def one(data: bytes) -> None:
    """What must hold for any bytes."""
    FILE.write_bytes(data)
    try:
        found = read_torch7(FILE)
    except Torch7Error as error:
        assert "\n" not in str(error), error
    else:
        assert isinstance(found, PLAIN_TYPES), type(found)


if __name__ == "__main__":
    seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
