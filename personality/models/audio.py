"""Sound to traits: the thesis's dense network on raw samples, and convolutions or a transformer on log-mel."""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.design import Design
from personality.models.network import Batch, Needs, Network, dense
from personality.models.pooling import AttentionPool

MEL_BANDS = 64
MEL_WINDOW, MEL_HOP = 512, 320  # samples: 32 ms, every 20 ms
MEL_FLOOR = 1e-6  # power added before the logarithm, so that silence is finite
MEL_SPREAD = 4.0  # deviation of log-mel energies of speech, about
HIDDEN_BANDS, HIDDEN_TIMES, HOLES = 8, 25, 2  # most bands (of 64) and hops (0.5 s) of a hole, and how many of each


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
        self.mel = _mel()
        self.normalise = nn.BatchNorm1d(MEL_BANDS)
        self.convolutions = nn.Sequential(
            _convolution(MEL_BANDS, 96, stride=2), _convolution(96, 96, stride=2), _convolution(96, 96, stride=1)
        )
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies (B, 64, 251)."""
        return _log_mel(self.mel, batch)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 64)."""
        over_time = self.convolutions(self.normalise(features))
        return self.layers(torch.cat([over_time.mean(2), over_time.std(2)], 1))


class ModernAudio(Network):
    """Log-mel -> convolutions, or a small transformer over them -> attentive mean and deviation -> Dense 64 -> 5.

    Each clip is heard at one loudness: how near the microphone was is nothing of the person.
    """

    def __init__(self, activation: str, design: Design) -> None:
        super().__init__(64, Needs(frozenset({"audio"})))
        self.mel = _mel()
        self.stem = nn.Sequential(_grouped(MEL_BANDS, 96, stride=2), _grouped(96, 96, stride=2))
        self.encoder = _grouped(96, 96, stride=1) if design.encoder == "convolution" else Transformer(96)
        self.pool = AttentionPool(96, spread=True)
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies (B, 64, 251)."""
        return _log_mel(self.mel, batch)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 64)."""
        level = (features - features.mean((1, 2), keepdim=True)) / MEL_SPREAD
        heard = with_holes(level) if self.training and self.augments else level
        return self.layers(self.pool(self.encoder(self.stem(heard)).transpose(1, 2)))


class Transformer(nn.Module):
    """Two layers of self-attention over moments, with their place in time as sines (Vaswani et al. 2017)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(size, 4, 2 * size, dropout=0.2, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, moments: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        return self.layers(moments.transpose(1, 2) + _places(moments)).transpose(1, 2)


def _places(moments: Tensor) -> Tensor:
    """Sines and cosines (T, C) that tell the moments (B, C, T) apart."""
    _, size, times = moments.shape
    rates = 1e4 ** (-torch.arange(0, size, 2, device=moments.device) / size)
    angles = torch.arange(times, device=moments.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1).to(moments.dtype)


def with_holes(energies: Tensor) -> Tensor:
    """Log-mel energies (B, F, T) around 0 with some bands and some stretches of time at 0 (Park et al. 2019).

    Pitch and tempo stay: they are of what a voice is judged by.
    """
    clips, bands, times = energies.shape
    kept = torch.ones_like(energies)
    for axis, size, most in ((1, bands, HIDDEN_BANDS), (2, times, HIDDEN_TIMES)):
        for _ in range(HOLES):
            width = torch.rand(clips, 1, device=energies.device) * most
            start = torch.rand(clips, 1, device=energies.device) * (size - width)
            place = torch.arange(size, device=energies.device)
            kept = kept * ~((place >= start) & (place < start + width)).unsqueeze(3 - axis)
    return energies * kept


def _mel() -> nn.Module:
    return torchaudio.transforms.MelSpectrogram(
        PREPROCESSING.sample_rate, MEL_WINDOW, hop_length=MEL_HOP, n_mels=MEL_BANDS, f_min=40.0
    )


def _log_mel(mel: nn.Module, batch: Batch) -> Tensor:
    samples = _samples(batch)
    with torch.autocast(samples.device.type, enabled=False):  # half precision does not hold energies
        return torch.log(mel(samples) + MEL_FLOOR)


def _grouped(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    """A convolution whose normalisation asks no other clip: the same in one process and in many."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.GroupNorm(8, outputs), nn.ReLU())


def _convolution(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.BatchNorm1d(outputs), nn.ReLU())
