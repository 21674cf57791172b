"""Weight averaging: the mean of the weights of recent steps, which varies less, is evaluated and stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """An exponential moving average of the floating-point tensors of a module (Polyak and Juditsky 1992).

    `torch.optim.swa_utils.AveragedModel` would also copy and average the parts of a module that are not trained
    (docs/models.md).

    Parameters
    ----------
    tensors : dict of str to Tensor
        Tensors by name, which training changes in place.
    decay : float
        Decay per step, in [0, 1); 0.998 averages over about 500 steps.
    """

    def __init__(self, tensors: dict[str, Tensor], decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._live = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        self.tensors = {name: tensor.clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Include the weights after a step. The first steps have a larger share, to replace initial values."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._live.values()), 1 - decay)
        self.steps += 1

    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Restore a stored average: its tensors by name and its number of steps."""
        torch._foreach_copy_(list(self.tensors.values()), [tensors[name] for name in self.tensors])
        self.steps = steps

    @contextmanager
    def apply_temporarily(self) -> Iterator[None]:
        """Give the module the averaged weights within the context."""
        live, averaged = list(self._live.values()), list(self.tensors.values())
        trained = [tensor.clone() for tensor in live]
        with torch.no_grad():
            torch._foreach_copy_(live, averaged)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(live, trained)
