"""Memory that is let go of leaves the process, and with it what was in a clip that was forgotten.

Without this glibc keeps blocks as large as any that was freed before. Other C libraries have neither call.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # of malloc.h
LARGE = 2**20  # bytes; above what the libraries take and free all the time
_library = ctypes.CDLL(None)


def keep_large_apart() -> None:
    """From now on large blocks lie by themselves and go back to the system when they are freed."""
    if hasattr(_library, "mallopt"):
        _library.mallopt(M_MMAP_THRESHOLD, LARGE)


def return_freed() -> None:
    """Give back what else is free."""
    if hasattr(_library, "malloc_trim"):
        _library.malloc_trim(0)
