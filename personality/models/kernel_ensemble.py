"""The models of real people: kernel regressors on tables of features, and a weighted sum of two such models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Self

import torch
from torch import Tensor, nn

from personality.models.network import TRAIT_COUNT, Batch, Needs, Network, is_any_available
from personality.models.tabular import QUANTILE_KNOTS, normal_scores

KERNEL_PRESET = "kernel"  # the preset of these networks on model cards


@dataclass(frozen=True)
class KernelPlan:
    """How many regressors are averaged, and how many random Fourier features each has."""

    members: int
    fourier: int

    @property
    def features(self) -> int:
        """Fourier features of all members."""
        return self.members * self.fourier


KERNEL_PLANS = {"features": KernelPlan(3, 1024), "text": KernelPlan(3, 512)}


class LinearNetwork(Network):
    """A network whose last layer is linear, as the solution of a least-squares problem is."""

    def _predict_traits(self, hidden: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            return self.output(hidden.float()).clamp(0, 1)


class KernelEnsemble(LinearNetwork):
    """Columns of a table -> normal scores -> these and random Fourier features of them -> 5.

    The Fourier features approximate Gaussian kernels without storing a row of the data, as support vectors would. All
    members of the ensemble are in one layer: its output weights are the mean of theirs.

    References
    ----------
    Rahimi and Recht (2007), Random features for large-scale kernel machines.
    """

    full_precision_buffers = ("knots",)

    def __init__(self, *, kind: str, table: str, columns: Sequence[str]) -> None:
        """kind: a key of KERNEL_PLANS; table: its name in the cache; columns: its columns, in order."""
        plan = KERNEL_PLANS[kind]
        super().__init__(len(columns) + plan.features, Needs(tables=frozenset({(table, tuple(columns))})))
        self.plan, self.table = plan, table
        self.knots: Tensor
        self.directions: Tensor
        self.phases: Tensor
        self.register_buffer("knots", torch.zeros(QUANTILE_KNOTS, len(columns)))
        self.register_buffer("directions", torch.zeros(len(columns), self.plan.features))
        self.register_buffer("phases", torch.zeros(self.plan.features))

    def features(self, batch: Batch) -> Tensor:
        """The table's columns as they are (B, D)."""
        return batch.tables[self.table]

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size): normal scores of the columns, then the members' Fourier features."""
        scores = normal_scores(features, self.knots)
        waves = torch.cos(scores @ self.directions + self.phases)
        return torch.cat([scores, waves * math.sqrt(2 / self.plan.fourier)], 1)


class BranchBlend(LinearNetwork):
    """Predictions of trained branches as deviations from the training mean -> their weighted sum -> 5.

    Where a branch is absent, the prediction is the mean of the branches that are present.
    """

    unstored_modules = ("branches",)
    full_precision_buffers = ("centre",)

    def __init__(self, branches: dict[str, Network]) -> None:
        each = tuple(branch.needs for branch in branches.values())
        needs = replace(reduce(or_, each, Needs()), alternatives=each)
        super().__init__(TRAIT_COUNT * (len(branches) + 1), needs)
        self.branches = nn.ModuleDict(branches)
        self.joined = list(branches.values())
        self.branches.requires_grad_(False).eval()
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(TRAIT_COUNT))

    def train(self, mode: bool = True) -> Self:
        """Training mode for the output layer; the branches stay as they are."""
        super().train(mode)
        self.branches.eval()
        return self

    @torch.no_grad()
    def set_output_layer(self, means: Tensor, weights: Sequence[float] | Sequence[Tensor]) -> None:
        """Set the output layer to a weighted sum of the branches' deviations from the mean.

        Parameters
        ----------
        means : Tensor, shape (5,)
            The traits' means over the training labels.
        weights : sequence of float, or of Tensor (5,)
            A weight for the deviation of each branch where all are present, the same for all traits or one for each.
        """
        own = torch.eye(TRAIT_COUNT)
        self.centre.copy_(means)
        self.output.bias.copy_(means)
        self.output.weight.copy_(torch.cat([*(weight * own for weight in weights), own], 1))

    def features(self, batch: Batch) -> Tensor:
        """The deviations of K branches, zero where one is absent, then for each whether it is present, 0 or 1:
        (B, 5 K + K)."""
        shared = batch.shared()
        present = [batch.has(branch.needs).to(self.centre.device) for branch in self.joined]
        deviations = [
            self._branch_deviation(branch, shared, available)
            for branch, available in zip(self.joined, present, strict=True)
        ]
        return torch.cat([*deviations, torch.stack(present, 1).to(self.centre.dtype)], 1)

    def _branch_deviation(self, branch: Network, batch: Batch, available: Tensor) -> Tensor:
        if not is_any_available(available):
            return torch.zeros(len(batch), TRAIT_COUNT, device=self.centre.device)
        with torch.no_grad():
            return torch.where(available[:, None], branch(batch) - self.centre, 0.0)  # a missing branch may give NaN

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size): the deviations where all branches are present, then their mean where some are absent."""
        count = len(self.joined)
        deviations, present = features.split([TRAIT_COUNT * count, count], 1)
        complete = present.amin(1, keepdim=True)
        mean = deviations.unflatten(1, (count, TRAIT_COUNT)).sum(1) / present.sum(1, keepdim=True).clamp(min=1)
        return torch.cat([deviations * complete, mean * (1 - complete)], 1)
