"""Augment voice descriptors by simulated microphones: random equalizers and gains.

An equalizer adds its curve to the mean log mel energies. Their cosine transform, the MFCCs, can therefore be modified
without the sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MFCC_MEL_BANDS = 128  # mel bands from which the MFCCs are computed
MFCC_COUNT = 20
# Natural logarithm of the relative change per dB of the equalizers cos(pi u), cos(2 pi u) and cos(3 pi u), u in [0, 1]
# along the mel axis; measured as means over three clips of First Impressions with equalized sound.
LOG_CHANGE_PER_DB = {
    "rmse": (0.08, 0.05, 0.03),
    "spectral_centroid": (-0.065, 0.0, -0.015),
    "spectral_bandwidth": (-0.035, 0.025, -0.015),
    "rolloff": (-0.063, 0.01, -0.01),
    "zero_crossing_rate": (-0.08, -0.045, -0.025),
}


@dataclass(frozen=True)
class MicrophoneVariation:
    """Distribution of microphones. equaliser: standard deviation in dB of the first cosine of the equalizer's curve
    (1/k of it for the k-th); gain: largest absolute change of loudness in dB."""

    equaliser: float
    gain: float


def augment_microphone(
    descriptors: Tensor, columns: Sequence[str], microphones: MicrophoneVariation, random: torch.Generator
) -> Tensor:
    """Simulate the descriptors of the same voices recorded by other microphones.

    Parameters
    ----------
    descriptors : Tensor, float32, shape (N, 26)
        Voice descriptors.
    columns : sequence of str
        Names of the descriptors.
    microphones : MicrophoneVariation
        Distribution of the equalizer and the gain, which are sampled for each row.
    random : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor, float32, shape (N, 26)
        Voice descriptors in the same order.
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
