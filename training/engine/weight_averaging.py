"""Weight averaging: a run stores and evaluates the mean of the weights of its last steps, which varies less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """An exponential moving average of tensors (Polyak and Juditsky 1992).

    Parameters
    ----------
    tensors : dict of str to Tensor
        The tensors of a network that training changes in place, by name. Only floating-point tensors are averaged.
    decay : float
        Decay per step, in [0, 1); 0.998 averages over about 500 steps.

    Raises
    ------
    ValueError
        The decay is out of range.
    """

    def __init__(self, tensors: dict[str, Tensor], decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of averaged weights is {decay}; expected 0 or more and less than 1")
        self.decay, self.steps = decay, 0
        self._live = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        self.tensors = {name: tensor.clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Include the weights after a step. The first steps have a higher weight, so that the initial values fade."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._live.values()), 1 - decay)
        self.steps += 1

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Restore a stored average: its tensors by name and its number of steps."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
        self.steps = steps

    @contextmanager
    def apply_temporarily(self) -> Iterator[None]:
        """Within the context the network has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, live in self._live.items():
            current = live.clone()
            live.copy_(self.tensors[name])
            self.tensors[name].copy_(current)
