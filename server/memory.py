"""Memory that is let go of leaves the process, and with it what was in a clip that was forgotten.

Without this glibc keeps blocks as large as any that was freed before. Other C libraries have neither call.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # of malloc.h
MMAP_THRESHOLD_BYTES = 2**20  # bytes; above what the libraries take and free all the time
_malloc_library = ctypes.CDLL(None)


def use_mmap_for_large_blocks() -> None:
    """From now on large blocks lie by themselves and go back to the system when they are freed."""
    if hasattr(_malloc_library, "mallopt"):
        _malloc_library.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def return_free_memory() -> None:
    """Give back what else is free."""
    if hasattr(_malloc_library, "malloc_trim"):
        _malloc_library.malloc_trim(0)
