"""What every network of the project is: a fixed part, a hidden layer, five outputs between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from personality.constants import PREPROCESSING

ACTIVATION_LAYERS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
TRAIT_COUNT = 5


@dataclass(frozen=True)
class Needs:
    """What a network takes of a clip.

    inputs: of `audio`, `faces`, `handcrafted`, which a video gives; tables: names of tables of features with their
    columns in order, which somebody gave beside it; alternatives: where there are any, a clip that has what one of
    them names is enough; seconds: of sound, from the start. What two networks need together (`|`) is all that either
    takes.
    """

    inputs: frozenset[str] = frozenset()
    tables: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    alternatives: tuple[Needs, ...] = ()
    seconds: float = PREPROCESSING.audio_seconds

    def __or__(self, other: Needs) -> Needs:
        seconds = max(self.seconds, other.seconds)
        return Needs(self.inputs | other.inputs, self.tables | other.tables, seconds=seconds)


@dataclass(frozen=True)
class Batch:
    """Tensors of B clips; a network takes what it needs. None where no network of the batch's user needs it.

    audio float32 (B, N) in [-1, 1], 16 kHz, N at least 80000, silence where a clip has no more; faces uint8
    (B, T, 3, 224, 224) RGB; handcrafted float32 (B, 9); tables by name float32 (B, D).
    present: of `audio`, `faces` and the tables, which clips have it, bool (B,); what is not named all have. The others'
    rows are zeros. heard: how many samples of sound each clip has, int64 (B,); None: all.
    memo: hidden layers already computed for this batch, so that a branch shared by several models runs once.
    """

    audio: Tensor | None = None
    faces: Tensor | None = None
    handcrafted: Tensor | None = None
    tables: dict[str, Tensor] = field(default_factory=dict)
    present: dict[str, Tensor] = field(default_factory=dict)
    sound_lengths: Tensor | None = None
    memo: dict[int, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """The same tensors on another device."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        tables = {name: tensor.to(device) for name, tensor in self.tables.items()}
        present = {name: tensor.to(device) for name, tensor in self.present.items()}
        heard = move(self.sound_lengths)
        return Batch(move(self.audio), move(self.faces), move(self.handcrafted), tables, present, heard)

    def repeated(self, count: int) -> Batch:
        """The batch of one clip as one of `count` clips, without a copy and with nothing computed."""

        def repeat(tensor: Tensor) -> Tensor:
            return tensor.expand(count, *tensor.shape[1:])

        given: dict[str, Any] = {name: repeat(one) for name, one in vars(self).items() if isinstance(one, Tensor)}
        tables = {name: repeat(tensor) for name, tensor in self.tables.items()}
        return Batch(**given, tables=tables, present={name: repeat(there) for name, there in self.present.items()})

    def __len__(self) -> int:
        given = [self.audio, self.faces, self.handcrafted, *self.tables.values()]
        return len(next(tensor for tensor in given if tensor is not None))

    def has(self, needs: Needs) -> Tensor:
        """Which clips have all that a network needs, bool (B,), on the processor."""
        if needs.alternatives:
            return torch.stack([self.has(one) for one in needs.alternatives]).any(0)
        able = torch.ones(len(self), dtype=torch.bool)
        for name in (*(needs.inputs & {"audio", "faces"}), *(name for name, _ in needs.tables)):
            given = name in self.tables or getattr(self, name, None) is not None
            able &= self.present.get(name, torch.ones(len(self), dtype=torch.bool)).cpu() & given
        return able


class Network(nn.Module):
    """Batch -> `features` -> `hidden` -> five numbers in [0, 1], in the order of `traits.TRAITS`.

    `features` is what a training stage can keep fixed and compute once; `hidden` is the last hidden layer, which a
    fusion of networks joins. augments: whether it varies its features in training mode.
    """

    hidden_size: int
    needs: Needs
    augments: bool = False

    def __init__(self, hidden_size: int, needs: Needs) -> None:
        super().__init__()
        self.hidden_size, self.needs = hidden_size, needs
        self.output = nn.Linear(hidden_size, TRAIT_COUNT)

    def train(self, mode: bool = True) -> Self:
        """Training mode; the statistics of a pretrained backbone stay as they are, few clips would only spoil them."""
        super().train(mode)
        for layer in getattr(self, "backbone", nn.Identity()).modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self

    def backbone_tensors(self) -> dict[str, Tensor]:
        """The tensors that weights from elsewhere may fill, by timm's names; none without a backbone."""
        return getattr(self, "backbone", nn.Identity()).state_dict()

    def features(self, batch: Batch) -> Tensor:
        """(B, ...), from a batch alone."""
        raise NotImplementedError

    def hidden(self, features: Tensor) -> Tensor:
        """(B, hidden_size), from features."""
        raise NotImplementedError

    def head(self, features: Tensor) -> Tensor:
        """Five traits (B, 5) in [0, 1], from features."""
        return self._predict_traits(self.hidden(features))

    def embed(self, batch: Batch) -> Tensor:
        """The last hidden layer (B, hidden_size) for a batch, computed once however many ask for it."""
        if id(self) not in batch.memo:
            batch.memo[id(self)] = self.hidden(self.features(batch))
        return batch.memo[id(self)]

    def forward(self, batch: Batch) -> Tensor:
        """Five traits (B, 5) in [0, 1]."""
        return self._predict_traits(self.embed(batch))

    def _predict_traits(self, hidden: Tensor) -> Tensor:
        # In full precision whatever surrounds it: half precision knows only steps of .002 around one half.
        with torch.autocast(hidden.device.type, enabled=False):
            return torch.sigmoid(self.output(hidden.float()))


def make_dense_layers(sizes: tuple[int, ...], activation: str, dropout: float = 0.0) -> nn.Sequential:
    """Fully connected layers of these sizes, each followed by the activation and dropout."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), ACTIVATION_LAYERS[activation]()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)
