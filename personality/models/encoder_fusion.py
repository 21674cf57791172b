"""The network of the preset `encoders`: attention over the features of encoders and over other tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

import torch
from torch import Tensor, nn

from personality.models.encoders.encoding import count_steps
from personality.models.fusion import MIN_COLUMN_DEVIATION, hide_random_branches
from personality.models.network import TRAIT_COUNT, Batch, Needs, Network, make_dense_layers
from personality.models.tabular import MAX_NORMAL_SCORE
from personality.network_options import NetworkDesign

ENCODERS_PRESET = "encoders"
TOKEN_SIZE = 64  # units per token
ATTENTION_HEADS = 4
INPUT_DROPOUT, TOKEN_DROPOUT = 0.5, 0.2  # of the features (many, for few clips), and of the tokens
TIME_WAVES = TOKEN_SIZE // 2  # number of sines, and of cosines, that encode the position of a step in its clip


class TraitHeads(nn.Module):
    """A separate linear output for each trait: (B, 5 H) to (B, 5)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(TRAIT_COUNT, size) / size**0.5)
        self.bias = nn.Parameter(torch.zeros(TRAIT_COUNT))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return five traits before the sigmoid."""
        return (hidden.unflatten(1, (TRAIT_COUNT, -1)) * self.weight).sum(2) + self.bias


class EncoderFusion(Network):
    """Each step of each encoder, and each other table, is a token. Tokens attend to each other if the design has a
    transformer; each trait has its own attention over the tokens and its own output.

    One table is sufficient: tokens of missing tables are masked. In training, tables are hidden at random, so that the
    network learns to predict without them (Neverova et al. 2016).
    """

    full_precision_buffers = ("centre", "scale")

    def __init__(self, activation: str, *, tables: Sequence[tuple[str, Sequence[str]]], design: NetworkDesign) -> None:
        """tables: names and columns. Raises ValueError if there are none."""
        if not tables:
            raise ValueError("the preset encoders requires feature tables; `personality embed` computes them")
        each = [Needs(tables=frozenset({(name, tuple(columns))})) for name, columns in tables]
        super().__init__(TRAIT_COUNT * TOKEN_SIZE, replace(reduce(or_, each), alternatives=tuple(each)))
        self.tables = [name for name, _ in tables]
        self.widths = [len(columns) for _, columns in tables]
        self.steps = [count_steps(tuple(columns)) for _, columns in tables]
        self.sizes = [width // steps for width, steps in zip(self.widths, self.steps, strict=True)]
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.zeros(sum(self.sizes)))
        self.register_buffer("scale", torch.ones(sum(self.sizes)))
        self.dropout = nn.Dropout(INPUT_DROPOUT)
        self.project = nn.ModuleList(make_dense_layers((size, TOKEN_SIZE), activation) for size in self.sizes)
        self.origin = nn.Parameter(torch.randn(len(tables), TOKEN_SIZE) * 0.02)
        self.mix = _make_transformer() if design.time == "transformer" else None
        self.score = nn.Linear(TOKEN_SIZE, TRAIT_COUNT)
        self.output = TraitHeads(TOKEN_SIZE)  # type: ignore[assignment]

    def features(self, batch: Batch) -> Tensor:
        """Return the columns of all tables, then 0 or 1 for whether each is available: (B, columns + tables)."""
        available = torch.stack([batch.has(need).to(self.centre.device) for need in self.needs.alternatives], 1)
        columns = [batch.tables[name] for name in self.tables]
        return torch.cat([*columns, available.to(columns[0].dtype)], 1)

    def fit(self, features: Tensor) -> None:
        """Compute the mean and standard deviation of each table's features over their steps and over the training
        clips (N, D) that have them."""
        parts, available = self._split(features)
        for part, present, centre, scale in zip(
            parts, available.T, self.centre.split(self.sizes), self.scale.split(self.sizes), strict=True
        ):
            values = part[present > 0].flatten(0, 1)
            if len(values) < 2:
                continue
            spread = values.std(0, correction=0)
            centre.copy_(values.mean(0))
            scale.copy_(torch.where(spread > MIN_COLUMN_DEVIATION * spread.amax(), spread, 1.0))

    def hidden(self, features: Tensor) -> Tensor:
        """Return the mean of the tokens weighted by the attention of each trait, (B, hidden_size)."""
        parts, available = self._split(features)
        available = hide_random_branches(available) if self.training else available
        tokens = torch.cat([*map(self._make_tokens, range(len(parts)), parts)], 1)
        missing = torch.cat([(available[:, [k]] == 0).expand(-1, steps) for k, steps in enumerate(self.steps)], 1)
        if self.mix is not None:
            tokens = self.mix(tokens, src_key_padding_mask=missing)
        weights = self.score(tokens).masked_fill(missing.unsqueeze(2), -torch.inf).softmax(1)
        return (weights.transpose(1, 2) @ tokens).flatten(1)

    def _split(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features of each table over its steps, (B, T, D), and which tables are available, (B, K)."""
        *parts, available = features.split([*self.widths, len(self.tables)], 1)
        return [part.unflatten(1, (steps, -1)) for part, steps in zip(parts, self.steps, strict=True)], available

    def _make_tokens(self, number: int, part: Tensor) -> Tensor:
        """Return the tokens (B, T, TOKEN_SIZE) of the features of one table."""
        centre, scale = self.centre.split(self.sizes)[number], self.scale.split(self.sizes)[number]
        values = ((part - centre) / scale).clamp(-MAX_NORMAL_SCORE, MAX_NORMAL_SCORE)
        return self.project[number](self.dropout(values)) + self.origin[number] + encode_time(self.steps[number], part)


def encode_time(steps: int, like: Tensor) -> Tensor:
    """Return sines and cosines (T, TOKEN_SIZE) of the position of each step in its clip; zeros for a single step."""
    if steps == 1:
        return torch.zeros(1, TOKEN_SIZE, device=like.device)
    places = (torch.arange(steps, device=like.device) + 0.5) / steps
    angles = places[:, None] * torch.arange(1, TIME_WAVES + 1, device=like.device) * torch.pi
    return torch.cat([angles.sin(), angles.cos()], 1) / TIME_WAVES**0.5


def _make_transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        TOKEN_SIZE, ATTENTION_HEADS, 2 * TOKEN_SIZE, dropout=TOKEN_DROPOUT, batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
