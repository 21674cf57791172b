"""One run in several processes (`torchrun -m training run ...`): who this is, its share of the rows, and how the shares
come together. In a single process every function is the plain thing.

A step's loss is taken of the whole batch, gathered from all processes, and each process sends the gradients of its own
rows through the gathering. So any loss, concordance included, gives the gradients that one process would have.
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
    """The number of this process, 0 for the first, which alone writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def process_group() -> Iterator[None]:
    """Within the context the processes that torchrun began know each other."""
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
    """The GPU of this process, or the processor."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def device_name(device: torch.device) -> str:
    """What people call it."""
    return (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"processor, {torch.get_num_threads()} threads"
    )


def broadcast_from_first(thing: Any) -> Any:
    """What the first process passed, in every process."""
    if process_count() == 1:
        return thing
    things = [thing]
    distributed.broadcast_object_list(things, src=0)
    return things[0]


def take_process_share(numbers: Tensor) -> Tensor:
    """This process's part of `numbers` (N,): as many for each process, so some come twice where N does not divide."""
    if process_count() == 1:
        return numbers
    each = -(-len(numbers) // process_count())
    return numbers[(rank() + torch.arange(each) * process_count()) % len(numbers)]


def gather_rows(rows: Tensor, total: int) -> Tensor:
    """The rows (n, ...) of all processes' shares of `total` rows, in the order they had; gradients go through it."""
    if process_count() == 1:
        return rows
    parts = torch.stack(together.all_gather(rows.contiguous()), 1)
    return parts.flatten(0, 1)[:total]


def wait_for_processes() -> None:
    """Until all processes are here."""
    if process_count() > 1:
        distributed.barrier()


def wrap_for_processes(step: nn.Module, network: Network) -> nn.Module:
    """The step with its gradients averaged over the processes; on GPUs its network's own batch normalisations take
    their statistics of all. Not those of backbones and branches: they keep theirs fixed, and timm's
    layers may be a normalisation and an activation in one, which the conversion would lose."""
    if process_count() == 1:
        return step
    if torch.cuda.is_available():
        for name, child in network.head_modules().items():
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
    return DistributedDataParallel(step)


def without_gradient_sync(network: nn.Module) -> AbstractContextManager:
    """Within the context backward passes keep their gradients: another one of the same step follows."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()
