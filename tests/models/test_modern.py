"""The networks of the preset `modern`: attention, masking, timm backbones, gated fusion with missing branches."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from personality.models.audio import MaskedConvolution, ModernAudio, mask_spectrogram
from personality.models.factory import build_network
from personality.models.fusion import HANDCRAFTED_COUNT, GatedFusion, hide_random_branches
from personality.models.network import Batch, Needs, Network
from personality.models.pooling import AttentionPool
from personality.models.pretrained_weights import (
    load_backbone_from_file,
    load_backbone_from_hub,
    load_backbone_from_package,
)
from personality.models.visual import ModernVisual
from personality.network_options import NetworkDesign

SMALL = NetworkDesign(backbone="test_resnet")


def test_only_untrained_attention_equals_the_mean() -> None:
    torch.manual_seed(0)
    items = torch.randn(3, 7, 4)
    pool = AttentionPool(4, spread=True)
    expected = torch.cat([items.mean(1), (items.var(1, correction=0) + 1e-5).sqrt()], 1)
    torch.testing.assert_close(pool(items), expected)
    nn.init.ones_(pool.get_parameter("score.2.weight"))
    assert not torch.allclose(pool(items), expected, atol=1e-3)
    torch.testing.assert_close(pool.weights(items).sum(1), torch.ones(3))


def test_attention_by_hand() -> None:
    """Scores ln 1 and ln 3 give the weights 1/4 and 3/4."""
    pool = AttentionPool(1)
    pool.score = nn.Sequential()
    items = torch.log(torch.tensor([[[1.0], [3.0]]]))
    assert pool.weights(items)[0].tolist() == pytest.approx([0.25, 0.75])
    assert pool(items).item() == pytest.approx(0.75 * np.log(3))
    assert pool(items, torch.tensor([[True, False]])).item() == 0.0


@pytest.mark.parametrize("encoder", ["convolution", "transformer"])
def test_predictions_do_not_depend_on_loudness(encoder: str) -> None:
    torch.manual_seed(0)
    network = ModernAudio("relu", NetworkDesign(encoder=encoder)).eval()
    sound = torch.randn(2, 80_000) * 0.1
    with torch.inference_mode():
        loud, soft = network(Batch(audio=sound)), network(Batch(audio=sound / 2))
    assert loud.shape == (2, 5)
    torch.testing.assert_close(loud, soft, atol=2e-3, rtol=0)


@pytest.mark.parametrize("encoder", ["convolution", "transformer"])
def test_padding_does_not_change_predictions(encoder: str) -> None:
    """With 7 s of sound, networks for 15 s and 60 s predict the same, next to a longer clip or alone; a network for 5 s
    and longer sound give other predictions."""
    torch.manual_seed(0)
    short, long = torch.zeros(960_000), torch.randn(960_000) * 0.1
    short[:112_000] = long[:112_000]
    networks = [
        ModernAudio("relu", NetworkDesign(encoder=encoder, seconds=seconds)).eval() for seconds in (5.0, 15.0, 60.0)
    ]
    for network in networks[1:]:
        network.load_state_dict(networks[0].state_dict())
    both = Batch(torch.stack([short, long]), sound_lengths=torch.tensor([112_000, 960_000]))
    alone = Batch(short[None], sound_lengths=torch.tensor([112_000]))
    with torch.inference_mode():
        five, fifteen, sixty = (network(both) for network in networks)
        torch.testing.assert_close(networks[2](alone)[0], sixty[0])
    torch.testing.assert_close(fifteen[0], sixty[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(five[0], five[1])
    assert (five - fifteen).abs().max() > 1e-4 < (fifteen[1] - sixty[1]).abs().max()


def test_group_norm_without_padding_equals_torch() -> None:
    torch.manual_seed(0)
    layer, moments = MaskedConvolution(64, 96, stride=2), torch.randn(3, 64, 251)
    nn.init.normal_(layer.get_parameter("1.weight"))
    found, heard = layer(moments, torch.ones(3, 1, 251))
    torch.testing.assert_close(found, nn.Sequential.forward(layer, moments), atol=1e-5, rtol=1e-4)
    assert heard.shape == (3, 1, 126)


def test_batch_with_too_little_sound_raises() -> None:
    network = ModernAudio("relu", NetworkDesign(seconds=15.0))
    assert (network.needs | Needs()).seconds == 15.0
    with pytest.raises(ValueError, match=r"80,000 .*\(B, 240000\)"):
        network(Batch(torch.zeros(1, 80_000)))


def test_spectrogram_masks_are_whole_bands_or_frames_and_training_only() -> None:
    torch.manual_seed(0)
    whole = torch.ones(200, 64, 251)
    lost = mask_spectrogram(whole) == 0
    bands, times = lost.all(2), lost.all(1)
    assert torch.equal(lost, bands[:, :, None] | times[:, None, :])
    assert (bands.sum(1) <= 16 + 2).all()
    assert (times.sum(1) <= 50 + 2).all()
    assert 0.05 < lost.float().mean() < 0.3
    network = ModernAudio("relu", NetworkDesign())
    network.layers = nn.Sequential()  # without dropout, only masking varies
    features = network.features(Batch(audio=torch.randn(1, 80_000)))
    with torch.no_grad():
        torch.testing.assert_close(network.train().hidden(features), network.hidden(features))
        network.augments = True
        assert not torch.allclose(network.hidden(features), network.hidden(features))
        torch.testing.assert_close(network.eval().hidden(features), network.hidden(features))


@pytest.mark.parametrize("frames", ["attention", "mean"])
def test_timm_backbone_gets_faces_with_its_own_normalization(frames: str) -> None:
    network = build_network(
        "visual", preset="modern", activation="relu", design=NetworkDesign(backbone="test_resnet", frames=frames)
    )
    assert isinstance(network, ModernVisual)
    seen = []
    network.backbone.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    red = torch.zeros(1, 2, 3, 224, 224, dtype=torch.uint8)
    red[:, :, 0] = 255
    with torch.inference_mode():
        assert network.eval()(Batch(faces=red)).shape == (1, 5)
    config = timm.get_pretrained_cfg("test_resnet")
    assert config is not None
    expected = [(v - m) / s for v, m, s in zip((1.0, 0.0, 0.0), config.mean, config.std, strict=True)]
    assert seen[0][1, :, 5, 5].tolist() == pytest.approx(expected, abs=1e-4)


def test_backbones_with_wide_head_or_other_image_size() -> None:
    design = NetworkDesign(backbone="mobilenetv3_small_050")  # 288 features, and a head of 1024 after them
    network = build_network("visual", preset="modern", activation="relu", design=design).eval()
    with torch.inference_mode():
        assert network(Batch(faces=torch.zeros(1, 1, 3, 224, 224, dtype=torch.uint8))).shape == (1, 5)
    with pytest.raises(ValueError, match=r"160x160 .*224x224"):
        build_network("visual", preset="modern", activation="relu", design=NetworkDesign(backbone="test_vit"))
    with pytest.raises(ValueError, match="backbone is 7"):
        NetworkDesign(backbone=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["no_such_model", "hf-hub:somebody/something", "local-dir:/etc", "resnet18.nope"])
def test_timm_names_cannot_refer_to_other_places(name: str) -> None:
    with pytest.raises(ValueError, match="timm has no model"):
        build_network("visual", preset="modern", activation="relu", design=NetworkDesign(backbone=name))


def test_backbone_weights_load_from_file_package_or_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = ModernVisual("relu", SMALL)
    torch.manual_seed(1)
    other = timm.create_model("test_resnet", num_classes=0)
    save_file(other.state_dict(), tmp_path / "weights.safetensors")
    load_backbone_from_file(network, tmp_path / "weights.safetensors")
    torch.testing.assert_close(network.backbone.state_dict(), other.state_dict())
    with pytest.raises(ValueError, match=r"conv1\.0\.weight"):
        load_backbone_from_package(network)
    load_backbone_from_package(ModernVisual("relu", NetworkDesign()))

    def offline(*_: object, **__: object) -> None:
        raise OSError("no way there")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ValueError, match=r"test_resnet .*no way there"):
        load_backbone_from_hub(network, "test_resnet")


def test_an_invalid_design_raises() -> None:
    with pytest.raises(ValueError, match="encoder is 'magic'"):
        NetworkDesign(encoder="magic")


class Given(Network):
    """A branch whose hidden layer is the first two values of its input."""

    def __init__(self, kind: str) -> None:
        super().__init__(2, Needs(frozenset({kind})))
        self.kind = kind

    def features(self, batch: Batch) -> torch.Tensor:
        return getattr(batch, self.kind).flatten(1)[:, :2].float()

    def hidden(self, features: torch.Tensor) -> torch.Tensor:
        return features


def gate(*, handcrafted: bool = False) -> GatedFusion:
    torch.manual_seed(0)
    modality = "handcrafted" if handcrafted else "audiovisual"
    branches: dict[str, Network] = {"audio": Given("audio"), "visual": Given("faces")}
    network = build_network(modality, preset="modern", activation="relu", branches=branches)
    assert isinstance(network, GatedFusion)
    return network.eval()


def three_clips() -> Batch:
    """Three clips: the second has no face, the third no sound."""
    faces = torch.randint(1, 9, (3, 1, 3, 4, 4), dtype=torch.uint8)
    present = {"audio": torch.tensor([True, True, False]), "faces": torch.tensor([True, False, True])}
    return Batch(torch.rand(3, 8), faces, torch.rand(3, HANDCRAFTED_COUNT), present=present)


def test_missing_branch_has_no_weight_and_no_effect() -> None:
    network, batch = gate(handcrafted=True), three_clips()
    features = network.features(batch)
    assert features[:, -3:].tolist() == [[1, 1, 1], [1, 0, 0], [0, 1, 1]]
    weights = network.gate_weights(features)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert weights[1, 0] == 1
    assert weights[2, 0] == 0
    other = three_clips()
    assert batch.audio is not None and other.faces is not None
    changed = Batch(batch.audio, other.faces * 3 + 100, batch.handcrafted, present=batch.present)
    batch.audio[2] = 7.0
    again = network(changed)
    torch.testing.assert_close(again[1], network(batch)[1])


def test_gated_fusion_predicts_from_one_modality() -> None:
    network = gate()
    assert network.needs.alternatives == (Needs(frozenset({"audio"})), Needs(frozenset({"faces"})))
    assert network(Batch(torch.rand(1, 8), None, None)).isfinite().all()
    assert network(three_clips()).isfinite().all()


def test_gated_fusion_is_fitted_to_available_features() -> None:
    network = gate()
    # The audio column has the values 1 and 3; the 0 of the third clip means that the clip has no sound.
    features = torch.tensor([[1.0, 5, 2, 2, 1, 1], [3, 5, 2, 2, 1, 1], [0, 0, 2, 2, 0, 1]])
    network.fit(features)
    assert network.centre.tolist() == pytest.approx([2, 5, 2, 2])
    assert network.scale.tolist() == [1, 1, 1, 1], "a constant column is not scaled"


def test_nested_gated_fusion_without_any_input() -> None:
    """Clips with only words, in a fusion of words with a fusion of sound and faces."""
    torch.manual_seed(0)
    words = Given("handcrafted")
    branches = {"inner": gate(), "words": words}
    network = build_network("fusion", preset="modern", activation="relu", branches=branches).eval()
    assert isinstance(network, GatedFusion)
    absent = torch.zeros(2, dtype=torch.bool)
    faces = torch.zeros(2, 1, 3, 4, 4, dtype=torch.uint8)
    batch = Batch(
        torch.zeros(2, 8), faces, torch.rand(2, HANDCRAFTED_COUNT), present={"audio": absent, "faces": absent}
    )
    features = network.features(batch)
    assert features.isfinite().all()
    assert network.gate_weights(features).tolist() == [[0, 1], [0, 1]]
    assert network(batch).isfinite().all()


def test_random_hiding_keeps_one_branch() -> None:
    torch.manual_seed(0)
    there = torch.tensor([[1.0, 1.0], [1.0, 0.0]]).repeat(500, 1)
    left = hide_random_branches(there)
    assert left.any(1).all()
    assert (left[1::2] == there[1::2]).all()
    assert 0.05 < (left[::2].sum(1) == 1).float().mean() < 0.5
