"""Bytes that are let go of leave the process."""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE = 2**20  # bytes


def return_large_blocks() -> None:
    """From now on what takes a megabyte or more goes back to the system when it is freed. Otherwise the allocator keeps
    blocks as large as any that was freed before, and with them what was in a clip that was forgotten."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(M_MMAP_THRESHOLD, LARGE)
