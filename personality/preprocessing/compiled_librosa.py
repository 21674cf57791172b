"""Load librosa, which numba compiles when it is first used, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


@lru_cache(maxsize=1)
def load_librosa() -> ModuleType:
    """Load librosa: about 4 s of one core, and 30 s the first time after its installation, when it is compiled.

    Of several processes, one compiles and the others wait. Processes that fill numba's cache at the same time can store
    the code of one function under the name of another; every later process then crashes.
    """
    import librosa

    for module in ("scipy.signal", "sklearn"):  # most of the loading, outside the lock
        import_module(module)
    _compile_alone(lambda: import_module("librosa.feature.spectral"))
    return librosa


@lru_cache(maxsize=1)
def load_pyin() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Load `librosa.pyin`, whose parts numba compiles only when it is called: 8 s the first time."""
    librosa = load_librosa()
    _compile_alone(lambda: librosa.pyin(np.ones(4096, np.float32), fmin=65, fmax=500, sr=16_000))
    return librosa.pyin


def _compile_alone(compile_all: Callable[[], object]) -> None:
    """Call a function that makes numba compile parts of librosa, while no other process does."""
    import librosa
    import numba

    with _lock_folder(Path(librosa.__file__).parent):
        try:
            compile_all()
        except RuntimeError:  # no writable folder for numba's cache: compile for this process only
            settings: Any = numba.config
            with tempfile.TemporaryDirectory() as folder:
                settings.CACHE_DIR = folder
                compile_all()


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Wait for other processes that hold the lock of a folder, which may be read-only, and hold it until the block
    ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # releases the lock
