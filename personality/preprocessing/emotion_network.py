"""The AlexNet that reads an emotion from one face, and how it is asked."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

CONTRAST_EPSILON = 0.02  # added to a picture's deviation, so that an empty one stays finite


def _make_conv2d_block(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class EmotionNetwork(nn.Module):
    """AlexNet's plan (five convolutions, three dense layers) at 48x48 grey, with batch normalisation.

    Source of the plan: Krizhevsky, Sutskever, Hinton 2012; strides are replaced by pooling because the
    picture is small. 2.9 million parameters.
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
        """Logits (B, 7) in the order of `traits.EMOTIONS` for grey pictures (B, 1, 48, 48) in [0, 1]."""
        return self.dense(self.convolutions(standardise_pictures(pictures)))


def standardise_pictures(pictures: Tensor) -> Tensor:
    """Each picture (B, 1, S, S) with mean 0 and deviation 0.5, whatever its light and contrast."""
    deviation, mean = torch.std_mean(pictures, (1, 2, 3), keepdim=True)
    return (pictures - mean) / (deviation + CONTRAST_EPSILON) * 0.5


def predict_picture_and_mirror(network: nn.Module, pictures: Tensor) -> Tensor:
    """Confidences (2, B, 7) in pictures (B, 1, S, S) and in their mirror images."""
    return network(torch.cat([pictures, pictures.flip(3)])).softmax(1).unflatten(0, (2, -1))


def predict_mirror_averaged(network: nn.Module, pictures: Tensor) -> Tensor:
    """Confidences (B, 7): the mean over each picture (B, 1, S, S) and its mirror image."""
    return predict_picture_and_mirror(network, pictures).mean(0)


def load_emotion_weights(network: EmotionNetwork, path: Path) -> None:
    """Put half-precision weights into a network."""
    network.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in load_file(path).items()})
