"""Export a trained model as an ONNX file with the constants of its preprocessing, and compare it with torch."""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from personality.constants import MISUSE_WARNING, PREPROCESSING
from personality.models.checkpoint import Model
from personality.models.network import Batch, Needs, Network
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import atomic_path

ONNX_OPSET = 18
MAX_ONNX_DIFFERENCE = 1e-4  # largest accepted difference of a trait between torch and onnxruntime
ONNX_METADATA_KEY = "personality"
TABLE_INPUT_PREFIX, PRESENT_INPUT_PREFIX = "table_", "present_"
CHECKED_CLIPS = 3  # random clips for checking the exported file
# Polynomials for the inverse error function (Giles 2010, Approximating the erfinv function), highest power first.
ERFINV_CENTRE = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04),
    *(-1.25372503e-03, -4.17768164e-03, 0.246640727, 1.50140941),
)
ERFINV_TAIL = (
    *(-2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03),
    *(-7.6224613e-03, 9.43887047e-03, 1.00167406, 2.83297682),
)


class OnnxExportError(ValueError):
    """A model that cannot be exported; the message is one sentence."""


class _OnnxNetwork(nn.Module):
    """A network that takes its inputs as tensors, in the order of their names, instead of as a Batch."""

    def __init__(self, network: Network, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return five traits (B, 5)."""
        given = dict(zip(self.names, tensors, strict=True))
        plain = {name: given.get(name) for name in ("audio", "faces", "handcrafted", "sound_lengths")}
        tables = _select_prefixed(given, TABLE_INPUT_PREFIX)
        return self.network(Batch(**plain, tables=tables, present=_select_prefixed(given, PRESENT_INPUT_PREFIX)))


def _select_prefixed(given: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in given.items() if name.startswith(prefix)}


def export_onnx(model: Model, path: Path) -> float:
    """Write a model as an ONNX file.

    The metadata of the file include, under the key `personality`, a JSON object: traits, inputs with their meaning,
    constants of preprocessing, columns of tables, and facts of the model's card.

    Parameters
    ----------
    model : Model
        As `load_model` returns it.
    path : Path
        The file to write.

    Returns
    -------
    float
        The largest difference of a trait between torch and onnxruntime on random inputs.

    Raises
    ------
    OnnxExportError
        onnx or onnxscript is missing, or the exported model differs from torch by more than MAX_ONNX_DIFFERENCE.
    """
    _require_exporter()
    network = model.network.cpu().eval()
    inputs = make_random_inputs(network.needs, CHECKED_CLIPS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        _write_onnx(_OnnxNetwork(network, tuple(inputs)), inputs, _describe_export(model), temporary)
        difference = _measure_difference(_OnnxNetwork(network, tuple(inputs)), inputs, temporary)
        if not difference <= MAX_ONNX_DIFFERENCE:  # also true for NaN
            raise OnnxExportError(
                f"{model.name} as ONNX differs from torch by {difference:.1e}; expected at most {MAX_ONNX_DIFFERENCE}."
            )
    return difference


def _require_exporter() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise OnnxExportError(f"Export requires {error.name}; `pip install onnx onnxscript onnxruntime`.") from error


def make_random_inputs(needs: Needs, clips: int, seed: int = 0) -> dict[str, Tensor]:
    """Return random inputs of B clips by name, in the format of an exported model.

    `audio` float32 (B, N) and `sound_lengths` int64 (B,); `faces` uint8 (B, 16, 3, 224, 224); `handcrafted` float32
    (B, 9); `table_NAME` float32 (B, D); and, for a model with optional inputs, `present_NAME` bool (B,).
    """
    random = torch.Generator().manual_seed(seed)
    samples, side = round(needs.seconds * PREPROCESSING.sample_rate), PREPROCESSING.face_size
    found: dict[str, Tensor] = {}
    if "audio" in needs.inputs:
        found["audio"] = torch.randn(clips, samples, generator=random) * 0.1
        found["sound_lengths"] = torch.randint(samples // 2, samples + 1, (clips,), generator=random)
    if "faces" in needs.inputs:
        shape = (clips, PREPROCESSING.faces, 3, side, side)
        found["faces"] = torch.randint(256, shape, generator=random, dtype=torch.uint8)
    if "handcrafted" in needs.inputs:
        found["handcrafted"] = torch.rand(clips, 9, generator=random)
    for name, columns in sorted(needs.tables):
        found[TABLE_INPUT_PREFIX + name] = torch.randn(clips, len(columns), generator=random)
    if needs.alternatives:
        names = [*sorted(needs.inputs & {"audio", "faces"}), *sorted(name for name, _ in needs.tables)]
        found |= {PRESENT_INPUT_PREFIX + name: torch.ones(clips, dtype=torch.bool) for name in names}
    return found


def _write_onnx(module: nn.Module, inputs: dict[str, Tensor], facts: dict[str, Any], path: Path) -> None:
    import onnx

    clips = torch.export.Dim("clips", min=1, max=4096)
    shapes = (tuple({0: clips} for _ in inputs),)  # one item: the argument *tensors
    with _quiet(), torch.no_grad():
        program = torch.export.export(module, tuple(inputs.values()), dynamic_shapes=shapes, strict=False)
        program = program.run_decompositions(_DECOMPOSITIONS)
        written = torch.onnx.export(
            program, input_names=list(inputs), output_names=["traits"], opset_version=ONNX_OPSET, verbose=False
        )
    assert written is not None
    proto = written.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = ONNX_METADATA_KEY, json.dumps(facts)
    onnx.save(proto, str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the messages of the exporter, and disable fused attention, which it cannot export."""
    fast, level = torch.backends.mha.get_fastpath_enabled(), logging.getLogger("onnxscript").level
    torch.backends.mha.set_fastpath_enabled(False)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        logging.getLogger("onnxscript").setLevel(level)


def _measure_difference(module: nn.Module, inputs: dict[str, Tensor], path: Path) -> float:
    """Return the largest difference of a trait between torch and onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    (found,) = session.run(None, {name: one.numpy() for name, one in inputs.items() if name in taken})
    with torch.inference_mode():
        expected = module(*inputs.values()).numpy()
    return float(np.abs(found - expected).max())


def _describe_export(model: Model) -> dict[str, Any]:
    needs = model.network.needs
    return {
        "traits": list(TRAIT_NAMES),
        "not_for": MISUSE_WARNING,
        "preprocessing": asdict(PREPROCESSING),
        "seconds": needs.seconds,
        "inputs": {
            "audio": "float32 (clips, samples), mono, in [-1, 1], from the start of the clip; zeros after its end",
            "sound_lengths": "int64 (clips,), samples of sound before these zeros",
            "faces": "uint8 (clips, faces, 3, face_size, face_size), RGB, aligned, evenly spaced in time",
            "handcrafted": "float32 (clips, 9): shares of seven emotions, gender (male -1, female 1), (age - 35) / 15",
            "table_NAME": "float32 (clips, columns): the columns listed under tables, in order",
            "present_NAME": "bool (clips,): whether the clip has this input; zeros elsewhere",
        },
        "tables": {name: list(columns) for name, columns in needs.tables},
        "model": {key: model.card.get(key) for key in ("modality", "preset", "licence", "data", "metrics")},
        "name": model.name,
        "sha256": model.sha256,
    }


def _count_below(columns: Tensor, sought: Tensor, *, right: bool = False, **_: Any) -> Tensor:
    """Compute `torch.searchsorted` by row, which ONNX does not support."""
    below = columns[:, None, :] <= sought[:, :, None] if right else columns[:, None, :] < sought[:, :, None]
    return below.to(torch.int64).sum(2)


def _normal_quantile(share: Tensor) -> Tensor:
    """Compute `torch.special.ndtri`, which ONNX does not support; accurate to about 1e-6 between -3 and 3."""
    x = 2 * share - 1
    w = -torch.log((1 - x) * (1 + x))
    centre, tail = _polynomial(ERFINV_CENTRE, w - 2.5), _polynomial(ERFINV_TAIL, torch.sqrt(w.clamp(min=5.0)) - 3)
    return math.sqrt(2) * x * torch.where(w < 5, centre, tail)


def _polynomial(coefficients: tuple[float, ...], w: Tensor) -> Tensor:
    value = torch.full_like(w, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * w + coefficient
    return value


_DECOMPOSITIONS = {
    torch.ops.aten.searchsorted.Tensor: _count_below,
    torch.ops.aten.special_ndtri.default: _normal_quantile,
}
