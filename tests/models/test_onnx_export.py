"""Exported models equal torch for any number of clips, and contain the metadata that their users need."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.cli.main import main
from personality.models import onnx_export
from personality.models.checkpoint import Model, load_model
from personality.models.encoders.encoding import name_columns
from personality.models.factory import build_network
from personality.models.network import Network
from personality.models.onnx_export import ONNX_METADATA_KEY, OnnxExportError, export_onnx, make_random_inputs
from personality.network_options import NetworkDesign
from personality.traits import TRAIT_NAMES

SMALL = NetworkDesign(backbone="test_resnet")
CARD = {"modality": "m", "preset": "p", "licence": "x", "data": {}, "metrics": {}}


def as_model(network: Network) -> Model:
    return Model(network.eval(), CARD, Path("some"), "some", "0" * 64)


def run_onnx(path: Path, inputs: dict[str, torch.Tensor]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {one.name: inputs[one.name].numpy() for one in session.get_inputs()})
    return found


def check_export(network: Network, path: Path) -> None:
    """Export, and compare with torch on one and five other clips than those that the export itself checks."""
    assert export_onnx(as_model(network), path) < 1e-5
    onnx.checker.check_model(str(path))
    for clips in (1, 5):
        inputs = make_random_inputs(network.needs, clips, seed=clips)
        with torch.inference_mode():
            expected = onnx_export._OnnxNetwork(network, tuple(inputs))(*inputs.values()).numpy()
        np.testing.assert_allclose(run_onnx(path, inputs), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("modality", "preset", "design"),
    [
        ("audio", "compact", None),
        pytest.param("audio", "modern", NetworkDesign(encoder="transformer"), marks=pytest.mark.trial),
        pytest.param("visual", "modern", SMALL, marks=pytest.mark.trial),
    ],
)
def test_audio_and_face_networks_are_exported(
    modality: str, preset: str, design: NetworkDesign | None, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    check_export(build_network(modality, preset=preset, activation="relu", design=design).eval(), tmp_path / "a.onnx")


def test_table_network_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network("features", preset="compact", activation="relu", table=("x", tuple("abc")))
    network.fit(torch.randn(500, 3))
    check_export(network.eval(), tmp_path / "a.onnx")


@pytest.mark.trial
def test_fusion_of_encoders_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tables = [("timm:some@0123456789ab", name_columns(4, 6)), ("voice_descriptors", ("a", "b", "c"))]
    network = build_network("fusion", preset="encoders", activation="relu", tables=tables).eval()
    check_export(network, tmp_path / "a.onnx")
    inputs = make_random_inputs(network.needs, 2)
    inputs["present_voice_descriptors"] = torch.tensor([True, False])
    with torch.inference_mode():
        expected = onnx_export._OnnxNetwork(network, tuple(inputs))(*inputs.values()).numpy()
    np.testing.assert_allclose(run_onnx(tmp_path / "a.onnx", inputs), expected, atol=1e-4)


@pytest.mark.trial
def test_exported_gated_fusion_handles_missing_modality(tmp_path: Path) -> None:
    torch.manual_seed(0)
    branches = {
        name: build_network(name, preset="modern", activation="relu", design=SMALL) for name in ("audio", "visual")
    }
    network = build_network("audiovisual", preset="modern", activation="relu", branches=branches, design=SMALL).eval()
    check_export(network, tmp_path / "a.onnx")
    inputs = make_random_inputs(network.needs, 2)
    whole = run_onnx(tmp_path / "a.onnx", inputs)
    inputs["present_faces"] = torch.tensor([True, False])
    with torch.inference_mode():
        expected = onnx_export._OnnxNetwork(network, tuple(inputs))(*inputs.values()).numpy()
    found = run_onnx(tmp_path / "a.onnx", inputs)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found[1] - whole[1]).max() > 1e-3
    np.testing.assert_allclose(found[0], whole[0], atol=1e-6)


def test_command_exports_a_model_with_its_metadata(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = next(folder for folder in REAL_MODEL_FOLDERS if folder.name == "voice")
    assert main(["export", str(folder), str(tmp_path / "out" / "voice.onnx")]) == 0
    assert "differ" in capsys.readouterr().out
    (entry,) = [
        one for one in onnx.load(tmp_path / "out" / "voice.onnx").metadata_props if one.key == ONNX_METADATA_KEY
    ]
    facts = json.loads(entry.value)
    assert facts["traits"] == list(TRAIT_NAMES)
    assert facts["preprocessing"]["sample_rate"] == 16000
    assert len(facts["tables"]["voice_descriptors"]) == 26
    assert facts["sha256"] == load_model(folder).sha256
    assert facts["model"]["data"] == load_model(folder).card["data"]


def test_export_that_differs_from_torch_raises_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "_measure_difference", lambda *_: 2e-4)
    network = build_network("features", preset="compact", activation="relu", table=("x", ("a",)))
    with pytest.raises(OnnxExportError, match=r"2\.0e-04"):
        export_onnx(as_model(network), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_normal_quantile_equals_torch() -> None:
    share = torch.linspace(0.001, 0.999, 999)
    torch.testing.assert_close(onnx_export._normal_quantile(share), torch.special.ndtri(share), atol=2e-5, rtol=0)
