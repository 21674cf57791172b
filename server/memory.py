"""Bytes that are let go of leave the process."""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; other C libraries have none


def return_freed() -> None:
    """Give memory that was freed back to the system. The allocator keeps much of it, and with it what was in a clip
    that was forgotten."""
    if _trim is not None:
        _trim(0)
