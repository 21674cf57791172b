"""Trace networks, so that a server runs them without Python's interpreter lock.

PyTorch gives the lock up at every operation and waits to get it back. Next to four threads that draw pages, a
face took 80 times as long as alone, and traced 3 times, which is the share of the cores that was left.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.network import Network

TRACED_BATCH_IMAGES, CHECKED_BATCH_IMAGES = 2, 3
MAX_TRACING_DIFFERENCE = 1e-4  # relative to the largest output; a correct trace only rounds differently


def trace_backbones(networks: Iterable[nn.Module]) -> None:
    """Replace the backbones within networks in evaluation mode, in place. They cannot be trained after that."""
    pictures = random_pictures()
    for network in networks:
        for part in list(network.modules()):
            if isinstance(part, Network) and part.backbone is not None:
                part.backbone = trace_module(part.backbone, pictures)


def random_pictures() -> Tensor:
    """Return random pictures float32 (CHECKED_BATCH_IMAGES, 3, S, S) in [0, 1], of the size of a face."""
    side = PREPROCESSING.face_size
    return torch.rand((CHECKED_BATCH_IMAGES, 3, side, side), generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def trace_module(module: nn.Module, example: Tensor) -> nn.Module:
    """Trace a module for inference.

    Parameters
    ----------
    module : Module
        In evaluation mode, on the CPU.
    example : Tensor, shape (CHECKED_BATCH_IMAGES, ...)
        An input; the traced module accepts any number of images of this size.

    Returns
    -------
    Module
        The module itself if it is traced already, or if it depends on the number of images in a way that a trace
        cannot express.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return module
    with warnings.catch_warnings():
        # PyTorch recommends torch.compile, which requires a compiler on every machine that predicts.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(module, example[:TRACED_BATCH_IMAGES], check_trace=False)
    wanted = module(example)
    is_same = (traced(example) - wanted).abs().max() <= MAX_TRACING_DIFFERENCE * wanted.abs().max()
    return traced if is_same else module
