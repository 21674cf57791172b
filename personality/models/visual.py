"""Networks for faces: the thesis's VGG-16 with dense layers, EfficientNet-Lite, and any timm model with attention."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.network import Batch, Needs, Network, make_dense_layers
from personality.models.pooling import AttentionPool
from personality.network_options import PACKAGED_BACKBONE, NetworkDesign

# VGG-Face was trained on BGR pictures in 0..255 minus these means (Parkhi, Vedaldi, Zisserman 2015).
VGG_FACE_MEANS = (93.5940, 104.7624, 129.1863)
VGG_CONVOLUTIONS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")


def _require_face_frames(batch: Batch) -> Tensor:
    if batch.faces is None:
        raise ValueError("the network requires faces: got a batch without faces, expected uint8 (B, T, 3, 224, 224)")
    return batch.faces


class ThesisVisual(Network):
    """VGG-16 to pool5 -> convolution 1x1 512 -> max pool -> Dense 1024, 512, 128, 32 -> 5; mean over the frames.

    The thesis trains on single faces; here the last hidden layer is averaged over the frames of a clip, which is equal
    for one frame.
    """

    def __init__(self, activation: str) -> None:
        super().__init__(32, Needs(frozenset({"faces"})))
        vgg: Any = timm.create_model("vgg16", pretrained=False)
        self.backbone: nn.Sequential = vgg.features
        self.reduce = nn.Sequential(nn.Conv2d(512, 512, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.layers = make_dense_layers((512 * 3 * 3, 1024, 512, 128, 32), activation)

    def features(self, batch: Batch) -> Tensor:
        """pool5 of each frame (B, T, 512, 7, 7)."""
        frames = _require_face_frames(batch)
        bgr = frames.flatten(0, 1).flip(1).float()
        means = torch.tensor(VGG_FACE_MEANS, device=bgr.device).view(3, 1, 1)
        return self.backbone(bgr - means).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 32)."""
        reduced = self.reduce(features.flatten(0, 1)).flatten(1)
        return self.layers(reduced).unflatten(0, features.shape[:2]).mean(1)

    def backbone_tensors(self) -> dict[str, Tensor]:
        """The tensors of the backbone by their names in VGG-Face's PyTorch conversion (`conv1_1.weight`)."""
        layers = [layer for layer in self.backbone if isinstance(layer, nn.Conv2d)]
        named = zip(VGG_CONVOLUTIONS, layers, strict=True)
        return {f"conv{name}.{part}": getattr(layer, part) for name, layer in named for part in ("weight", "bias")}


class CompactVisual(Network):
    """EfficientNet-Lite0 -> mean of its 1280 features over the frames -> Dense 128 -> 5."""

    def __init__(self, activation: str) -> None:
        super().__init__(128, Needs(frozenset({"faces"})))
        backbone: Any = timm.create_model(PACKAGED_BACKBONE, pretrained=False, num_classes=0)
        self.backbone: Any = backbone.to(memory_format=torch.channels_last)  # a third faster on a CPU
        self.layers = nn.Sequential(nn.Dropout(0.3), make_dense_layers((1280, 128), activation, 0.3))

    def features(self, batch: Batch) -> Tensor:
        """Features of the backbone (B, T, 1280)."""
        frames = _require_face_frames(batch)
        pictures = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.backbone(pictures.float() / 127.5 - 1).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 128)."""
        return self.layers(features.mean(1))


class ModernVisual(Network):
    """Any timm model on each frame -> attention over the frames, or their mean -> Dense 128 -> 5."""

    def __init__(self, activation: str, design: NetworkDesign) -> None:
        """Raises ValueError if timm has no model with the design's name; names of timm's hub are not supported."""
        super().__init__(128, Needs(frozenset({"faces"})))
        backbone = _timm_model(design.backbone)
        self.name = design.backbone
        self.backbone: Any = backbone.to(memory_format=torch.channels_last)
        self.mean, self.deviation = backbone.pretrained_cfg["mean"], backbone.pretrained_cfg["std"]
        size = backbone.head_hidden_size
        self.pool = AttentionPool(size) if design.frames == "attention" else None
        self.layers = nn.Sequential(nn.Dropout(0.3), make_dense_layers((size, 128), activation, 0.3))

    def features(self, batch: Batch) -> Tensor:
        """Features of the backbone (B, T, D); D depends on the backbone."""
        frames = _require_face_frames(batch)
        pictures = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last).float() / 255
        mean, deviation = (pictures.new_tensor(v).view(3, 1, 1) for v in (self.mean, self.deviation))
        return self.backbone((pictures - mean) / deviation).unflatten(0, frames.shape[:2])

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 128)."""
        return self.layers(features.mean(1) if self.pool is None else self.pool(features))


def _timm_model(name: str) -> Any:
    """Make a timm model with random weights. Raises ValueError if it does not exist or requires another image size."""
    if not timm.is_model(name):
        raise ValueError(f"timm has no model {name!r}; timm.list_models() lists the valid names")
    try:
        model: Any = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:  # an unknown tag of pretrained weights
        raise ValueError(f"timm has no model {name!r}: {error}") from error
    side = PREPROCESSING.face_size
    if model.pretrained_cfg.get("fixed_input_size") and model.pretrained_cfg["input_size"][1:] != (side, side):
        size = "x".join(map(str, model.pretrained_cfg["input_size"][1:]))
        raise ValueError(f"{name} requires pictures of {size} pixels; faces are {side}x{side}")
    return model
