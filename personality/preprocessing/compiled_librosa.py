"""Load librosa, which numba compiles when it is first used, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType


@lru_cache(maxsize=1)
def load_librosa() -> ModuleType:
    """Load librosa: about 4 s of one core, and 30 s the first time after its installation, when it is compiled.

    Of several processes, one compiles and the others wait. Processes that fill numba's cache at the same time can store
    the code of one function under the name of another; every later process then crashes.
    """
    import librosa
    import numba

    for module in ("scipy.signal", "sklearn"):  # most of the loading, outside the lock
        import_module(module)
    with _lock_folder(Path(librosa.__file__).parent):
        try:
            import librosa.feature.spectral
        except RuntimeError:  # no writable folder for numba's cache: compile for this process only
            with tempfile.TemporaryDirectory() as folder:
                numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
                import librosa.feature.spectral
    return librosa


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
