"""Fit a KernelEnsemble: ridge regression on normal scores and random Fourier features, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from personality.models.kernel_ensemble import KernelEnsemble
from personality.models.tabular import QUANTILE_KNOTS

FeatureAugmentation = Callable[
    [Tensor, torch.Generator], Tensor
]  # features (N, D) -> features of augmented recordings of the same clips (N, D)


@dataclass(frozen=True)
class KernelRidgeSettings:
    """Settings of the fit of a KernelEnsemble.

    gamma: parameter of the kernel exp(-gamma |x - y|^2) between normal scores; penalty: of the weights of the Fourier
    features; linear: penalty of the weights of the normal scores, by group of columns (`group/name`); kernel_groups:
    groups that the kernel uses; copies: number of augmented copies of each clip.
    """

    gamma: float
    penalty: float
    linear: dict[str, float]
    kernel_groups: tuple[str, ...]
    copies: int = 1


@torch.no_grad()
def fit_kernel_ridge(
    network: KernelEnsemble,
    features: Tensor,
    labels: Tensor,
    settings: KernelRidgeSettings,
    *,
    seed: int,
    vary: FeatureAugmentation | None,
) -> None:
    """Fit a network by least squares.

    Parameters
    ----------
    network : KernelEnsemble
        The network, modified in place.
    features : Tensor, float32, shape (N, D)
        Input columns of the network for the training clips.
    labels : Tensor, float32, shape (N, 5)
        Labels in [0, 1].
    settings : KernelRidgeSettings
        Kernel and penalties.
    seed : int
        Random seed; on one machine, results with the same seed are bit-identical.
    vary : callable or None
        Function that returns an augmented copy of the features; None: no augmentation.
    """
    random = torch.Generator().manual_seed(seed)
    groups = _feature_groups(network)
    places = torch.linspace(0, 1, QUANTILE_KNOTS)
    network.knots.copy_(torch.stack([torch.quantile(column, places) for column in features.T], 1))
    read = torch.tensor([group in settings.kernel_groups for group in groups])
    directions = torch.randn(network.directions.shape, generator=random) * math.sqrt(2 * settings.gamma)
    network.directions.copy_(directions * read[:, None])
    network.phases.copy_(torch.rand(network.phases.shape, generator=random) * 2 * math.pi)
    copies = [features if vary is None else vary(features, random) for _ in range(settings.copies)]
    linear = torch.tensor([settings.linear[group] for group in groups])
    network.output.weight.zero_()
    network.output.bias.zero_()
    for member in range(network.plan.members):
        _fit_member(network, member, copies, labels, torch.cat([linear, _fourier_penalties(network, settings)]))


def _feature_groups(network: KernelEnsemble) -> list[str]:
    ((_, columns),) = network.needs.tables
    return [column.rpartition("/")[0] for column in columns]


def _fourier_penalties(network: KernelEnsemble, settings: KernelRidgeSettings) -> Tensor:
    """Return the penalties of a member's Fourier features, and 0 for the intercept."""
    return torch.cat([torch.full((network.plan.fourier,), settings.penalty), torch.zeros(1)])


def _fit_member(network: KernelEnsemble, member: int, copies: list[Tensor], labels: Tensor, penalties: Tensor) -> None:
    """Fit one member and add its share to the output layer."""
    columns = copies[0].shape[1]
    first = columns + member * network.plan.fourier
    own = torch.cat([torch.arange(columns), torch.arange(first, first + network.plan.fourier)])
    gram, target = torch.zeros(len(penalties), len(penalties)).double(), torch.zeros(len(penalties), 5).double()
    for copy in copies:
        joined = torch.cat([network.hidden(copy)[:, own], torch.ones(len(copy), 1)], 1).double()
        gram += joined.T @ joined / len(copies)
        target += joined.T @ labels.double() / len(copies)
    solved = torch.linalg.solve(gram + torch.diag(penalties).double(), target).float() / network.plan.members
    network.output.weight[:, own] += solved[:-1].T
    network.output.bias.add_(solved[-1])
