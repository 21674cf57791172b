"""Return freed memory to the operating system, so that a deleted clip does not remain in the process.

By default, glibc keeps large freed blocks for reuse. Other C libraries do not have these functions.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3  # from malloc.h
MMAP_THRESHOLD_BYTES = 2**20  # larger than the blocks that libraries allocate and free frequently
_malloc_library = ctypes.CDLL(None)


def use_mmap_for_large_blocks() -> None:
    """Allocate large blocks with mmap from now on, so that they are returned to the system when freed."""
    if hasattr(_malloc_library, "mallopt"):
        _malloc_library.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def return_free_memory() -> None:
    """Return other free memory to the system."""
    if hasattr(_malloc_library, "malloc_trim"):
        _malloc_library.malloc_trim(0)
