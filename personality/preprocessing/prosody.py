"""Attributes of the voice in a clip: pitch and level."""

from __future__ import annotations

import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.compiled_librosa import load_pyin
from personality.preprocessing.speech_timing import SpeechSegments

PROSODY_COLUMNS = ("pitch_median", "pitch_range", "voiced_share", "level_mean", "level_sd")
PITCH_LIMITS_HZ = (65.0, 500.0)  # Hz; from low male voices to children
PITCH_WINDOW_SAMPLES = 1024  # samples at 16 kHz: four periods of the lowest pitch
PITCH_HOP_SECONDS = 0.02
PITCH_STEP_SEMITONES = 0.2  # resolution of the pitch; steps of .1 take five times as long
MIN_VOICED_SECONDS = 0.5
LEVEL_FRAME_SECONDS = 0.1
MIN_LEVEL_DB = -96.0  # dB relative to full scale: the smallest step of 16 bits, instead of minus infinity


def compute_prosody(sound: np.ndarray, speech: SpeechSegments) -> dict[str, float]:
    """Compute the pitch and the level of the voice, from frames within speech only.

    Parameters
    ----------
    sound : ndarray, float32 (N,)
        Mono, 16 kHz, in [-1, 1].
    speech : sequence of (float, float)
        Start and end of each segment of speech in seconds.

    Returns
    -------
    dict of str to float
        The values of PROSODY_COLUMNS; empty with less than MIN_VOICED_SECONDS of voiced speech.

        pitch_median : median fundamental frequency in Hz; pitch_range : its interquartile range in semitones;
        voiced_share : voiced frames over frames of speech; level_mean, level_sd : mean and standard deviation of the
        root mean square of frames of LEVEL_FRAME_SECONDS in dB relative to full scale, where a sine of full scale has
        -3 dB.

    References
    ----------
    Mauch and Dixon (2014), "pYIN: a fundamental frequency estimator using probabilistic threshold distributions".
    """
    pitch = _track_pitch(sound)
    in_speech = _mark_frames(len(pitch), PITCH_HOP_SECONDS, speech)
    voiced = pitch[in_speech & np.isfinite(pitch)]
    if len(voiced) * PITCH_HOP_SECONDS < MIN_VOICED_SECONDS:
        return {}
    low, median, high = np.percentile(voiced, (25, 50, 75))
    levels = _measure_levels(sound)
    levels = levels[_mark_frames(len(levels), LEVEL_FRAME_SECONDS, speech, LEVEL_FRAME_SECONDS / 2)]
    values = (median, 12 * np.log2(high / low), len(voiced) / in_speech.sum(), levels.mean(), levels.std())
    return dict(zip(PROSODY_COLUMNS, map(float, values), strict=True))


def _track_pitch(sound: np.ndarray) -> np.ndarray:
    """Return the pitch in Hz every PITCH_HOP_SECONDS from the start of a sound, (T,); NaN where it is not voiced."""
    if len(sound) < PITCH_WINDOW_SAMPLES:
        return np.zeros(0)
    pitch, voiced, _ = load_pyin()(
        sound,
        fmin=PITCH_LIMITS_HZ[0],
        fmax=PITCH_LIMITS_HZ[1],
        sr=PREPROCESSING.sample_rate,
        frame_length=PITCH_WINDOW_SAMPLES,
        hop_length=round(PITCH_HOP_SECONDS * PREPROCESSING.sample_rate),
        resolution=PITCH_STEP_SEMITONES,
    )
    return np.where(voiced, pitch, np.nan)


def _measure_levels(sound: np.ndarray) -> np.ndarray:
    """Return the level of successive frames of a sound in dB, (T,); the incomplete last frame is left out."""
    length = round(LEVEL_FRAME_SECONDS * PREPROCESSING.sample_rate)
    frames = sound[: len(sound) // length * length].reshape(-1, length).astype(np.float64)
    return 20 * np.log10(np.maximum(np.sqrt((frames**2).mean(axis=1)), 10 ** (MIN_LEVEL_DB / 20)))


def _mark_frames(count: int, hop: float, speech: SpeechSegments, offset: float = 0.0) -> np.ndarray:
    """Return which of `count` frames, at `offset + n * hop` seconds, are within speech, bool (count,)."""
    times = offset + np.arange(count) * hop
    starts, ends = np.array(speech, float).reshape(-1, 2).T[:, :, None]
    return np.asarray(((times >= starts) & (times < ends)).any(axis=0))
