"""The AlexNet that classifies the emotion of a face, and its inference."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

CONTRAST_EPSILON = 0.02  # added to a picture's standard deviation, so that a uniform picture stays finite


def _make_conv2d_block(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class EmotionNetwork(nn.Module):
    """AlexNet (five convolutions, three dense layers) for 48x48 gray pictures, with batch normalization.

    Architecture by Krizhevsky, Sutskever and Hinton (2012); pooling replaces the strides because the pictures are
    small. 2.9 million parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _make_conv2d_block(1, 64, 5),
            nn.MaxPool2d(2),
            _make_conv2d_block(64, 128, 3),
            nn.MaxPool2d(2),
            _make_conv2d_block(128, 256, 3),
            _make_conv2d_block(256, 256, 3),
            _make_conv2d_block(256, 256, 3),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(3),
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(256 * 9, 512),
            nn.ReLU(inplace=True),
            nn.Dropout(0.25),
            nn.Linear(512, 256),
            nn.ReLU(inplace=True),
            nn.Linear(256, 7),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute logits, (B, 7) in the order of `traits.EMOTIONS`, for gray pictures, (B, 1, 48, 48) in [0, 1]."""
        return self.dense(self.convolutions(standardise_pictures(pictures)))


def standardise_pictures(pictures: Tensor) -> Tensor:
    """Scale each picture, (B, 1, S, S), to mean 0 and standard deviation 0.5, to remove brightness and contrast."""
    deviation, mean = torch.std_mean(pictures, (1, 2, 3), keepdim=True)
    return (pictures - mean) / (deviation + CONTRAST_EPSILON) * 0.5


def predict_picture_and_mirror(network: nn.Module, pictures: Tensor) -> Tensor:
    """Compute confidences, (2, B, 7), for pictures, (B, 1, S, S), and for their mirror images."""
    return network(torch.cat([pictures, pictures.flip(3)])).softmax(1).unflatten(0, (2, -1))


def predict_mirror_averaged(network: nn.Module, pictures: Tensor) -> Tensor:
    """Compute confidences, (B, 7), as the mean over each picture, (B, 1, S, S), and its mirror image."""
    return predict_picture_and_mirror(network, pictures).mean(0)


def load_emotion_weights(network: EmotionNetwork, path: Path) -> None:
    """Load half-precision weights from `path` into the network."""
    network.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in load_file(path).items()})
