"""Averaged weights: what a run keeps, and is judged by, is the mean of its last steps, steadier than any of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential moving average of a network's floating tensors (Polyak and Juditsky 1992), its own copies.

    leave_out: prefixes of names that are not averaged, such as a fusion's branches, which never change.
    """

    def __init__(self, network: nn.Module, decay: float, leave_out: tuple[str, ...] = ()) -> None:
        """decay: per step, in [0, 1); 0.998 remembers some five hundred steps."""
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of averaged weights is {decay}; wanted 0 or more and less than 1")
        self.decay, self.steps = decay, 0
        self._live = {
            name: tensor
            for name, tensor in network.state_dict().items()
            if tensor.is_floating_point() and not name.startswith(leave_out or ("\0",))
        }
        self.tensors = {name: tensor.clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network as it is after a step. The first steps count more, so that the start is forgotten."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._live.values()), 1 - decay)
        self.steps += 1

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Go on from an average that was stored: its tensors by name, and how many steps it had seen."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
        self.steps = steps

    @contextmanager
    def apply_temporarily(self) -> Iterator[None]:
        """Within the context the network has the averaged weights, after it its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, live in self._live.items():
            held = live.clone()
            live.copy_(self.tensors[name])
            self.tensors[name].copy_(held)
