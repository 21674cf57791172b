"""Networks for sound: the thesis's dense network on raw samples, and convolutions or a transformer on log-mel."""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.network import Batch, Needs, Network, make_dense_layers
from personality.models.pooling import AttentionPool
from personality.network_options import NetworkDesign

MEL_BANDS = 64
MEL_WINDOW_SAMPLES, MEL_HOP_SAMPLES = 512, 320  # samples: 32 ms, every 20 ms
MEL_FRAMES_PER_WINDOW = PREPROCESSING.samples // MEL_HOP_SAMPLES  # frames in a window of 5 s
MEL_POWER_FLOOR = 1e-6  # power added before the logarithm, so that it is finite in silence
NORM_CHANNEL_GROUPS = 8  # groups of channels in group normalisation
LOG_MEL_DEVIATION = 4.0  # approximate standard deviation of the log-mel energies of speech
MAX_MASKED_BANDS, MAX_MASKED_FRAMES, MASKS_PER_WINDOW = (
    8,
    25,
    2,
)  # maximum bands (of 64) and hops (0.5 s) per mask; masks of each kind per 5 s


def _take_audio_samples(batch: Batch, seconds: float = PREPROCESSING.audio_seconds) -> Tensor:
    """The first seconds of sound of each clip, (B, N). Raises ValueError if the batch has less sound."""
    count = round(seconds * PREPROCESSING.sample_rate)
    if batch.audio is None or batch.audio.shape[1] < count:
        got = "without audio" if batch.audio is None else f"of {batch.audio.shape[1]:,} samples of audio"
        raise ValueError(f"the network requires audio: got a batch {got}, expected float32 (B, {count}) or more")
    return batch.audio[:, :count]


class ThesisAudio(Network):
    """Raw samples -> Dense 512, 128, 32 -> 5, as in the thesis, at 80,000 samples (5 s of 16 kHz)."""

    def __init__(self, activation: str) -> None:
        super().__init__(32, Needs(frozenset({"audio"})))
        self.layers = make_dense_layers((PREPROCESSING.samples, 512, 128, 32), activation)

    def features(self, batch: Batch) -> Tensor:
        """Audio samples (B, 80000), unchanged."""
        return _take_audio_samples(batch)

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 32)."""
        return self.layers(features)


class CompactAudio(Network):
    """Log-mel -> three convolutions over time -> mean and deviation over time -> Dense 64 -> 5."""

    unstored_modules = ("mel",)

    def __init__(self, activation: str) -> None:
        super().__init__(64, Needs(frozenset({"audio"})))
        self.mel = _make_mel_transform()
        self.normalise = nn.BatchNorm1d(MEL_BANDS)
        self.convolutions = nn.Sequential(
            _make_conv1d_block(MEL_BANDS, 96, stride=2),
            _make_conv1d_block(96, 96, stride=2),
            _make_conv1d_block(96, 96, stride=1),
        )
        self.layers = nn.Sequential(nn.Dropout(0.3), make_dense_layers((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies (B, 64, 251)."""
        return _compute_log_mel(self.mel, _take_audio_samples(batch))

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 64)."""
        over_time = self.convolutions(self.normalise(features))
        return self.layers(torch.cat([over_time.mean(2), over_time.std(2)], 1))


class ModernAudio(Network):
    """Log-mel -> convolutions, or a small transformer over them -> attentive mean and deviation -> Dense 64 -> 5.

    The loudness of each clip is normalised, because it depends on the distance of the microphone. Frames after the end
    of a clip's sound are ignored, so predictions do not depend on the length of other clips in the batch.
    """

    unstored_modules = ("mel",)

    def __init__(self, activation: str, design: NetworkDesign) -> None:
        super().__init__(64, Needs(frozenset({"audio"}), seconds=design.seconds))
        self.mel = _make_mel_transform()
        self.stem = nn.ModuleList([MaskedConvolution(MEL_BANDS, 96, stride=2), MaskedConvolution(96, 96, stride=2)])
        self.encoder = MaskedConvolution(96, 96, stride=1) if design.encoder == "convolution" else AudioTransformer(96)
        self.pool = AttentionPool(96, spread=True)
        self.layers = nn.Sequential(nn.Dropout(0.3), make_dense_layers((192, 64), activation, 0.2))

    def features(self, batch: Batch) -> Tensor:
        """Log-mel energies, and a last row with 1 for valid frames and 0 after the end: (B, 65, T), T = 251 for 5 s."""
        energies = _compute_log_mel(self.mel, _take_audio_samples(batch, self.needs.seconds))
        return torch.cat([energies, _make_valid_mask(batch, energies.shape[2]).to(energies)], 1)

    def hidden(self, features: Tensor) -> Tensor:
        """The last hidden layer (B, 64)."""
        frames, valid = features[:, :-1], features[:, -1:]
        mean = (frames * valid).sum((1, 2), keepdim=True) / (valid.sum((1, 2), keepdim=True) * MEL_BANDS)
        frames = (frames - mean) / LOG_MEL_DEVIATION
        frames = (mask_spectrogram(frames) if self.training and self.augments else frames) * valid
        for layer in (*self.stem, self.encoder):
            frames, valid = layer(frames, valid)
        return self.layers(self.pool(frames.transpose(1, 2), valid.squeeze(1) > 0))


class MaskedConvolution(nn.Sequential):
    """A convolution over time, normalized over the valid frames of each clip, so that its output is independent of
    padding, of other clips and of the number of processes."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__(
            nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.GroupNorm(NORM_CHANNEL_GROUPS, outputs), nn.ReLU()
        )
        self.stride = stride

    def forward(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Map frames (B, C, T) and their validity (B, 1, T), 0 or 1, to (B, D, T / stride) and (B, 1, T / stride)."""
        convolution, normalise, activate = self
        valid = valid[:, :, :: self.stride]
        return activate(_apply_masked_group_norm(normalise, convolution(frames), valid)) * valid, valid


def _apply_masked_group_norm(normalise: nn.Module, frames: Tensor, valid: Tensor) -> Tensor:
    """Group normalisation (Wu and He 2018) with the mean and variance of the valid frames."""
    assert isinstance(normalise, nn.GroupNorm)
    groups = frames.float().unflatten(1, (normalise.num_groups, -1))
    mask = valid.unsqueeze(1)
    count = mask.sum((2, 3), keepdim=True) * groups.shape[2]
    mean = (groups * mask).sum((2, 3), keepdim=True) / count
    variance = ((groups - mean).square() * mask).sum((2, 3), keepdim=True) / count
    normalised = ((groups - mean) * (variance + normalise.eps).rsqrt()).flatten(1, 2)
    return normalised * normalise.weight[:, None] + normalise.bias[:, None]


class AudioTransformer(nn.Module):
    """Two layers of self-attention over frames, with sinusoidal positions (Vaswani et al. 2017)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(size, 4, 2 * size, dropout=0.2, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, frames: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, C, T) and their validity (B, 1, T), to the same shapes."""
        positioned = frames.transpose(1, 2) + _encode_positions(frames)
        return self.layers(positioned, src_key_padding_mask=valid.squeeze(1) == 0).transpose(1, 2), valid


def _encode_positions(frames: Tensor) -> Tensor:
    """Sinusoidal position encodings (T, C) of frames (B, C, T)."""
    _, size, times = frames.shape
    rates = 1e4 ** (-torch.arange(0, size, 2, device=frames.device) / size)
    angles = torch.arange(times, device=frames.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1).to(frames.dtype)


def mask_spectrogram(energies: Tensor) -> Tensor:
    """Set random bands and intervals of normalised log-mel energies (B, F, T) to 0 (SpecAugment, Park et al. 2019).

    Pitch and tempo are not changed, because impressions of a voice depend on them.
    """
    clips, bands, times = energies.shape
    mask = torch.ones_like(energies)
    windows = max(1, times // MEL_FRAMES_PER_WINDOW)
    for axis, size, maximum, count in (
        (1, bands, MAX_MASKED_BANDS, MASKS_PER_WINDOW),
        (2, times, MAX_MASKED_FRAMES, MASKS_PER_WINDOW * windows),
    ):
        for _ in range(count):
            width = torch.rand(clips, 1, device=energies.device) * maximum
            start = torch.rand(clips, 1, device=energies.device) * (size - width)
            place = torch.arange(size, device=energies.device)
            mask = mask * ~((place >= start) & (place < start + width)).unsqueeze(3 - axis)
    return energies * mask


def _make_mel_transform() -> nn.Module:
    with torch.device("cpu"):  # torchaudio reads the values of its filters, which meta tensors do not have
        return torchaudio.transforms.MelSpectrogram(
            PREPROCESSING.sample_rate, MEL_WINDOW_SAMPLES, hop_length=MEL_HOP_SAMPLES, n_mels=MEL_BANDS, f_min=40.0
        )


def _compute_log_mel(mel: nn.Module, samples: Tensor) -> Tensor:
    with torch.autocast(samples.device.type, enabled=False):  # energies exceed the range of half precision
        return torch.log(mel(samples) + MEL_POWER_FLOOR)


def _make_valid_mask(batch: Batch, times: int) -> Tensor:
    """Whether each of the first `times` frames of a clip is valid, bool (B, 1, T); the first frame always is."""
    if batch.sound_lengths is None:
        return torch.ones(len(batch), 1, times, dtype=torch.bool)
    starts = torch.arange(times, device=batch.sound_lengths.device) * MEL_HOP_SAMPLES
    return starts <= batch.sound_lengths[:, None, None]


def _make_conv1d_block(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inputs, outputs, 5, stride, padding=2), nn.BatchNorm1d(outputs), nn.ReLU())
