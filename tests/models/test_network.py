"""The interface of networks: stored, trained and frozen tensors, and the hidden layers that a shared batch stores."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from personality.models.factory import build_network
from personality.models.network import Batch, Needs, Network

BACKBONE_PARAMETERS = 3_371_008  # parameters of EfficientNet-Lite0 without its classifier


class CountingNetwork(Network):
    """A network that computes the mean of the faces, and counts the calls."""

    def __init__(self) -> None:
        super().__init__(1, Needs(frozenset({"faces"})))
        self.calls = 0

    def features(self, batch: Batch) -> Tensor:
        assert batch.faces is not None
        self.calls += 1
        return batch.faces.float().mean((1, 2, 3, 4))[:, None]

    def hidden(self, features: Tensor) -> Tensor:
        return features


@pytest.fixture
def faces() -> Tensor:
    return torch.full((1, 1, 3, 224, 224), 100, dtype=torch.uint8)


@torch.no_grad()
def test_replaced_batch_gives_new_prediction(faces: Tensor) -> None:
    network = CountingNetwork()
    for batch in (Batch(faces=faces), Batch(faces=faces).shared()):
        assert network.embed(batch).item() == 100
        assert network.embed(replace(batch, faces=faces // 2)).item() == 50
        assert not torch.equal(network(replace(batch, faces=faces // 2)), network(batch))


@torch.no_grad()
def test_only_a_shared_batch_computes_a_hidden_layer_once(faces: Tensor) -> None:
    network, batch = CountingNetwork(), Batch(faces=faces)
    network(batch), network(batch)
    assert network.calls == 2
    shared = batch.shared()
    network(shared), network(shared.shared())
    assert network.calls == 3


@torch.no_grad()
def test_replacing_an_input_keeps_unaffected_hidden_layers(faces: Tensor) -> None:
    network, shared = CountingNetwork(), Batch(torch.zeros(1, 80_000), faces).shared()
    network(shared)
    assert network.embed(shared.with_input("audio", torch.ones(3, 80_000))).tolist() == [[100], [100], [100]]
    assert network.calls == 1
    assert network.embed(shared.with_input("faces", faces // 2)).item() == 50
    assert network.calls == 2


def test_stored_trained_and_frozen_tensors() -> None:
    branches = {name: build_network(name, preset="compact", activation="relu") for name in ("audio", "visual")}
    audio, visual = branches["audio"], branches["visual"]
    fusion = build_network("audiovisual", preset="compact", activation="relu", branches=branches)
    assert set(audio.feature_tensors()) == {"mel.spectrogram.window", "mel.mel_scale.fb"}
    assert (
        audio.stored_tensors().keys()
        == audio.head_tensors().keys()
        == audio.state_dict().keys() - {*audio.feature_tensors()}
    )
    assert {name.split(".")[0] for name in visual.feature_tensors()} == {"backbone"}
    assert visual.stored_tensors().keys() == visual.state_dict().keys()
    assert {name.split(".")[0] for name in fusion.feature_tensors()} == {"branches"}
    assert set(fusion.head_modules()) == {"output", "normalise", "dropout", "layers"}
    assert (fusion.backbone, fusion.backbone_tensors()) == (None, {})


def test_backbone_can_be_frozen() -> None:
    network = build_network("visual", preset="compact", activation="relu")
    head = network.count_trained_parameters(backbone=False)
    assert head == 1280 * 128 + 128 + 128 * 5 + 5
    assert network.count_trained_parameters(backbone=True) == head + BACKBONE_PARAMETERS
    network.set_backbone_trainable(False)
    assert sum(one.numel() for one in network.parameters() if one.requires_grad) == head
    assert network.count_trained_parameters(backbone=True) == head + BACKBONE_PARAMETERS
