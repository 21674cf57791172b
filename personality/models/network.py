"""The interface of all networks: features, a hidden layer and five outputs between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.network_options import ACTIVATIONS

TRAIT_COUNT = 5


@dataclass(frozen=True)
class Needs:
    """The inputs of a clip that a network requires.

    Attributes
    ----------
    inputs : frozenset of str
        Of `audio`, `faces` and `handcrafted`, all of which come from the video.
    tables : frozenset of (str, tuple of str)
        Names of feature tables, each with its columns in order.
    alternatives : tuple of Needs
        If not empty, a clip that has everything in any one of them is sufficient.
    seconds : float
        Length of sound that the network reads, from the start of the clip.

    `a | b` has the inputs and tables of both and the longer sound, and no alternatives.
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
    """The input tensors of B clips; an input that no network requires is None.

    Attributes
    ----------
    audio : Tensor, float32 (B, N), optional
        Sound in [-1, 1] at 16 kHz, N at least 80000; zeros after the end of a clip.
    faces : Tensor, uint8 (B, T, 3, 224, 224), optional
        RGB crops.
    handcrafted : Tensor, float32 (B, 9), optional
        See `batching.encode_handcrafted`.
    tables : dict of str to Tensor, float32 (B, D)
        Rows of feature tables.
    present : dict of str to Tensor, bool (B,)
        For `audio`, `faces` and tables: which clips have this input; the rows of other clips are zeros. An input that
        is not a key is present for all clips.
    sound_lengths : Tensor, int64 (B,), optional
        Number of samples of sound per clip; None: N for all clips.
    """

    audio: Tensor | None = None
    faces: Tensor | None = None
    handcrafted: Tensor | None = None
    tables: dict[str, Tensor] = field(default_factory=dict)
    present: dict[str, Tensor] = field(default_factory=dict)
    sound_lengths: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same tensors on another device."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        tables = {name: tensor.to(device) for name, tensor in self.tables.items()}
        present = {name: tensor.to(device) for name, tensor in self.present.items()}
        lengths = move(self.sound_lengths)
        return Batch(move(self.audio), move(self.faces), move(self.handcrafted), tables, present, lengths)

    def repeated(self, count: int) -> Batch:
        """The batch of one clip as a batch of `count` equal clips; the tensors are views, not copies."""

        def repeat(tensor: Tensor) -> Tensor:
            return tensor.expand(count, *tensor.shape[1:])

        inputs: dict[str, Any] = {name: repeat(one) for name, one in vars(self).items() if isinstance(one, Tensor)}
        tables = {name: repeat(tensor) for name, tensor in self.tables.items()}
        return Batch(**inputs, tables=tables, present={name: repeat(one) for name, one in self.present.items()})

    def shared(self) -> SharedBatch:
        """The same tensors for several networks, which compute the branches they have in common once."""
        return SharedBatch(
            self.audio, self.faces, self.handcrafted, self.tables, self.present, sound_lengths=self.sound_lengths
        )

    def __len__(self) -> int:
        return int(self._clip_count)

    @property
    def _clip_count(self) -> int:
        """The number of clips; a symbol while a network is exported, which `len` would make a constant."""
        inputs = [self.audio, self.faces, self.handcrafted, *self.tables.values()]
        return next(tensor for tensor in inputs if tensor is not None).shape[0]

    def has(self, needs: Needs) -> Tensor:
        """Which clips have all required inputs, bool (B,), on the CPU."""
        if needs.alternatives:
            return torch.stack([self.has(one) for one in needs.alternatives]).any(0)
        complete = everyone = torch.ones(self._clip_count, dtype=torch.bool)
        for name in (*(needs.inputs & {"audio", "faces"}), *(name for name, _ in needs.tables)):
            has_tensor = name in self.tables or getattr(self, name, None) is not None
            complete = complete & self.present.get(name, everyone).cpu() & has_tensor
        return complete


@dataclass(frozen=True)
class SharedBatch(Batch):
    """A batch that several networks predict from; it stores the last hidden layer of each network that was run on it.

    The stored layers are deleted with the batch. They are valid as long as neither the tensors nor the networks'
    weights change, so do not train on a shared batch. `dataclasses.replace` returns a batch without stored layers.
    """

    _embeddings: dict[Network, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def shared(self) -> SharedBatch:
        """This batch."""
        return self

    def embed(self, network: Network) -> Tensor:
        """The last hidden layer (B, hidden_size) of a network, computed at the first call."""
        if network not in self._embeddings:
            self._embeddings[network] = network.compute_embedding(self)
        return self._embeddings[network]

    def with_input(self, name: str, values: Tensor) -> SharedBatch:
        """The batch with another input.

        Parameters
        ----------
        name : str
            `audio`, `faces` or `handcrafted`.
        values : Tensor, shape (N, ...)
            The new input. N is the number of clips; a batch of one clip is repeated N times.

        Returns
        -------
        SharedBatch
            Includes the stored hidden layers of the networks that do not read this input.
        """
        whole = self if len(values) == len(self) else self.repeated(len(values)).shared()
        new_input: dict[str, Any] = {name: values}
        changed = replace(whole, **new_input)
        for network, hidden in self._embeddings.items():
            if name not in network.needs.inputs:
                changed._embeddings[network] = hidden.expand(len(values), -1)
        return changed


class Network(nn.Module):
    """A network for one modality: a batch becomes features, a last hidden layer, and five traits.

    The traits are numbers in [0, 1] in the order of `traits.TRAITS`. A training stage can keep the features fixed and
    compute them once. A fusion joins the last hidden layers of several networks.

    Attributes
    ----------
    hidden_size : int
        Units of the last hidden layer.
    needs : Needs
        Required inputs.
    backbone : Module or None
        The pretrained part; None if the network has none.
    augments : bool
        Whether features are augmented in training mode.
    unstored_modules : tuple of str
        Child modules that a checkpoint does not store: constants, and models with checkpoints of their own.
    full_precision_buffers : tuple of str
        Buffers stored in float32, because float16 would merge large values that are close together.
    """

    unstored_modules: ClassVar[tuple[str, ...]] = ()
    full_precision_buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, hidden_size: int, needs: Needs) -> None:
        super().__init__()
        self.hidden_size, self.needs, self.augments = hidden_size, needs, False
        self.backbone: nn.Module | None = None
        self.output = nn.Linear(hidden_size, TRAIT_COUNT)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; normalisation in the backbone keeps its statistics, which few clips would degrade."""
        super().train(mode)
        for layer in () if self.backbone is None else self.backbone.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self

    def backbone_tensors(self) -> dict[str, Tensor]:
        """The tensors of the backbone by their names in timm; empty without a backbone."""
        return {} if self.backbone is None else self.backbone.state_dict()

    def set_backbone_trainable(self, trainable: bool) -> None:
        """Freeze or unfreeze the backbone, if there is one."""
        if self.backbone is not None:
            self.backbone.requires_grad_(trainable)

    def count_trained_parameters(self, *, backbone: bool) -> int:
        """The number of parameters that a stage trains, with or without the backbone."""
        pretrained = set() if self.backbone is None else set(self.backbone.parameters())
        head = [one for one in self.parameters() if one.requires_grad and one not in pretrained]
        return sum(one.numel() for one in (*head, *(pretrained if backbone else ())))

    def head_modules(self) -> dict[str, nn.Module]:
        """The child modules that every training stage trains, by name."""
        return {name: child for name, child in self.named_children() if name not in self._feature_modules}

    def head_tensors(self) -> dict[str, Tensor]:
        """The tensors that every training stage trains, by their names in the state dict."""
        return self._tensors_without(self._feature_modules)

    def feature_tensors(self) -> dict[str, Tensor]:
        """The tensors that `features` depends on, by their names in the state dict."""
        head = self.head_tensors()
        return {name: tensor for name, tensor in self.state_dict().items() if name not in head}

    def stored_tensors(self) -> dict[str, Tensor]:
        """The tensors that a checkpoint of this network stores, by their names in the state dict."""
        return self._tensors_without(self.unstored_modules)

    @property
    def _feature_modules(self) -> tuple[str, ...]:
        return (*self.unstored_modules, "backbone")

    def _tensors_without(self, modules: tuple[str, ...]) -> dict[str, Tensor]:
        return {name: one for name, one in self.state_dict().items() if name.partition(".")[0] not in modules}

    def fit(self, features: Tensor) -> None:
        """Compute and store statistics of the training features, (N, ...), such as quantiles; by default nothing."""

    def features(self, batch: Batch) -> Tensor:
        """Features of a batch, (B, ...): the part of the network that the `head` stages of training keep fixed."""
        raise NotImplementedError

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer, float32 (B, hidden_size), from features."""
        raise NotImplementedError

    def head(self, features: Tensor) -> Tensor:
        """Five traits (B, 5) in [0, 1], from features."""
        return self._predict_traits(self.hidden(features))

    def embed(self, batch: Batch) -> Tensor:
        """The last hidden layer (B, hidden_size) of a batch; a shared batch computes it once."""
        return batch.embed(self) if isinstance(batch, SharedBatch) else self.compute_embedding(batch)

    def compute_embedding(self, batch: Batch) -> Tensor:
        """The last hidden layer (B, hidden_size) of a batch."""
        return self.hidden(self.features(batch))

    def forward(self, batch: Batch) -> Tensor:
        """Five traits (B, 5) in [0, 1]."""
        return self._predict_traits(self.embed(batch))

    def _predict_traits(self, hidden: Tensor) -> Tensor:
        # In float32 also within autocast: near 0.5, half-precision values are .002 apart.
        with torch.autocast(hidden.device.type, enabled=False):
            return torch.sigmoid(self.output(hidden.float()))


def is_any_available(available: Tensor) -> bool:
    """Whether an input is available for any clip, bool (B,). Exported networks have no such branch: it is assumed."""
    return torch.compiler.is_exporting() or bool(available.any())


def make_dense_layers(sizes: tuple[int, ...], activation: str, dropout: float = 0.0) -> nn.Sequential:
    """Fully connected layers of these sizes, each followed by the activation and dropout."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), getattr(nn, ACTIVATIONS[activation])()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)
