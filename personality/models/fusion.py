"""Late fusion: the last hidden layers of trained networks joined, with or without handcrafted features."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Self

import torch
from torch import Tensor, nn

from personality.models.network import Batch, Needs, Network, dense

HANDCRAFTED = 9  # seven emotions, gender, age: see `inputs.handcrafted`
SIZES = {"thesis": (512, 512, 32), "compact": (64,)}
# Dropout of what is joined, and after each layer.
DROPOUT = {"thesis": (0.0, 0.0), "compact": (0.0, 0.2)}
FREE_DROPOUT = (0.5, 0.5)  # of a fusion of any models: a branch that knows its training clips by heart is believed less


class Fusion(Network):
    """The branches' last hidden layers (and nine handcrafted features) -> dense layers -> 5.

    The branches are trained before and stay fixed; the thesis's sizes are 512, 512, 32.
    """

    def __init__(
        self,
        activation: str,
        *,
        preset: str,
        branches: dict[str, Network],
        handcrafted: bool,
        dropout: tuple[float, float],
    ) -> None:
        own = Needs(frozenset({"handcrafted"})) if handcrafted else Needs()
        super().__init__(SIZES[preset][-1], reduce(or_, (branch.needs for branch in branches.values()), own))
        self.branches = nn.ModuleDict(branches)
        self.joined = list(branches.values())
        self.takes_handcrafted = handcrafted
        joined = sum(branch.hidden_size for branch in branches.values()) + HANDCRAFTED * handcrafted
        self.normalise = nn.BatchNorm1d(joined)
        self.forget = nn.Dropout(dropout[0])
        self.layers = dense((joined, *SIZES[preset]), activation, dropout[1])
        self.branches.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Training mode for the fusion's own layers; the branches stay as they are."""
        super().train(mode)
        self.branches.eval()
        return self

    def features(self, batch: Batch) -> Tensor:
        """The branches' hidden layers, then the handcrafted features, side by side (B, joined)."""
        with torch.no_grad():
            parts = [branch.embed(batch) for branch in self.joined]
        if self.takes_handcrafted:
            if batch.handcrafted is None:
                raise ValueError("the network got a batch without handcrafted features; wanted float32 (B, 9)")
            parts.append(batch.handcrafted)
        return torch.cat(parts, 1)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size)."""
        return self.layers(self.forget(self.normalise(features)))
