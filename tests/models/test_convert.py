"""Conversion of published networks, with random weights."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch.nn import functional

from personality.cli.main import main
from personality.models.checkpoint import load_model
from personality.models.evolgen import EVOLGEN_PARTS, EvolgenNetwork, align_to_openface, compute_evolgen_sound
from personality.models.network import Batch
from personality.models.visual import VGG_CONVOLUTIONS
from tests.models.lua import Lua

RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> dict[str, np.ndarray]:
    scale = 1 / np.sqrt(np.prod(shape[1:]))
    return {
        "weight": RANDOM.normal(0, scale, shape).astype(np.float32),
        "bias": RANDOM.normal(0, 0.1, shape[:1]).astype(np.float32),
    }


PARTS = {
    "sound": weights(32, 68),
    **{f"conv{n}": weights(16, inputs, size, size) for n, (inputs, size) in enumerate([(3, 5), (16, 7), (16, 9)])},
    "face": weights(128, 1024),
    "lstm": {"weight": weights(512, 288)["weight"].T.copy(), "bias": weights(512, 288)["bias"]},
    "output": weights(5, 128),
}


@pytest.fixture
def evolgen_file(tmp_path: Path) -> Path:
    lua = Lua()
    sound = lua.container("nn.Sequential", [lua.layer("nn.View"), lua.layer("nn.Linear", **PARTS["sound"])])
    faces: list[bytes] = []
    for number in range(3):
        faces.append(lua.layer("nn.SpatialConvolution", **PARTS[f"conv{number}"]))
        faces += [lua.layer("nn.ReLU"), lua.layer("nn.SpatialMaxPooling")]
    faces += [lua.layer("nn.View"), lua.layer("nn.Linear", **PARTS["face"]), lua.layer("nn.ReLU")]
    both = lua.container("nn.ParallelTable", [sound, lua.container("nn.Sequential", faces)])
    layers = [both, *(lua.layer(f"nn.{name}") for name in ("JoinTable", "Dropout", "View"))]
    layers += [lua.layer("nn.LSTM", **PARTS["lstm"]), lua.layer("nn.View"), lua.layer("nn.Dropout")]
    layers += [lua.layer("nn.Linear", **PARTS["output"]), lua.layer("nn.Sigmoid")]
    path = tmp_path / "LSTMModel#440.net"
    path.write_bytes(lua.container("nn.Sequential", layers))
    return path


def by_hand(sound: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Evolgen's network step by step on inputs (6, 68) and (6, 3, 112, 112); traits in the order of the file, EACNO."""
    tensors = {name: {key: torch.from_numpy(value) for key, value in one.items()} for name, one in PARTS.items()}
    heard = torch.from_numpy(sound) @ tensors["sound"]["weight"].T + tensors["sound"]["bias"]
    seen = torch.from_numpy(faces)
    for number in range(3):
        one = tensors[f"conv{number}"]
        seen = functional.max_pool2d(functional.relu(functional.conv2d(seen, one["weight"], one["bias"])), 2)
    seen = functional.relu(seen.flatten(1) @ tensors["face"]["weight"].T + tensors["face"]["bias"])
    steps = torch.cat([heard, seen], 1)
    state, cell, outputs = torch.zeros(128), torch.zeros(128), []
    for step in steps:
        gates = torch.cat([step, state]) @ tensors["lstm"]["weight"] + tensors["lstm"]["bias"]
        let_in, keep, let_out = torch.sigmoid(gates[:384]).split(128)
        cell = keep * cell + let_in * torch.tanh(gates[384:])
        state = let_out * torch.tanh(cell)
        outputs.append(torch.sigmoid(state @ tensors["output"]["weight"].T + tensors["output"]["bias"]))
    return torch.stack(outputs).mean(0).numpy()


def test_converted_evolgen_equals_its_equations(evolgen_file: Path, tmp_path: Path) -> None:
    assert main(["convert", "evolgen", str(evolgen_file), str(tmp_path / "evolgen")]) == 0
    network = load_model(tmp_path / "evolgen").network
    assert isinstance(network, EvolgenNetwork)
    sound = RANDOM.normal(size=(1, 408)).astype(np.float32)
    crops = torch.from_numpy(RANDOM.integers(0, 256, (1, EVOLGEN_PARTS, 3, 224, 224), dtype=np.uint8))
    batch = Batch(faces=crops, tables={name: torch.from_numpy(sound) for name, _ in network.needs.tables})
    with torch.inference_mode():
        found = network(batch)[0].numpy()
    aligned = align_to_openface(crops[0].float() / 255).numpy()
    extraversion, agreeableness, conscientiousness, stability, openness = by_hand(sound.reshape(6, 68), aligned)
    wanted = [openness, conscientiousness, extraversion, agreeableness, stability]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_face_alignment_scales_and_shifts_by_constants() -> None:
    """A mark at (100, 150) of a crop is moved to .5573 times that, plus the shift."""
    crop = torch.zeros(1, 3, 224, 224)
    crop[0, :, 149:152, 99:102] = 1
    found = align_to_openface(crop)[0, 0]
    assert found.shape == (112, 112)
    row, column = divmod(int(found.argmax()), 112)
    assert column == pytest.approx(0.5573 * 100 - 5.409, abs=1)
    assert row == pytest.approx(0.5573 * 150 - 8.806, abs=1)


def test_sound_descriptors_cover_six_parts() -> None:
    """11 s of noise, the first 4 s with a tone; a part lasts 2 s, that is 40 frames."""
    sound = RANDOM.normal(0, 1e-3, 11 * 16000)
    sound[: 4 * 16000] += np.sin(np.arange(4 * 16000) / 5)
    found = compute_evolgen_sound(sound.astype(np.float32))
    assert found is not None
    assert found.dtype == np.float32
    energy = found.reshape(EVOLGEN_PARTS, 2, 34)[:, 0, 1]
    assert (energy[:2] > 0.3).all()
    assert (energy[2:] < 1e-3).all()
    assert compute_evolgen_sound(np.zeros(1600, np.float32)) is None


def test_other_networks_and_invalid_files_are_refused(
    evolgen_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    lua = Lua()
    (tmp_path / "other.net").write_bytes(lua.container("nn.Sequential", [lua.layer("nn.Linear", **weights(2, 3))]))
    (tmp_path / "no.net").write_bytes(b"no network")
    for name in ("other.net", "no.net", "missing.net"):
        for kind in ("evolgen", "vggface"):
            assert main(["convert", kind, str(tmp_path / name), str(tmp_path / "out")]) == 1
            assert name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flat", [True, False])
def test_vggface_convolutions_are_converted(tmp_path: Path, flat: bool) -> None:
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    kernels = [weights(outputs, inputs, 3, 3) for inputs, outputs in pairwise(channels)]
    lua = Lua()
    kind = "nn.SpatialConvolutionMM" if flat else "nn.SpatialConvolution"
    stored = [{**one, "weight": one["weight"].reshape(len(one["bias"]), -1)} if flat else one for one in kernels]
    layers = [layer for one in stored for layer in (lua.layer(kind, **one), lua.layer("nn.ReLU"))]
    (tmp_path / "VGG_FACE.t7").write_bytes(lua.container("nn.Sequential", layers))
    assert main(["convert", "vggface", str(tmp_path / "VGG_FACE.t7"), str(tmp_path / "vgg.safetensors")]) == 0
    found = load_file(tmp_path / "vgg.safetensors")
    for name, one in zip(VGG_CONVOLUTIONS, kernels, strict=True):
        np.testing.assert_array_equal(found[f"conv{name}.weight"], one["weight"])
        np.testing.assert_array_equal(found[f"conv{name}.bias"], one["bias"])
