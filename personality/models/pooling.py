"""Many become one: frames of a clip, moments of a sound."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ATTENTION_HIDDEN_UNITS = 64  # units that judge an item


class AttentionPool(nn.Module):
    """A mean over the items, weighted by what each of them says of its own worth (Ilse, Tomczak, Welling 2018).

    With spread: also the weighted deviation beside it (attentive statistics, Okabe, Koshinaka, Shinoda 2018). An
    untrained pool weighs all alike, so training begins at the plain mean.
    """

    def __init__(self, size: int, *, spread: bool = False) -> None:
        super().__init__()
        self.spread = spread
        last = nn.Linear(ATTENTION_HIDDEN_UNITS, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.score = nn.Sequential(nn.Linear(size, ATTENTION_HIDDEN_UNITS), nn.Tanh(), last)

    def weights(self, items: Tensor, there: Tensor | None = None) -> Tensor:
        """The weight of each item (B, T), rows summing to 1, for items (B, T, D); there bool (B, T): which count,
        None: all."""
        scores = self.score(items).squeeze(2)
        return (scores if there is None else scores.masked_fill(~there, -torch.inf)).softmax(1)

    def forward(self, items: Tensor, there: Tensor | None = None) -> Tensor:
        """(B, D), or (B, 2 D) with the deviation, for items (B, T, D); there as in `weights`."""
        weights = self.weights(items, there).unsqueeze(2)
        mean = (weights * items).sum(1)
        if not self.spread:
            return mean
        variance = (weights * (items - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)
