"""Losses of predictions (B, 5) and labels (B, 5), with a weight per clip (B,). Importing them does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CONCORDANCE_SHARE = 0.03  # weight of (1 - concordance) in `concordance_blend_loss`
VARIANCE_EPSILON = 1e-6  # added to a variance, so that a batch of one clip is finite


def concordance(predicted: Tensor, labels: Tensor) -> Tensor:
    """Lin's concordance correlation coefficient (1989) of each trait, (5,): 1 if equal, 0 for a constant."""
    means, label_means = predicted.mean(0), labels.mean(0)
    covariance = ((predicted - means) * (labels - label_means)).mean(0)
    spread = predicted.var(0, correction=0) + labels.var(0, correction=0)
    return 2 * covariance / (spread + (means - label_means).square() + VARIANCE_EPSILON)


def weighted_squared_error(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean squared error."""
    return (weights[:, None] * (predicted - labels).square()).mean()


def weighted_absolute_error(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean absolute error."""
    return (weights[:, None] * (predicted - labels).abs()).mean()


def concordance_blend_loss(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Absolute error plus a share of 1 - concordance, which penalises predictions near the mean."""
    discordance = 1 - concordance(predicted, labels).mean()
    return weighted_absolute_error(predicted, labels, weights) + CONCORDANCE_SHARE * discordance


LOSS_FUNCTIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mse": weighted_squared_error,
    "l1": weighted_absolute_error,
    "blend": concordance_blend_loss,
}
