"""From a table of features: each column spread to a normal curve, groups of columns of one weight, dense layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from personality.models.network import Batch, Needs, Network, make_dense_layers

QUANTILE_KNOTS = 201  # knots of the curve that spreads a column
MAX_NORMAL_SCORE = 3.0  # standard deviations; what lies farther out is brought there


@dataclass(frozen=True)
class TableNetworkPlan:
    """Sizes of the hidden layers, dropout after each, and the noise (standard deviations) on inputs in training."""

    sizes: tuple[int, ...]
    dropout: float
    noise: float


# A few descriptors are worth fitting closely; hundreds of embedding columns are not.
TABLE_NETWORK_PLANS = {
    "features": TableNetworkPlan((256, 128), 0.3, 0.05),
    "text": TableNetworkPlan((256, 128), 0.5, 1.0),
}


class TableNetwork(Network):
    """Columns of a table -> quantile normalisation -> dense layers -> 5.

    The normalisation is fitted to the training split by `fit` and stored with the weights.
    """

    full_precision_buffers = ("knots",)

    def __init__(self, activation: str, *, kind: str, table: str, columns: Sequence[str]) -> None:
        """kind: a key of PLANS; table: its name in the cache; columns: its columns, in order."""
        plan = TABLE_NETWORK_PLANS[kind]
        super().__init__(plan.sizes[-1], Needs(tables=frozenset({(table, tuple(columns))})))
        self.table, self.noise = table, plan.noise
        self.layers = make_dense_layers((len(columns), *plan.sizes), activation, plan.dropout)
        self.knots: Tensor
        self.weights: Tensor
        self.register_buffer("knots", torch.zeros(QUANTILE_KNOTS, len(columns)))
        self.register_buffer("weights", group_weights(columns))

    def fit(self, features: Tensor) -> None:
        """Learn each column's distribution from features (N, D) of the training split."""
        places = torch.linspace(0, 1, QUANTILE_KNOTS)
        # One by one: torch's quantile takes no more than 16 million values.
        for column, values in enumerate(features.T):
            self.knots[:, column] = torch.quantile(values, places)

    def features(self, batch: Batch) -> Tensor:
        """The table's columns as they are (B, D)."""
        return batch.tables[self.table]

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size)."""
        spread = normal_scores(features, self.knots) * self.weights
        noise = torch.randn_like(spread) * self.noise if self.training else 0.0
        return self.layers(spread + noise)


def group_weights(columns: Sequence[str]) -> Tensor:
    """A weight per column, 1 in the largest group: all groups (`group/name`) have the same sum of squares."""
    groups = [column.rpartition("/")[0] for column in columns]
    sizes = Counter(groups)
    return torch.tensor([(max(sizes.values()) / sizes[group]) ** 0.5 for group in groups])


def normal_scores(values: Tensor, knots: Tensor) -> Tensor:
    """Each value (B, D) as the normal quantile of its rank among the knots (Q, D), within FARTHEST.

    Of values that several knots share the rank is the middle one, as in scikit-learn's QuantileTransformer (which
    makes an exception of the lowest).
    """
    rank = (_rank_among_knots(values, knots, right=True) + _rank_among_knots(values, knots, right=False)) / 2
    return torch.special.ndtri(rank.clamp(1e-6, 1 - 1e-6)).clamp(-MAX_NORMAL_SCORE, MAX_NORMAL_SCORE)


def _rank_among_knots(values: Tensor, knots: Tensor, *, right: bool) -> Tensor:
    """The place of each value on the curve through the knots, in [0, 1]; right: after equal knots, else before."""
    columns, sought = knots.T.contiguous(), values.T.contiguous()
    last = knots.shape[0] - 1
    above = torch.searchsorted(columns, sought, right=right).clamp(1, last)
    low, high = columns.gather(1, above - 1), columns.gather(1, above)
    level = torch.full_like(low, float(right))  # between equal knots: after them, or before
    share = torch.where(high > low, (sought - low) / (high - low), level).clamp(0, 1)
    return ((above - 1 + share) / last).T
