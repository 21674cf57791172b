"""A network for feature tables: quantile normalization of columns, equal weight of column groups, dense layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from personality.models.network import Batch, Needs, Network, make_dense_layers

QUANTILE_KNOTS = 201  # quantiles stored per column
MAX_NORMAL_SCORE = 3.0  # standard deviations; scores are clipped to this range


@dataclass(frozen=True)
class TableNetworkPlan:
    """Sizes of the hidden layers, dropout after each, and the noise (standard deviations) on inputs in training."""

    sizes: tuple[int, ...]
    dropout: float
    noise: float


# Hundreds of embedding columns need stronger regularisation than a few descriptors.
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
        """kind: a key of TABLE_NETWORK_PLANS; table: name of the table in the cache; columns: its columns, in order."""
        plan = TABLE_NETWORK_PLANS[kind]
        super().__init__(plan.sizes[-1], Needs(tables=frozenset({(table, tuple(columns))})))
        self.table, self.noise = table, plan.noise
        self.layers = make_dense_layers((len(columns), *plan.sizes), activation, plan.dropout)
        self.knots: Tensor
        self.weights: Tensor
        self.register_buffer("knots", torch.zeros(QUANTILE_KNOTS, len(columns)))
        self.register_buffer("weights", group_weights(columns))

    def fit(self, features: Tensor) -> None:
        """Compute the quantiles of each column from features (N, D) of the training split."""
        places = torch.linspace(0, 1, QUANTILE_KNOTS)
        # One column at a time: torch.quantile accepts at most 16 million values.
        for column, values in enumerate(features.T):
            self.knots[:, column] = torch.quantile(values, places)

    def features(self, batch: Batch) -> Tensor:
        """The table's columns (B, D), unchanged."""
        return batch.tables[self.table]

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, hidden_size)."""
        spread = normal_scores(features, self.knots) * self.weights
        noise = torch.randn_like(spread) * self.noise if self.training else 0.0
        return self.layers(spread + noise)


def group_weights(columns: Sequence[str]) -> Tensor:
    """Weights of columns, 1 in the largest group, so that all groups (`group/name`) have the same sum of squares."""
    groups = [column.rpartition("/")[0] for column in columns]
    sizes = Counter(groups)
    return torch.tensor([(max(sizes.values()) / sizes[group]) ** 0.5 for group in groups])


def normal_scores(values: Tensor, knots: Tensor) -> Tensor:
    """Compute the normal quantile of each value's rank among the knots, clipped to MAX_NORMAL_SCORE.

    Parameters
    ----------
    values : Tensor, shape (B, D)
        Columns of a feature table.
    knots : Tensor, shape (Q, D)
        Quantiles of each column in the training split, in ascending order.

    Returns
    -------
    Tensor, shape (B, D)
        A value equal to several knots has their middle rank, as in scikit-learn's QuantileTransformer (except for
        the lowest knot).
    """
    rank = (_rank_among_knots(values, knots, right=True) + _rank_among_knots(values, knots, right=False)) / 2
    return torch.special.ndtri(rank.clamp(1e-6, 1 - 1e-6)).clamp(-MAX_NORMAL_SCORE, MAX_NORMAL_SCORE)


def _rank_among_knots(values: Tensor, knots: Tensor, *, right: bool) -> Tensor:
    """The position of each value on the curve through the knots, in [0, 1]; right: after equal knots, not before."""
    columns, sought = knots.T.contiguous(), values.T.contiguous()
    last = knots.shape[0] - 1
    above = torch.searchsorted(columns, sought, right=right).clamp(1, last)
    low, high = columns.gather(1, above - 1), columns.gather(1, above)
    level = torch.full_like(low, float(right))  # for equal knots: after or before them
    share = torch.where(high > low, (sought - low) / (high - low), level).clamp(0, 1)
    return ((above - 1 + share) / last).T
