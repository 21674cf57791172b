"""Ekman's six basic emotions and neutral, read from one face by an AlexNet of our own training."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

FLAT = 0.02  # added to a picture's deviation, so that an empty one stays finite
INPUT_SIZE = 48  # pixels; the side of FER-2013's pictures, on which the network is trained
WEIGHTS = Path(__file__).parents[1] / "assets" / "emotion" / "model.safetensors"
# The crops of `faces.py` keep some background; FER-2013's pictures hold the face alone. This part of a crop,
# as shares of its side (top, bottom, left, right), puts eyes and chin where FER-2013 has them.
WINDOW = (0.02, 0.90, 0.06, 0.94)


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
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
            _convolution(1, 64, 5),
            nn.MaxPool2d(2),
            _convolution(64, 128, 3),
            nn.MaxPool2d(2),
            _convolution(128, 256, 3),
            _convolution(256, 256, 3),
            _convolution(256, 256, 3),
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
        return self.dense(self.convolutions(standardise(pictures)))


def standardise(pictures: Tensor) -> Tensor:
    """Each picture (B, 1, S, S) with mean 0 and deviation 0.5, whatever its light and contrast."""
    deviation, mean = torch.std_mean(pictures, (1, 2, 3), keepdim=True)
    return (pictures - mean) / (deviation + FLAT) * 0.5


def both_sides(network: nn.Module, pictures: Tensor) -> Tensor:
    """Confidences (2, B, 7) in pictures (B, 1, S, S) and in their mirror images."""
    return network(torch.cat([pictures, pictures.flip(3)])).softmax(1).unflatten(0, (2, -1))


def mirrored_confidences(network: nn.Module, pictures: Tensor) -> Tensor:
    """Confidences (B, 7): the mean over each picture (B, 1, S, S) and its mirror image."""
    return both_sides(network, pictures).mean(0)


@lru_cache(maxsize=1)
def load_emotion_network() -> EmotionNetwork:
    """The shipped network, ready for inference. Raises FileNotFoundError where its weights are missing."""
    if not WEIGHTS.exists():
        raise FileNotFoundError(f"no emotion weights at {WEIGHTS}; make them with `python -m training emotion FER2013`")
    network = EmotionNetwork()
    load_emotion_weights(network, WEIGHTS)
    # A third faster on a CPU.
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_emotion_weights(network: EmotionNetwork, path: Path) -> None:
    """Put half-precision weights into a network."""
    network.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in load_file(path).items()})


def emotion_confidences(faces: np.ndarray) -> np.ndarray:
    """Confidence in each emotion, float32 (K, 7), rows summing to 1, for crops uint8 (K, 224, 224, 3) RGB."""
    if len(faces) == 0:
        return np.zeros((0, 7), np.float32)
    pictures = torch.from_numpy(np.stack([_grey(face) for face in faces]))[:, None].float() / 255
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return mirrored_confidences(load_emotion_network(), pictures).numpy()


def _grey(face: np.ndarray) -> np.ndarray:
    top, bottom, left, right = (round(len(face) * share) for share in WINDOW)
    inner = cv2.cvtColor(face[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    return cv2.resize(inner, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
