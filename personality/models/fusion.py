"""Late fusion: the last hidden layers of trained networks joined, with or without handcrafted features."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Self

import torch
from torch import Tensor, nn

from personality.models.network import Batch, Needs, Network, is_any_available, make_dense_layers

HANDCRAFTED_COUNT = 9  # seven emotions, gender, age: see `batching.encode_handcrafted`
FUSION_LAYER_SIZES = {"thesis": (512, 512, 32), "compact": (64,), "modern": (64,)}
# Dropout of the joined features, and after each layer.
FUSION_DROPOUT = {"thesis": (0.0, 0.0), "compact": (0.0, 0.2), "modern": (0.0, 0.2)}
FREE_FUSION_DROPOUT = (
    0.5,
    0.5,
)  # of a fusion of any models: a branch that overfits its training clips must not dominate
MIN_COLUMN_DEVIATION = 1e-3  # columns with a smaller standard deviation in training are not scaled
BRANCH_HIDE_PROBABILITY = 0.15  # probability that a branch is hidden in training, so that the gate can do without it


class _BranchFusion(Network):
    """Base of the fusions: trained branches with fixed weights and, optionally, the handcrafted features."""

    unstored_modules = ("branches",)

    def __init__(self, preset: str, branches: dict[str, Network], *, handcrafted: bool, one_is_enough: bool) -> None:
        own = Needs(frozenset({"handcrafted"})) if handcrafted else Needs()
        each = tuple(branch.needs for branch in branches.values())
        needs = replace(reduce(or_, each, own), alternatives=each if one_is_enough else ())
        super().__init__(FUSION_LAYER_SIZES[preset][-1], needs)
        self.branches = nn.ModuleDict(branches)
        self.joined = list(branches.values())
        self.takes_handcrafted = handcrafted
        self.sizes = [branch.hidden_size for branch in branches.values()] + [HANDCRAFTED_COUNT] * handcrafted
        self.branches.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Training mode for the fusion's own layers; the branches stay as they are."""
        super().train(mode)
        self.branches.eval()
        return self

    def _handcrafted(self, batch: Batch) -> list[Tensor]:
        if not self.takes_handcrafted:
            return []
        if batch.handcrafted is None:
            raise ValueError("the network requires handcrafted features: got a batch without, expected float32 (B, 9)")
        return [batch.handcrafted]


class Fusion(_BranchFusion):
    """The branches' last hidden layers (and nine handcrafted features) -> dense layers -> 5.

    The thesis's sizes are 512, 512, 32.
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
        super().__init__(preset, branches, handcrafted=handcrafted, one_is_enough=False)
        self.normalise = nn.BatchNorm1d(sum(self.sizes))
        self.dropout = nn.Dropout(dropout[0])
        self.layers = make_dense_layers((sum(self.sizes), *FUSION_LAYER_SIZES[preset]), activation, dropout[1])

    def features(self, batch: Batch) -> Tensor:
        """The branches' hidden layers, then the handcrafted features, side by side (B, joined)."""
        shared = batch.shared()
        with torch.no_grad():
            parts = [branch.embed(shared) for branch in self.joined]
        return torch.cat([*parts, *self._handcrafted(batch)], 1)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size)."""
        return self.layers(self.dropout(self.normalise(features)))


class GatedFusion(_BranchFusion):
    """Each branch (and the handcrafted features) projected to the same size, weighted by a gate per clip -> 5.

    One available branch is sufficient: a missing one has the weight 0 (after Arevalo et al. 2017). In training,
    branches are hidden at random, so that the gate learns to do without them (Neverova et al. 2016).
    """

    full_precision_buffers = ("centre", "scale")

    def __init__(
        self,
        activation: str,
        *,
        preset: str,
        branches: dict[str, Network],
        handcrafted: bool,
        dropout: tuple[float, float],
    ) -> None:
        super().__init__(preset, branches, handcrafted=handcrafted, one_is_enough=True)
        size = self.hidden_size
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.zeros(sum(self.sizes)))
        self.register_buffer("scale", torch.ones(sum(self.sizes)))
        self.dropout = nn.Dropout(dropout[0])
        self.bring = nn.ModuleList(make_dense_layers((own, size), activation, dropout[1]) for own in self.sizes)
        self.score = nn.Linear(size, 1)
        self.layers = make_dense_layers((size, *FUSION_LAYER_SIZES[preset]), activation, dropout[1])

    def features(self, batch: Batch) -> Tensor:
        """The branches' hidden layers, the handcrafted features, then whether each of these is available, 0 or 1:
        (B, joined + count)."""
        shared, present = batch.shared(), [batch.has(branch.needs) for branch in self.joined]
        device = self.centre.device
        with torch.no_grad():
            parts = [
                torch.where(available.to(device)[:, None], branch.embed(shared), 0.0)  # a missing branch may give NaN
                if is_any_available(available)
                else torch.zeros(len(batch), branch.hidden_size, device=device)
                for branch, available in zip(self.joined, present, strict=True)
            ]
        if self.takes_handcrafted:  # they are estimated from faces
            present.append(batch.has(Needs(frozenset({"faces"}))))
        available = torch.stack(present, 1).to(device, parts[0].dtype)
        return torch.cat([*parts, *self._handcrafted(batch), available], 1)

    def fit(self, features: Tensor) -> None:
        """Compute each column's mean and standard deviation over the training clips (N, D) that have it."""
        joined, available = self._split_presence(features)
        weights = torch.repeat_interleave(available, torch.tensor(self.sizes), 1)
        count = weights.sum(0).clamp(min=1)
        self.centre.copy_((joined * weights).sum(0) / count)
        variance = (weights * (joined - self.centre.cpu()).square()).sum(0) / count
        spread = variance.sqrt()
        self.scale.copy_(torch.where(spread > MIN_COLUMN_DEVIATION, spread, 1.0))

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size)."""
        projected, available = self._project_parts(features)
        available = hide_random_branches(available) if self.training else available
        return self.layers((self._weigh_branches(projected, available).unsqueeze(2) * projected).sum(1))

    def gate_weights(self, features: Tensor) -> Tensor:
        """The weight of each branch, and of the handcrafted features, for each clip: (B, count), rows summing to 1."""
        return self._weigh_branches(*self._project_parts(features))

    def _project_parts(self, features: Tensor) -> tuple[Tensor, Tensor]:
        joined, available = self._split_presence(features)
        parts = ((joined - self.centre) / self.scale).split(self.sizes, 1)
        projected = [project(self.dropout(part)) for project, part in zip(self.bring, parts, strict=True)]
        return torch.stack(projected, 1), available

    def _split_presence(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return features[:, : sum(self.sizes)], features[:, sum(self.sizes) :]

    def _weigh_branches(self, projected: Tensor, available: Tensor) -> Tensor:
        return self.score(projected).squeeze(2).masked_fill(available == 0, -torch.inf).softmax(1)


def hide_random_branches(available: Tensor) -> Tensor:
    """Availability (B, N), 0 or 1, with random branches set to 0, but at least one remaining per clip."""
    remaining = available * (torch.rand_like(available) > BRANCH_HIDE_PROBABILITY)
    return torch.where(remaining.any(1, keepdim=True), remaining, available)
