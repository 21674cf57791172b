"""What a step makes smaller: predictions (B, 5) against labels (B, 5), each clip as heavy as its weight (B,)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

CONCORDANCE_SHARE = 0.03  # of (1 - concordance) beside the absolute error in `concordance_blend_loss`
VARIANCE_EPSILON = 1e-6  # added to a variance, so that a batch of one clip is finite


def concordance(predicted: Tensor, labels: Tensor) -> Tensor:
    """Lin's concordance correlation (1989) of each column, (5,); 1 where all agree, 0 for a constant."""
    means, wanted = predicted.mean(0), labels.mean(0)
    covariance = ((predicted - means) * (labels - wanted)).mean(0)
    spread = predicted.var(0, correction=0) + labels.var(0, correction=0)
    return 2 * covariance / (spread + (means - wanted).square() + VARIANCE_EPSILON)


def weighted_squared_error(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean squared error."""
    return (weights[:, None] * (predicted - labels).square()).mean()


def weighted_absolute_error(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean absolute error."""
    return (weights[:, None] * (predicted - labels).abs()).mean()


def concordance_blend_loss(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Absolute error plus a share of what concordance lacks: a model that stays near the mean pays for it."""
    lacking = 1 - concordance(predicted, labels).mean()
    return weighted_absolute_error(predicted, labels, weights) + CONCORDANCE_SHARE * lacking


LOSS_FUNCTIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mse": weighted_squared_error,
    "l1": weighted_absolute_error,
    "blend": concordance_blend_loss,
}
