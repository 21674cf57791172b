"""The network of team evolgen for the ECCV 2016 challenge: sound and faces in six parts of a clip, then an LSTM.

Subramaniam, Patel, Mishra, Balasubramanian, Mittal (2016), Bi-modal First Impressions Recognition using Temporally
Ordered Deep Audio and Stochastic Visual Features, ECCV 2016 Workshops. The weights are distributed by the authors;
`personality convert evolgen` converts the downloaded file to a checkpoint.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from personality.constants import PREPROCESSING
from personality.models.network import Batch, Needs, Network
from personality.models.short_term_sound import (
    SHORT_TERM_COUNT,
    SHORT_TERM_RATE,
    SHORT_TERM_WINDOW,
    short_term_descriptors,
)

EVOLGEN_PRESET = "evolgen"
EVOLGEN_TABLE = "evolgen_sound"  # name of the table of descriptors that are computed from a clip's sound
EVOLGEN_PARTS = 6
EVOLGEN_PART_DIVISOR = 5.5  # a part of the sound lasts 1/5.5 of the clip, so the sixth is shorter
EVOLGEN_COLUMNS = tuple(
    f"part {part + 1}/{figure} {number + 1}"
    for part in range(EVOLGEN_PARTS)
    for figure in ("mean", "deviation")
    for number in range(SHORT_TERM_COUNT)
)
EVOLGEN_FACE_SIDE = 112  # pixels
# Scale, and shift in pixels, from this project's crops to OpenFace's alignment, which the network was trained on. They
# are medians over 160 portraits of the similarity transform between the two sets of 68 landmarks (deviation 5 %,
# 3 pixels).
EVOLGEN_FACE_SCALE, EVOLGEN_FACE_SHIFT = 0.5573, (-5.409, -8.806)

_LAYERS = ("sound", "face", "output", *(f"convolutions.{number}" for number in range(3)))


def compute_evolgen_sound(sound: np.ndarray) -> np.ndarray | None:
    """Compute descriptors of six parts of a clip's sound.

    Parameters
    ----------
    sound : numpy.ndarray
        float32 (N,), mono, at the rate of PREPROCESSING.

    Returns
    -------
    numpy.ndarray or None
        float32 (408,) in the order of EVOLGEN_COLUMNS: per part, mean and standard deviation of 34 short-term
        descriptors. None if the sound is too short for six parts.
    """
    from scipy.signal import resample_poly  # imported when used: takes most of a second

    divisor = np.gcd(SHORT_TERM_RATE, PREPROCESSING.sample_rate)
    resampled = resample_poly(sound.astype(float), SHORT_TERM_RATE // divisor, PREPROCESSING.sample_rate // divisor)
    frames = short_term_descriptors(resampled)
    part_seconds = len(sound) / PREPROCESSING.sample_rate / EVOLGEN_PART_DIVISOR
    part_frames = round(part_seconds * SHORT_TERM_RATE / SHORT_TERM_WINDOW)
    starts = range(0, frames.shape[1], max(part_frames, 1))[:EVOLGEN_PARTS]
    parts = [frames[:, start : start + part_frames] for start in starts]
    if len(parts) < EVOLGEN_PARTS:
        return None
    return np.concatenate([np.concatenate([part.mean(1), part.std(1)]) for part in parts]).astype(np.float32)


class EvolgenNetwork(Network):
    """Five traits from faces, uint8 (B, T, 3, 224, 224), and sound descriptors, (B, 408): the mean over six parts."""

    # All weights keep full precision, so that a converted model makes the same predictions as the published one.
    full_precision_buffers = (
        *(f"{layer}.{kind}" for layer in _LAYERS for kind in ("weight", "bias")),
        *(f"lstm.{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    )

    def __init__(self) -> None:
        needs = Needs(frozenset({"faces"}), frozenset({(EVOLGEN_TABLE, EVOLGEN_COLUMNS)}))
        super().__init__(128, needs)
        self.sound = nn.Linear(2 * SHORT_TERM_COUNT, 32)
        self.convolutions = nn.ModuleList([nn.Conv2d(3, 16, 5), nn.Conv2d(16, 16, 7), nn.Conv2d(16, 16, 9)])
        self.face = nn.Linear(1024, 128)
        self.lstm = nn.LSTM(160, 128, batch_first=True)

    def features(self, batch: Batch) -> Tensor:
        """Features of sound (32) and face (128) of each part, float32 (B, 6, 160)."""
        assert batch.faces is not None
        sound = self.sound(batch.tables[EVOLGEN_TABLE].unflatten(1, (EVOLGEN_PARTS, -1)))
        middles = (torch.arange(EVOLGEN_PARTS) + 0.5) / EVOLGEN_PARTS * batch.faces.shape[1]
        faces = align_to_openface(batch.faces[:, middles.long()].flatten(0, 1).float() / 255)
        for convolution in self.convolutions:
            faces = functional.max_pool2d(functional.relu(convolution(faces)), 2)
        face = functional.relu(self.face(faces.flatten(1)))
        return torch.cat([sound, face.unflatten(0, (-1, EVOLGEN_PARTS))], 2)

    def hidden(self, features: Tensor) -> Tensor:
        """The LSTM's state after each part, float32 (B, 6, 128)."""
        return self.lstm(features)[0]

    def _predict_traits(self, hidden: Tensor) -> Tensor:
        return torch.sigmoid(self.output(hidden)).mean(1)


def align_to_openface(crops: Tensor) -> Tensor:
    """Resample crops, float32 (N, 3, 224, 224), to OpenFace's alignment, float32 (N, 3, 112, 112)."""
    side, shift = crops.shape[-1], torch.tensor(EVOLGEN_FACE_SHIFT, device=crops.device)
    pixels = torch.arange(EVOLGEN_FACE_SIDE, device=crops.device, dtype=crops.dtype)
    target = torch.stack(torch.meshgrid(pixels, pixels, indexing="xy"), -1)
    source = (target - shift) / EVOLGEN_FACE_SCALE
    grid = (2 * source / (side - 1) - 1).expand(len(crops), -1, -1, -1)
    return functional.grid_sample(crops, grid, align_corners=True, padding_mode="zeros")
