"""Tone mapping: convert pictures of high dynamic range (PQ, HLG) to standard range."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

REFERENCE_WHITE_NITS = 203.0  # cd/m2 of diffuse white (ITU-R BT.2408); mapped to about .9 of the output's white
HLG_PEAK_NITS = 1000.0  # cd/m2; nominal peak at which HLG's system gamma is 1.2 (ITU-R BT.2100)
HLG_SYSTEM_GAMMA = 1.2
SHOULDER_START = 0.8  # share of reference white; darker light is unchanged, brighter light is compressed
OUTPUT_GAMMA = 2.4  # gamma of the standard-range display (ITU-R BT.1886)
CODE_BITS = 12  # bits; index of the lookup tables
_CODES = np.arange(2**CODE_BITS) / (2**CODE_BITS - 1)

# Matrix from linear light with BT.2020 primaries to BT.709 primaries (ITU-R BT.2087), rows R, G, B.
BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)

PQ, HLG = 16, 18  # transfer characteristics; numbers of ITU-T H.273


def is_high_dynamic_range(transfer: int) -> bool:
    """Return whether pictures with these transfer characteristics (ITU-T H.273) require tone mapping."""
    return transfer in _DECODERS


def tone_map(picture: np.ndarray, transfer: int) -> np.ndarray:
    """Convert a picture of high dynamic range to standard range.

    Parameters
    ----------
    picture : numpy.ndarray
        uint16 (H, W, 3), full-range R'G'B' with BT.2020 primaries.
    transfer : int
        `PQ` or `HLG`.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3) RGB for a BT.709 display.

    Notes
    -----
    Light up to .8 of diffuse white is unchanged, so faces look like in a standard recording. Above, each component x
    becomes .8 + .2 y / (1 + y) with y = (x - .8) / .2, which is smooth and never clipped.

    References
    ----------
    ITU-R BT.2100-2 for the transfer functions, BT.2408-7 for diffuse white at 203 cd/m2.
    """
    light = _DECODERS[transfer](picture >> (16 - CODE_BITS)) @ BT2020_TO_BT709.T
    codes = np.sqrt(np.clip(light, 0, _MAX_LIGHT) / _MAX_LIGHT) * (2**CODE_BITS - 1)  # root: finer steps in shadows
    return _output_table()[codes.astype(np.uint16)]


def _decode_pq(codes: np.ndarray) -> np.ndarray:
    """Convert 12-bit PQ codes to light in units of reference white, float32."""
    return _pq_table()[codes]


def _decode_hlg(codes: np.ndarray) -> np.ndarray:
    """Convert 12-bit HLG codes to light of a display with the nominal peak: scene light with the system gamma, in units
    of reference white, float32."""
    scene = _hlg_table()[codes]
    luminance = np.maximum(scene @ BT2020_LUMINANCE, 1e-6)[..., None]
    return scene * luminance ** (HLG_SYSTEM_GAMMA - 1) * np.float32(HLG_PEAK_NITS / REFERENCE_WHITE_NITS)


@lru_cache(maxsize=1)
def _pq_table() -> np.ndarray:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = _CODES ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return (nits / REFERENCE_WHITE_NITS).astype(np.float32)


@lru_cache(maxsize=1)
def _hlg_table() -> np.ndarray:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(_CODES <= 0.5, _CODES**2 / 3, (np.exp((_CODES - c) / a) + b) / 12).astype(np.float32)


_MAX_LIGHT = np.float32(10_000 / REFERENCE_WHITE_NITS)  # peak of PQ in units of reference white
_DECODERS: dict[int, Callable[[np.ndarray], np.ndarray]] = {PQ: _decode_pq, HLG: _decode_hlg}


@lru_cache(maxsize=1)
def _output_table() -> np.ndarray:
    """Return the output, uint8, indexed by the 12-bit square root of light over PQ's peak."""
    light = _CODES**2 * _MAX_LIGHT
    over = np.maximum(light - SHOULDER_START, 0) / (1 - SHOULDER_START)
    mapped = np.where(light < SHOULDER_START, light, SHOULDER_START + (1 - SHOULDER_START) * over / (1 + over))
    return (mapped ** (1 / OUTPUT_GAMMA) * 255).round().astype(np.uint8)
