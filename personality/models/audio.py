"""Sound to traits: the thesis's dense network on raw samples, and a small convolutional one on log-mel."""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.network import Batch, Needs, Network, dense

MEL_BANDS = 64
MEL_WINDOW, MEL_HOP = 512, 320  # samples: 32 ms, every 20 ms
MEL_FLOOR = 1e-6  # power added before the logarithm, so that silence is finite


def _samples(batch: Batch) -> Tensor:
    if batch.audio is None:
        raise ValueError("a network for sound got a batch without audio; wanted float32 (B, 80000)")
    return batch.audio


class ThesisAudio(Network):
    """Raw samples -> Dense 512, 128, 32 -> 5, as in the thesis, at 80,000 samples (5 s of 16 kHz)."""

    def __init__(self, activation: str) -> None:
        super().__init__(32, Needs(frozenset({"audio"})))
        self.layers = dense((PREPROCESSING.samples, 512, 128, 32), activation)

    def features(self, batch: Batch) -> Tensor:
        """The samples themselves (B, 80000)."""
        return _samples(batch)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 32)."""
        return self.layers(features)


class CompactAudio(Network):
    """Log-mel -> three convolutions over time -> mean and deviation over time -> Dense 64 -> 5."""

    def __init__(self, activation: str) -> None:
        super().__init__(64, Needs(frozenset({"audio"})))
        self.mel = torchaudio.transforms.MelSpectrogram(
            PREPROCESSING.sample_rate, MEL_WINDOW, hop_length=MEL_HOP, n_mels=MEL_BANDS, f_min=40.0
        )
        self.normalise = nn.BatchNorm1d(MEL_BANDS)
        self.convolutions = nn.Sequential(
            _convolution(MEL_BANDS, 96, stride=2), _convolution(96, 96, stride=2), _convolution(96, 96, stride=1)
        )
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies (B, 64, 251)."""
        return torch.log(self.mel(_samples(batch)) + MEL_FLOOR)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 64)."""
        over_time = self.convolutions(self.normalise(features))
        return self.layers(torch.cat([over_time.mean(2), over_time.std(2)], 1))


def _convolution(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.BatchNorm1d(outputs), nn.ReLU())
