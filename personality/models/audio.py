"""Sound to traits: the thesis's dense network on raw samples, and convolutions or a transformer on log-mel."""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.network import Batch, Needs, Network, dense
from personality.models.pooling import AttentionPool
from personality.network_options import Design

MEL_BANDS = 64
MEL_WINDOW, MEL_HOP = 512, 320  # samples: 32 ms, every 20 ms
MOMENTS = PREPROCESSING.samples // MEL_HOP  # of a window of 5 s
MEL_FLOOR = 1e-6  # power added before the logarithm, so that silence is finite
GROUPS = 8  # of channels that are normalised together
MEL_SPREAD = 4.0  # deviation of log-mel energies of speech, about
HIDDEN_BANDS, HIDDEN_TIMES, HOLES = 8, 25, 2  # most bands (of 64) and hops (0.5 s) of a hole; how many of each in 5 s


def _samples(batch: Batch, seconds: float = PREPROCESSING.audio_seconds) -> Tensor:
    """The first seconds of each clip's sound."""
    count = round(seconds * PREPROCESSING.sample_rate)
    if batch.audio is None or batch.audio.shape[1] < count:
        got = "without audio" if batch.audio is None else f"of {batch.audio.shape[1]:,} samples of audio"
        raise ValueError(f"a network for sound got a batch {got}; wanted float32 (B, {count}) or more")
    return batch.audio[:, :count]


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
        return _log_mel(self.mel, _samples(batch))

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 64)."""
        over_time = self.convolutions(self.normalise(features))
        return self.layers(torch.cat([over_time.mean(2), over_time.std(2)], 1))


class ModernAudio(Network):
    """Log-mel -> convolutions, or a small transformer over them -> attentive mean and deviation -> Dense 64 -> 5.

    Each clip is heard at one loudness: how near the microphone was is nothing of the person. Moments after a clip's
    sound has ended count for nothing, so how much longer others are changes nothing.
    """

    def __init__(self, activation: str, design: Design) -> None:
        super().__init__(64, Needs(frozenset({"audio"}), seconds=design.seconds))
        self.mel = _mel()
        self.stem = nn.ModuleList([HeardConvolution(MEL_BANDS, 96, stride=2), HeardConvolution(96, 96, stride=2)])
        self.encoder = HeardConvolution(96, 96, stride=1) if design.encoder == "convolution" else Transformer(96)
        self.pool = AttentionPool(96, spread=True)
        self.layers = nn.Sequential(nn.Dropout(0.3), dense((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies, then one row of whether each moment was heard, 0 or 1: (B, 65, T), T = 251 for 5 s."""
        energies = _log_mel(self.mel, _samples(batch, self.needs.seconds))
        return torch.cat([energies, _heard(batch, energies.shape[2]).to(energies)], 1)

    def hidden(self, features: Tensor) -> Tensor:
        """(B, 64)."""
        moments, heard = features[:, :-1], features[:, -1:]
        mean = (moments * heard).sum((1, 2), keepdim=True) / (heard.sum((1, 2), keepdim=True) * MEL_BANDS)
        moments = (moments - mean) / MEL_SPREAD
        moments = (with_holes(moments) if self.training and self.augments else moments) * heard
        for layer in (*self.stem, self.encoder):
            moments, heard = layer(moments, heard)
        return self.layers(self.pool(moments.transpose(1, 2), heard.squeeze(1) > 0))


class HeardConvolution(nn.Sequential):
    """A convolution over the moments of a sound, normalised over those that were heard of one clip: the same in one
    process and in many, and whatever silence follows."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.GroupNorm(GROUPS, outputs), nn.ReLU())
        self.stride = stride

    def forward(self, moments: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Moments (B, C, T), 0 where heard (B, 1, T) is, to (B, D, T / stride) and what is heard of them."""
        convolution, normalise, activate = self
        heard = heard[:, :, :: self.stride]
        return activate(_over_heard(normalise, convolution(moments), heard)) * heard, heard


def _over_heard(normalise: nn.Module, moments: Tensor, heard: Tensor) -> Tensor:
    """What the group normalisation does (Wu and He 2018), with mean and variance of the moments that were heard."""
    assert isinstance(normalise, nn.GroupNorm)
    groups = moments.float().unflatten(1, (normalise.num_groups, -1))
    there = heard.unsqueeze(1)
    count = there.sum((2, 3), keepdim=True) * groups.shape[2]
    mean = (groups * there).sum((2, 3), keepdim=True) / count
    variance = ((groups - mean).square() * there).sum((2, 3), keepdim=True) / count
    even = ((groups - mean) * (variance + normalise.eps).rsqrt()).flatten(1, 2)
    return even * normalise.weight[:, None] + normalise.bias[:, None]


class Transformer(nn.Module):
    """Two layers of self-attention over moments, with their place in time as sines (Vaswani et al. 2017)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(size, 4, 2 * size, dropout=0.2, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, moments: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Moments (B, C, T) and whether each was heard (B, 1, T), to the same."""
        placed = moments.transpose(1, 2) + _places(moments)
        return self.layers(placed, src_key_padding_mask=heard.squeeze(1) == 0).transpose(1, 2), heard


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
    windows = max(1, times // MOMENTS)
    for axis, size, most, count in ((1, bands, HIDDEN_BANDS, HOLES), (2, times, HIDDEN_TIMES, HOLES * windows)):
        for _ in range(count):
            width = torch.rand(clips, 1, device=energies.device) * most
            start = torch.rand(clips, 1, device=energies.device) * (size - width)
            place = torch.arange(size, device=energies.device)
            kept = kept * ~((place >= start) & (place < start + width)).unsqueeze(3 - axis)
    return energies * kept


def _mel() -> nn.Module:
    with torch.device("cpu"):  # torchaudio reads its filters, which tensors on the meta device cannot tell
        return torchaudio.transforms.MelSpectrogram(
            PREPROCESSING.sample_rate, MEL_WINDOW, hop_length=MEL_HOP, n_mels=MEL_BANDS, f_min=40.0
        )


def _log_mel(mel: nn.Module, samples: Tensor) -> Tensor:
    with torch.autocast(samples.device.type, enabled=False):  # half precision does not hold energies
        return torch.log(mel(samples) + MEL_FLOOR)


def _heard(batch: Batch, times: int) -> Tensor:
    """Which of a clip's first `times` moments were heard, bool (B, 1, T); the first always counts as heard."""
    if batch.heard is None:
        return torch.ones(len(batch), 1, times, dtype=torch.bool)
    starts = torch.arange(times, device=batch.heard.device) * MEL_HOP
    return starts <= batch.heard[:, None, None]


def _convolution(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.BatchNorm1d(outputs), nn.ReLU())
