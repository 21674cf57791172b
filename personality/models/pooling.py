"""Pooling over the frames of a clip or over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ATTENTION_HIDDEN_UNITS = 64  # hidden units of the scoring network


class AttentionPool(nn.Module):
    """A weighted mean over items, with weights computed from each item.

    With `spread`, the weighted standard deviation is appended. Before training all weights are equal.

    References
    ----------
    Ilse, Tomczak and Welling (2018), Attention-based deep multiple instance learning.
    Okabe, Koshinaka and Shinoda (2018), Attentive statistics pooling for deep speaker embedding.
    """

    def __init__(self, size: int, *, spread: bool = False) -> None:
        super().__init__()
        self.spread = spread
        last = nn.Linear(ATTENTION_HIDDEN_UNITS, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.score = nn.Sequential(nn.Linear(size, ATTENTION_HIDDEN_UNITS), nn.Tanh(), last)

    def weights(self, items: Tensor, valid: Tensor | None = None) -> Tensor:
        """Weights (B, T) of items (B, T, D); rows sum to 1. `valid`: bool (B, T), or None if all items are valid."""
        scores = self.score(items).squeeze(2)
        return (scores if valid is None else scores.masked_fill(~valid, -torch.inf)).softmax(1)

    def forward(self, items: Tensor, valid: Tensor | None = None) -> Tensor:
        """Pool items (B, T, D) to (B, D), or to (B, 2 D) with the deviation. `valid`: see `weights`."""
        weights = self.weights(items, valid).unsqueeze(2)
        mean = (weights * items).sum(1)
        if not self.spread:
            return mean
        variance = (weights * (items - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)
