"""The same voice through another microphone: random equalisers and gains, applied to voice descriptors.

A mean over frames of log mel energies moves by the equaliser itself, so its cosine transform, the MFCCs, can be moved
without the sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MFCC_MEL_BANDS = 128  # of the MFCCs
MFCC_COUNT = 20
# Natural log of the change per dB of the equalisers cos(pi u), cos(2 pi u) and cos(3 pi u), u in [0, 1] along the mel
# axis: means over three clips of First Impressions, whose sound was equalised.
LOG_CHANGE_PER_DB = {
    "rmse": (0.08, 0.05, 0.03),
    "spectral_centroid": (-0.065, 0.0, -0.015),
    "spectral_bandwidth": (-0.035, 0.025, -0.015),
    "rolloff": (-0.063, 0.01, -0.01),
    "zero_crossing_rate": (-0.08, -0.045, -0.025),
}


@dataclass(frozen=True)
class MicrophoneVariation:
    """equaliser: standard deviation in dB of the slowest cosine of its curve, the k-th has 1/k of it; gain: largest
    change of loudness in dB, either way."""

    equaliser: float
    gain: float


def augment_microphone(
    descriptors: Tensor, columns: Sequence[str], microphones: MicrophoneVariation, random: torch.Generator
) -> Tensor:
    """Descriptors of the same voices as other microphones would record them.

    Parameters
    ----------
    descriptors : Tensor, float32, shape (N, 26)
        Voice descriptors.
    columns : sequence of str
        Their names.
    microphones : Microphones
        How different they are; each row gets its own equaliser and gain.
    random : torch.Generator
        Draws them.

    Returns
    -------
    Tensor, float32, shape (N, 26)
    """
    place = {name: number for number, name in enumerate(columns)}
    count = len(descriptors)
    cosines = torch.arange(1, MFCC_COUNT)
    curves = torch.randn(count, len(cosines), generator=random) * microphones.equaliser / cosines  # dB
    gains = (torch.rand(count, generator=random) * 2 - 1) * microphones.gain  # dB
    varied = descriptors.clone()
    varied[:, [place[f"mfcc{number}"] for number in range(2, MFCC_COUNT + 1)]] += math.sqrt(MFCC_MEL_BANDS / 2) * curves
    varied[:, place["mfcc1"]] += math.sqrt(MFCC_MEL_BANDS) * gains
    spectral = [place[name] for name in LOG_CHANGE_PER_DB]
    varied[:, spectral] *= torch.exp(curves[:, :3] @ torch.tensor(list(LOG_CHANGE_PER_DB.values())).T)
    varied[:, place["rmse"]] *= 10 ** (gains / 20)
    return varied
