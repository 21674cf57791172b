"""Memory of a training process: what a step frees, the next step wants again; what a step holds; what there is."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

# glibc's names in malloc.h: no piece of its own from the kernel however large, and none handed back.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
MAX_INT32 = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep what it frees, where the C library can (glibc).

    Otherwise the kernel clears every large tensor's pages anew in each step, which took a fifth of a step on a CPU; in
    return the process holds a quarter more memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, MAX_INT32)


def measure_activation_bytes(forward: Callable[[], Tensor]) -> int:
    """What a forward pass holds for its backward pass, in bytes: activations, and the weights it multiplied by."""
    held: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        _kept = forward()  # until all is counted, or freed places would be counted once for two tensors
    return sum(held.values())


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory that this process has held: of the GPU, or of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def free_memory_bytes(device: torch.device) -> int:
    """Memory that nobody uses now: of the GPU, or of the machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024
