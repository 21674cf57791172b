from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from personality.models.batching import encode_handcrafted, pick_face_crops
from personality.models.checkpoint import CheckpointError, load_model, read_checkpoint_card
from personality.models.factory import build_network
from personality.models.network import Batch
from personality.models.pretrained_weights import load_backbone_from_file, load_backbone_from_package
from personality.models.visual import VGG_CONVOLUTIONS, CompactVisual, ThesisVisual


def batch(clips: int = 2, frames: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(0)
    faces = torch.randint(0, 256, (clips, frames, 3, 224, 224), generator=generator, dtype=torch.uint8)
    return Batch(
        torch.randn(clips, 80_000, generator=generator) * 0.1, faces, torch.randn(clips, 9, generator=generator)
    )


@pytest.mark.parametrize("preset", ["thesis", "compact"])
def test_every_modality_predicts_five_values_in_0_to_1(preset: str) -> None:
    torch.manual_seed(0)
    branches = {name: build_network(name, preset=preset, activation="relu").eval() for name in ("audio", "visual")}
    for modality in ("audio", "visual", "audiovisual", "handcrafted"):
        network = branches.get(modality) or build_network(modality, preset=preset, activation="tanh", branches=branches)
        with torch.inference_mode():
            traits = network.eval()(batch(frames=1))
        assert traits.shape == (2, 5)
        assert ((traits > 0) & (traits < 1)).all()


def test_layer_sizes_of_the_thesis() -> None:
    audio = build_network("audio", preset="thesis", activation="relu")
    sizes = [tuple(p.shape) for name, p in audio.named_parameters() if name.endswith("weight")]
    assert sorted(sizes, reverse=True) == [(512, 80_000), (128, 512), (32, 128), (5, 32)]
    visual = ThesisVisual("relu")
    dense = [tuple(p.shape) for name, p in visual.layers.named_parameters() if name.endswith("weight")]
    assert dense == [(1024, 4608), (512, 1024), (128, 512), (32, 128)]
    assert visual.reduce[0].weight.shape == (512, 512, 1, 1)
    # VGG-16 without its dense layers has 14,714,688 parameters (Simonyan and Zisserman 2015).
    assert sum(p.numel() for p in visual.backbone.parameters()) == 14_714_688
    fusion = build_network(
        "handcrafted", preset="thesis", activation="relu", branches={"audio": audio, "visual": visual}
    )
    shapes = [
        tuple(p.shape) for name, p in fusion.get_submodule("layers").named_parameters() if name.endswith("weight")
    ]
    assert shapes == [(512, 32 + 32 + 9), (512, 512), (32, 512)]


def test_error_names_missing_branch_of_a_fusion() -> None:
    with pytest.raises(ValueError, match="the visual model is missing"):
        build_network(
            "audiovisual",
            preset="compact",
            activation="relu",
            branches={"audio": build_network("audio", preset="compact", activation="relu")},
        )


def test_shared_branches_run_once_per_batch() -> None:
    branches = {name: build_network(name, preset="compact", activation="relu").eval() for name in ("audio", "visual")}
    calls = []
    branches["visual"].get_submodule("backbone").register_forward_hook(lambda *_: calls.append(1))
    data = batch().shared()
    with torch.inference_mode():
        alone = branches["visual"](data)
        for modality in ("audiovisual", "handcrafted"):
            build_network(modality, preset="compact", activation="relu", branches=branches).eval()(data)
        again = branches["visual"](batch())
    assert len(calls) == 2
    torch.testing.assert_close(alone, again)


def test_packaged_backbone_has_the_imagenet_weights() -> None:
    """Every tensor of the package is loaded into its counterpart; running means are no longer zero."""
    network = CompactVisual("relu")
    load_backbone_from_package(network)
    untrained = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    for (name, loaded), (_, initial) in zip(
        network.backbone.state_dict().items(), untrained.state_dict().items(), strict=True
    ):
        if name.endswith("running_var"):
            assert (loaded >= 0).all()
        if name.endswith("running_mean"):
            assert not torch.equal(loaded, initial), name


def vgg_face() -> dict[str, torch.Tensor]:
    layers = [layer for layer in ThesisVisual("relu").backbone if isinstance(layer, torch.nn.Conv2d)]
    return {
        f"conv{name}.{part}": torch.randn_like(getattr(layer, part))
        for name, layer in zip(VGG_CONVOLUTIONS, layers, strict=True)
        for part in ("weight", "bias")
    }


def test_vgg_face_weights_load_and_errors_name_the_tensor(tmp_path: Path) -> None:
    tensors = vgg_face()
    save_file(tensors, tmp_path / "vgg.safetensors")
    network = ThesisVisual("relu")
    load_backbone_from_file(network, tmp_path / "vgg.safetensors")
    torch.testing.assert_close(network.backbone[0].weight, tensors["conv1_1.weight"], check_device=False)
    save_file({**tensors, "conv3_2.bias": torch.zeros(7)}, tmp_path / "wrong.safetensors")
    with pytest.raises(ValueError, match=r"conv3_2\.bias of wrong\.safetensors .*\(7,\).*\(256,\)"):
        load_backbone_from_file(network, tmp_path / "wrong.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        load_backbone_from_file(network, tmp_path / "text.safetensors")


def test_vgg_face_input_is_bgr_minus_the_channel_means() -> None:
    network = ThesisVisual("relu")
    seen = []
    network.backbone[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    red = torch.zeros(1, 1, 3, 224, 224, dtype=torch.uint8)
    red[:, :, 0] = 200
    network.features(Batch(faces=red))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([-93.5940, -104.7624, 200 - 129.1863], abs=1e-4)


def test_handcrafted_encoding() -> None:
    histogram = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    assert encode_handcrafted(histogram, "female", 50.0).tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 1]
    assert encode_handcrafted(histogram, None, None).tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_face_crops_are_spaced_evenly_and_repeated_if_few() -> None:
    faces = np.arange(4)
    assert pick_face_crops(faces, 2).tolist() == [1, 3]
    assert pick_face_crops(faces, 1).tolist() == [2]
    assert pick_face_crops(faces, 4).tolist() == [0, 1, 2, 3]
    assert pick_face_crops(faces[:1], 3).tolist() == [0, 0, 0]


def copy(folder: Path, to: Path, **changes: torch.Tensor) -> Path:
    to.mkdir()
    (to / "card.json").write_bytes((folder / "card.json").read_bytes())
    save_file({**load_file(folder / "model.safetensors"), **changes}, to / "model.safetensors")
    return to


def test_error_names_mismatched_tensor(runs: Path, tmp_path: Path) -> None:
    audio = runs / "audio"
    changes = {
        "(3,)": {"output.bias": torch.zeros(3)},
        "not part of this model": {"extra.bias": torch.zeros(3)},
        "not finite": {"output.bias": torch.full((5,), torch.nan)},
    }
    for number, (words, change) in enumerate(changes.items()):
        with pytest.raises(CheckpointError) as caught:
            load_model(copy(audio, tmp_path / str(number), **change))
        assert words in str(caught.value)
        assert next(iter(change)) in str(caught.value)


def test_a_fusion_identifies_its_branches_by_digest(runs: Path, tmp_path: Path) -> None:
    for name in ("audio", "visual", "audiovisual"):
        copy(runs / name, tmp_path / name)
    for name in ("audio", "visual"):
        (tmp_path / name / "model.safetensors").write_bytes((runs / name / "model.safetensors").read_bytes())
    assert load_model(tmp_path / "audiovisual").modality == "audiovisual"
    copy(runs / "audio", tmp_path / "other", **{"output.bias": torch.ones(5)})
    (tmp_path / "audio" / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="digest differs"):
        load_model(tmp_path / "audiovisual")
    (tmp_path / "audio" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="audio"):
        load_model(tmp_path / "audiovisual")


def test_invalid_cards_and_cards_with_other_constants_raise(runs: Path, tmp_path: Path) -> None:
    folder = copy(runs / "audio", tmp_path / "a")
    text = (folder / "card.json").read_text()
    for changed, words in (
        (text.replace('"sample_rate": 16000', '"sample_rate": 8000'), "made with preprocessing"),
        (
            text.replace('"modality": "audio"', '"modality": "smell"'),
            "smell",
        ),
        ("{}", "is damaged"),
        ("no json", "is damaged"),
    ):
        (folder / "card.json").write_text(changed)
        with pytest.raises(CheckpointError, match=words):
            read_checkpoint_card(folder)
    with pytest.raises(CheckpointError, match="nowhere"):
        load_model(tmp_path / "nowhere")
