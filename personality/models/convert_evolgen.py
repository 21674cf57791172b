"""Convert the Torch7 file that team evolgen published to a checkpoint folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from personality.constants import VERSION
from personality.models.checkpoint import save_card, save_weights
from personality.models.evolgen import EVOLGEN_PRESET, EvolgenNetwork
from personality.models.torch7 import Torch7Error, Torch7Object, read_torch7
from personality.utils.atomic_files import file_sha256

# Outputs in the file: extraversion, agreeableness, conscientiousness, emotional stability, openness.
EVOLGEN_OUTPUT_OF_TRAIT = [4, 2, 0, 1, 3]
EVOLGEN_TRAINING_DATA = (
    "Trained by team evolgen in 2016 on 6,000 clips of YouTube videos of people speaking English, as they appeared to "
    "paid raters (ChaLearn First Impressions)."
)
EVOLGEN_LIMITATIONS = (
    "Its five traits are correlated and depend mainly on smiling: on portraits, extraversion correlates with ratings "
    "of outgoing (r = .66) and happy (.68), but conscientiousness hardly with smart (.17). Faces are aligned by five "
    "landmarks here, not by 68 as in training. The accuracy of this version is unknown."
)


def convert_evolgen(file: Path, folder: Path) -> None:
    """Write a checkpoint with the weights of `LSTMModel#440.net`.

    Parameters
    ----------
    file : Path
        The Torch7 file, as downloaded.
    folder : Path
        Folder of the checkpoint; its name becomes the name of the model.

    Raises
    ------
    Torch7Error
        The file is not a Torch7 file, is damaged, or contains another network.
    """
    network = EvolgenNetwork()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in _read_evolgen_tensors(file).items()})
    save_weights(folder, network)
    save_card(folder, _make_evolgen_card(file))


def _read_evolgen_tensors(file: Path) -> dict[str, np.ndarray]:
    layers = _layers_of(read_torch7(file), file, 9)
    of_sound, of_faces = _layers_of(layers[0], file, 2)
    sound, faces = _layers_of(of_sound, file, 2), _layers_of(of_faces, file, 12)
    tensors = _weights_of("sound", sound[1], (32, 68))
    for number, (place, size, inputs) in enumerate(((0, 5, 3), (3, 7, 16), (6, 9, 16))):
        tensors |= _weights_of(f"convolutions.{number}", faces[place], (16, inputs, size, size))
    tensors |= _weights_of("face", faces[10], (128, 1024)) | _lstm_tensors(layers[4])
    output = _weights_of("output", layers[7], (5, 128))
    return tensors | {name: value[EVOLGEN_OUTPUT_OF_TRAIT] for name, value in output.items()}


def _layers_of(container: Any, file: Path, count: int) -> list[Torch7Object]:
    layers = container.modules() if isinstance(container, Torch7Object) else []
    if len(layers) != count:
        raise Torch7Error(f"{file.name} contains another network; expected evolgen's LSTMModel#440.net")
    return layers


def _weights_of(name: str, layer: Torch7Object, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {f"{name}.weight": layer.tensor("weight", shape), f"{name}.bias": layer.tensor("bias", shape[:1])}


def _lstm_tensors(layer: Torch7Object) -> dict[str, np.ndarray]:
    """Weights of the LSTM; its gates are input, forget, output, cell, and torch's are input, forget, cell, output."""
    size = 128
    order = np.r_[: 2 * size, 3 * size : 4 * size, 2 * size : 3 * size]
    weight, bias = layer.tensor("weight", (160 + size, 4 * size)).T[order], layer.tensor("bias", (4 * size,))[order]
    return {
        "lstm.weight_ih_l0": np.ascontiguousarray(weight[:, :160]),
        "lstm.weight_hh_l0": np.ascontiguousarray(weight[:, 160:]),
        "lstm.bias_ih_l0": bias,
        "lstm.bias_hh_l0": np.zeros_like(bias),
    }


def _make_evolgen_card(file: Path) -> dict[str, Any]:
    return {
        "modality": "audiovisual",
        "preset": EVOLGEN_PRESET,
        "activation": "relu",
        "data": {"name": "first-impressions", "fingerprint": "", "synthetic": False},
        "trained_on": {"people": "real", "text": f"{EVOLGEN_TRAINING_DATA} {EVOLGEN_LIMITATIONS}"},
        "licence": "Apache 2.0 (InnovArul/first-impressions); the labels of First Impressions are for research use",
        "converted_from": {"file": file.name, "sha256": file_sha256(file)},
        "versions": {"personality": VERSION},
    }
