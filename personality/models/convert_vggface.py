"""Convert Oxford's Torch7 file of VGG-Face to weights for `--backbone` of the preset `thesis`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from personality.models.torch7 import Torch7Error, Torch7Object, read_torch7
from personality.models.visual import VGG_CONVOLUTIONS
from personality.utils.atomic_files import write_bytes

VGG_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def convert_vggface(file: Path, out: Path) -> None:
    """Write the 13 convolutions of `VGG_FACE.t7` to a safetensors file.

    Parameters
    ----------
    file : Path
        The Torch7 file, as downloaded.
    out : Path
        The safetensors file. Names are `conv1_1.weight`, float32 (64, 3, 3, 3), and so on; the input is BGR in 0..255
        minus the means.

    Raises
    ------
    Torch7Error
        The file is not a Torch7 file, is damaged, or contains another network.
    """
    model = read_torch7(file)
    layers = model.modules() if isinstance(model, Torch7Object) else []
    convolutions = [layer for layer in layers if layer.name.partition(".")[2].startswith("SpatialConvolution")]
    if len(convolutions) < len(VGG_CONVOLUTIONS):
        raise Torch7Error(f"{file.name} contains another network; expected VGG_FACE.t7 with 13 convolutions")
    tensors: dict[str, np.ndarray] = {}
    for name, layer, inputs, outputs in zip(
        VGG_CONVOLUTIONS, convolutions, VGG_CHANNELS, VGG_CHANNELS[1:], strict=False
    ):
        tensors[f"conv{name}.weight"] = _read_kernel(layer, outputs, inputs)
        tensors[f"conv{name}.bias"] = layer.tensor("bias", (outputs,))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, save(tensors))


def _read_kernel(layer: Torch7Object, outputs: int, inputs: int) -> np.ndarray:
    """Return a 3x3 kernel; older versions of Torch7 store it as one row per output."""
    stored = layer.fields.get("weight")
    flat = isinstance(stored, np.ndarray) and stored.ndim == 2
    weight = layer.tensor("weight", (outputs, 9 * inputs) if flat else (outputs, inputs, 3, 3))
    return np.ascontiguousarray(weight.reshape(outputs, inputs, 3, 3))
