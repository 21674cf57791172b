"""The network for face impressions: EfficientNet-Lite0 on one face, then one linear layer."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from personality.models.tracing import random_pictures, trace_module
from personality.models.visual import CompactVisual

FACE_RATER_FEATURES = 1280  # features of the backbone per face
FROZEN_BLOCK_GROUPS = 3  # of seven groups of blocks in the backbone; the first ones keep their ImageNet weights
FACE_RATER_DROPOUT = 0.2
FACE_RATER_BATCH_FACES = 16  # faces per batch in training
RATED_BATCH_FACES = (
    2  # faces per batch in inference: the maps of more do not fit into a cache, and take 1.6 times as long
)
SOFTENED_FACE_PIXELS = 112  # pixels, side


class FaceRater(nn.Module):
    """A network that predicts A ratings of a face. Training does not change `compute_fixed_maps`."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.visual = CompactVisual("relu")
        del self.visual.layers, self.visual.output  # the layers for five traits are not used
        self.dropout = nn.Dropout(FACE_RATER_DROPOUT)
        self.output = nn.Linear(FACE_RATER_FEATURES, attributes)
        self.traced: nn.Module | None = None  # this network, traced by `trace`

    def forward(self, faces: Tensor) -> Tensor:
        """Ratings (B, A) of faces uint8 (B, 3, 224, 224) RGB."""
        return self.rate_fixed_maps(self.compute_fixed_maps(faces))

    def compute_fixed_maps(self, faces: Tensor) -> Tensor:
        """The fixed feature maps float32 (B, 40, 28, 28) of faces uint8 (B, 3, 224, 224) RGB."""
        backbone = self.visual.backbone
        pictures = faces.contiguous(memory_format=torch.channels_last).float() / 127.5 - 1
        return backbone.blocks[:FROZEN_BLOCK_GROUPS](backbone.bn1(backbone.conv_stem(pictures)))

    def rate_fixed_maps(self, maps: Tensor) -> Tensor:
        """Ratings (B, A) from the fixed feature maps."""
        return self.output(self.dropout(self.features(maps)))

    def features(self, maps: Tensor) -> Tensor:
        """The pooled features (B, 1280) from the fixed feature maps."""
        backbone = self.visual.backbone
        return backbone.global_pool(backbone.bn2(backbone.conv_head(backbone.blocks[FROZEN_BLOCK_GROUPS:](maps))))

    def trace(self) -> None:
        """Let `rate` use a traced network, which does not occupy Python's interpreter lock."""
        if self.traced is None:
            self.traced = trace_module(self, (255 * random_pictures()).to(torch.uint8))

    @torch.inference_mode()
    def rate(self, faces: np.ndarray) -> np.ndarray:
        """Rate faces uint8 (K, 224, 224, 3) RGB, as float32 (K, A): the mean over each face and its softened mirror
        image, so that the direction and the sharpness of a picture have little effect."""
        network = self if self.traced is None else self.traced
        parts = (faces[start : start + RATED_BATCH_FACES] for start in range(0, len(faces), RATED_BATCH_FACES))
        both = [
            (network(faces_to_tensor(part)), network(faces_to_tensor(soften_faces(part)[:, :, ::-1]))) for part in parts
        ]
        return np.concatenate([((one + mirrored) / 2).numpy() for one, mirrored in both])


def soften_faces(faces: np.ndarray) -> np.ndarray:
    """Reduce faces uint8 (K, S, S, 3) to SOFTENED_FACE_PIXELS and enlarge them again, as if from a small video."""
    side = faces.shape[1]
    small = [
        cv2.resize(face, (SOFTENED_FACE_PIXELS, SOFTENED_FACE_PIXELS), interpolation=cv2.INTER_AREA) for face in faces
    ]
    return np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR) for face in small])


def faces_to_tensor(faces: np.ndarray) -> Tensor:
    """Convert faces uint8 (K, S, S, 3) to a tensor (K, 3, S, S)."""
    return torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2)
