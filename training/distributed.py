"""A run in several processes (`torchrun -m training run ...`); in a single process the functions have no effect.

The loss of a step is computed on the whole batch, gathered from all processes, and gradients flow back through the
gathering. So any loss, including concordance, has the same gradients as in a single process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed.nn.functional as together
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from personality.models.network import Network


def rank() -> int:
    """The number of this process; only process 0 writes files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """Number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def process_group() -> Iterator[None]:
    """Within the context the processes that torchrun started can communicate."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def process_device() -> torch.device:
    """The GPU of this process, or the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def device_name(device: torch.device) -> str:
    """The name of a device for display."""
    return (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"processor, {torch.get_num_threads()} threads"
    )


def broadcast_from_first(thing: Any) -> Any:
    """The argument of the first process, in every process."""
    if process_count() == 1:
        return thing
    things = [thing]
    distributed.broadcast_object_list(things, src=0)
    return things[0]


def take_process_share(numbers: Tensor) -> Tensor:
    """This process's part of `numbers` (N,); all parts have equal size, so some numbers are repeated."""
    if process_count() == 1:
        return numbers
    each = -(-len(numbers) // process_count())
    return numbers[(rank() + torch.arange(each) * process_count()) % len(numbers)]


def gather_rows(rows: Tensor, total: int) -> Tensor:
    """The rows (n, ...) of all processes, in the original order of `total` rows; differentiable."""
    if process_count() == 1:
        return rows
    parts = torch.stack(together.all_gather(rows.contiguous()), 1)
    return parts.flatten(0, 1)[:total]


def wait_for_processes() -> None:
    """Wait until all processes call this."""
    if process_count() > 1:
        distributed.barrier()


def synchronise_normalisation(network: Network) -> None:
    """With several GPUs, give batch normalisation in the head the statistics of all processes. Backbones and branches
    have fixed statistics; besides, the conversion would remove the activations that timm includes in its normalisation
    layers."""
    if process_count() > 1 and torch.cuda.is_available():
        for name, child in network.head_modules().items():
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))


def wrap_for_processes(module: nn.Module) -> nn.Module:
    """The module with gradients averaged over the processes."""
    return module if process_count() == 1 else DistributedDataParallel(module)


def without_gradient_sync(network: nn.Module) -> AbstractContextManager:
    """Within the context gradients are not averaged, because another backward pass of the same step follows."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()
