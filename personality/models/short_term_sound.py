"""34 short-term descriptors of sound, as defined by pyAudioAnalysis 0.3, on which evolgen's network was trained."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct, rfft

SHORT_TERM_RATE = 44_100  # Hz
SHORT_TERM_WINDOW = 2_205  # samples; 50 ms, without overlap
ENTROPY_BLOCKS = 10
ROLLOFF_SHARE = 0.90
SHORT_TERM_MFCCS, CHROMA_COUNT = 13, 12
SHORT_TERM_COUNT = 8 + SHORT_TERM_MFCCS + CHROMA_COUNT + 1
_EPSILON = np.finfo(float).eps
_BINS = SHORT_TERM_WINDOW // 2


def short_term_descriptors(sound: np.ndarray) -> np.ndarray:
    """Compute 34 descriptors of each 50 ms of a sound.

    Parameters
    ----------
    sound : numpy.ndarray
        Float (N,), mono, at SHORT_TERM_RATE; any scale, because it is normalised to its loudest sample.

    Returns
    -------
    numpy.ndarray
        float64 (34, T): zero crossing rate, energy, entropy of energy, spectral centroid, spread, entropy, flux and
        roll-off, 13 MFCCs, 12 chroma and their standard deviation. T is 0 for less than 50 ms.

    References
    ----------
    Giannakopoulos (2015), pyAudioAnalysis: An Open-Source Python Library for Audio Signal Analysis, PLOS ONE 10(12).
    """
    count = len(sound) // SHORT_TERM_WINDOW
    if not count:
        return np.zeros((SHORT_TERM_COUNT, 0))
    centred = sound.astype(float) - sound.mean(dtype=float)
    frames = (centred / (np.abs(centred).max() + 1e-10))[: count * SHORT_TERM_WINDOW].reshape(count, -1)
    spectrum = np.abs(rfft(frames))[:, :_BINS] / _BINS
    chroma = _chroma_of(spectrum)
    return np.vstack([
        _zero_crossing_rate(frames),
        (frames**2).mean(1),
        _block_entropy(frames),
        *_centroid_and_spread(spectrum),
        _block_entropy(spectrum),
        _flux(spectrum),
        _rolloff(spectrum),
        _mfcc_of(spectrum).T,
        chroma.T,
        chroma.std(1),
    ])  # fmt: skip


def _zero_crossing_rate(frames: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(np.sign(frames))).sum(1) / 2 / (frames.shape[1] - 1)


def _block_entropy(rows: np.ndarray) -> np.ndarray:
    """The entropy in bits of the energy of ten blocks of each row."""
    length = rows.shape[1] // ENTROPY_BLOCKS
    blocks = (rows[:, : length * ENTROPY_BLOCKS] ** 2).reshape(len(rows), ENTROPY_BLOCKS, length).sum(2)
    shares = blocks / ((rows**2).sum(1, keepdims=True) + _EPSILON)
    return -(shares * np.log2(shares + _EPSILON)).sum(1)


def _centroid_and_spread(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectral centroid and spread, as shares of half the sampling rate."""
    places = np.arange(1, _BINS + 1) / _BINS
    peak = spectrum.max(1, keepdims=True)
    weights = spectrum / np.where(peak == 0, _EPSILON, peak)
    total = weights.sum(1) + _EPSILON
    centroid = weights @ places / total
    return centroid, np.sqrt((weights * (places - centroid[:, None]) ** 2).sum(1) / total)


def _flux(spectrum: np.ndarray) -> np.ndarray:
    shares = spectrum / (spectrum + _EPSILON).sum(1, keepdims=True)
    return np.concatenate([[0.0], (np.diff(shares, axis=0) ** 2).sum(1)])


def _rolloff(spectrum: np.ndarray) -> np.ndarray:
    """The frequency, as a share of the bins, below which 90 % of the energy lies; 0 in silence."""
    energy = np.cumsum(spectrum**2, axis=1)
    reached = energy + _EPSILON > ROLLOFF_SHARE * energy[:, -1:]
    return np.where(reached.any(1), reached.argmax(1), 0) / _BINS


def _mfcc_of(spectrum: np.ndarray) -> np.ndarray:
    return dct(np.log10(spectrum @ _mel_filters().T + _EPSILON), type=2, norm="ortho", axis=1)[:, :SHORT_TERM_MFCCS]


@lru_cache(maxsize=1)
def _mel_filters() -> np.ndarray:
    """40 triangular filters (40, bins), 13 spaced linearly from 133 Hz and 27 logarithmically.

    As in the library, the bins are taken to span the whole sampling rate, although they span half of it.
    """
    edges = np.zeros(42)
    edges[:13] = 133.33 + np.arange(13) * 200 / 3
    edges[13:] = edges[12] * 1.0711703 ** np.arange(1, 30)
    frequencies = np.arange(_BINS) / _BINS * SHORT_TERM_RATE
    filters = np.zeros((40, _BINS))
    for row, (low, centre, high) in zip(filters, zip(edges, edges[1:], edges[2:], strict=False), strict=True):
        start, middle, end = np.floor(np.array([low, centre, high]) * _BINS / SHORT_TERM_RATE).astype(int) + 1
        height = 2 / (high - low)
        row[start:middle] = height / (centre - low) * (frequencies[start:middle] - low)
        row[middle:end] = height / (high - centre) * (high - frequencies[middle:end])
    return filters


def _chroma_of(spectrum: np.ndarray) -> np.ndarray:
    """Energy by pitch class, (T, 12), as the library computes it: only the last bin of a semitone counts, and its
    divisor is looked up with the semitone as the index of a bin. The network was trained on these values."""
    semitone, bins_alike = _semitones()
    energy = spectrum**2
    placed = np.zeros((len(energy), _BINS))
    placed[:, semitone] = energy
    placed /= bins_alike[semitone]
    folded = np.zeros((len(energy), -(-_BINS // 12) * 12))
    folded[:, :_BINS] = placed
    total = energy.sum(1, keepdims=True)
    return folded.reshape(len(energy), -1, 12).sum(1) / np.where(total == 0, _EPSILON, total)


@lru_cache(maxsize=1)
def _semitones() -> tuple[np.ndarray, np.ndarray]:
    frequencies = np.arange(1, _BINS + 1) * SHORT_TERM_RATE / (2 * _BINS)
    semitone = np.round(12 * np.log2(frequencies / 27.5)).astype(int)
    _, inverse, counts = np.unique(semitone, return_inverse=True, return_counts=True)
    return semitone, counts[inverse].astype(float)
