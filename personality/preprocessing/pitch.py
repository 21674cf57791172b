"""Shift the pitch of a sound without changing its length."""

from __future__ import annotations

import numpy as np

from personality.preprocessing.compiled_librosa import load_librosa


def shift_pitch(sound: np.ndarray, semitones: float, *, rate: int) -> np.ndarray:
    """Shift the pitch of a sound with a phase vocoder.

    Parameters
    ----------
    sound : ndarray
        float32 (N,), mono.
    semitones : float
        Positive values make the voice higher.
    rate : int
        Samples per second.

    Returns
    -------
    ndarray
        float32 (N,).
    """
    return load_librosa().effects.pitch_shift(sound, sr=rate, n_steps=semitones, res_type="soxr_hq").astype(np.float32)
