"""The 26 descriptors of a voice that First Impressions has in `audio_features/*.csv`, computed from sound."""

from __future__ import annotations

import tempfile
import warnings
from functools import lru_cache
from types import ModuleType

import numpy as np

RATE = 44_100  # Hz, of the sound that is described
SECONDS = 7.0  # of it, from the beginning; the CSV files describe no more
SAMPLES = round(SECONDS * RATE)
COLUMNS = (
    "chroma_stft",
    "rmse",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    *(f"mfcc{number}" for number in range(1, 21)),
)

_HALF_RATE = RATE // 2  # Hz, of what librosa measures
_FRAME, _HOP = 2048, 512  # samples at half the rate
FRAME_SECONDS = _HOP / _HALF_RATE  # from one frame to the next
# resampy's filter "kaiser_best" as it was until 0.2.2
_ZERO_CROSSINGS, _BETA, _ROLL_OFF = 64, 14.769656459379492, 0.9475937167399596


def describe_voice(sound: np.ndarray) -> np.ndarray:
    """Mean level, spectrum and timbre of the first 7 s of a sound.

    They equal the rows of First Impressions' `audio_features/*.csv` to 5e-4 (relative) where the sound was decoded as
    those were: to 16-bit integers, mixed to stereo, the mean of both channels.

    Parameters
    ----------
    sound
        float32 (N,), mono, 44,100 Hz, in [-1, 1]. What comes after 7 s is not read.

    Returns
    -------
    np.ndarray
        float32 (26,) in the order of `COLUMNS`, each the mean over frames of 93 ms every 23 ms: chroma_stft in [0, 1]
        (12 pitch classes, the strongest of a frame 1); rmse, root mean square in [0, 1]; spectral_centroid,
        spectral_bandwidth and rolloff (85 % of the magnitude lies below) in Hz; zero_crossing_rate per sample, in
        [0, 1]; mfcc1 to mfcc20 in dB, of 128 mel bands. All zero where the sound is silent or shorter than a frame.

    References
    ----------
    The script that made the CSV files: github.com/ZackJye/Fyp-repository, commit 04cc6bd. It used librosa's defaults of
    its time: sound at 22,050 Hz by resampy's old filter, and reflected ends. McFee et al. (2015), "librosa: Audio and
    Music Signal Analysis in Python". Smith (2002), "Digital Audio Resampling", for the filter.
    """
    frames = voice_frames(sound)
    return frames.mean(1) if frames.shape[1] else np.zeros(len(COLUMNS), np.float32)


def voice_frames(sound: np.ndarray) -> np.ndarray:
    """The frames that `describe_voice` averages, float32 (26, T), one every `FRAME_SECONDS`; T is 0 where the sound is
    silent or shorter than a frame. sound as there."""
    sound = sound[:SAMPLES]
    if len(sound) < 2 * _FRAME or not sound.any():
        return np.zeros((len(COLUMNS), 0), np.float32)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # with another number of threads the last bits would differ
        return _frames(_half_rate(sound))


def _frames(sound: np.ndarray) -> np.ndarray:
    """The frames (26, T) of a sound at 22,050 Hz."""
    librosa = _librosa()
    feature = librosa.feature
    magnitude = np.abs(librosa.stft(sound, n_fft=_FRAME, hop_length=_HOP, pad_mode="reflect"))
    frames = [
        _chroma(magnitude**2).mean(0, keepdims=True),
        feature.rms(y=sound, frame_length=_FRAME, hop_length=_HOP, pad_mode="reflect"),
        feature.spectral_centroid(S=magnitude, sr=_HALF_RATE),
        feature.spectral_bandwidth(S=magnitude, sr=_HALF_RATE),
        feature.spectral_rolloff(S=magnitude, sr=_HALF_RATE),
        feature.zero_crossing_rate(sound, frame_length=_FRAME, hop_length=_HOP),
    ]
    return np.concatenate([*frames, _mfcc(magnitude**2)]).astype(np.float32)


def _chroma(power: np.ndarray) -> np.ndarray:
    """Strength of the 12 pitch classes, (12, T), tuned by the sound's own peaks."""
    with warnings.catch_warnings():  # a sound without peaks has no tuning; librosa then takes 440 Hz
        warnings.filterwarnings("ignore", "Trying to estimate tuning", UserWarning)
        return _librosa().feature.chroma_stft(S=power, sr=_HALF_RATE)


def _mfcc(power: np.ndarray) -> np.ndarray:
    """Mel-frequency cepstral coefficients, (20, T), in dB."""
    mel = _librosa().feature.melspectrogram(S=power, sr=_HALF_RATE)
    return _librosa().feature.mfcc(S=_librosa().power_to_db(mel), n_mfcc=20)


def _half_rate(sound: np.ndarray) -> np.ndarray:
    """The sound at 22,050 Hz, float32 (N // 2,).

    By the filter that made the CSV files: neither soxr nor today's resampy, which changed it, come within 1e-3.
    """
    from scipy.signal import resample_poly

    steps = np.arange(-2 * _ZERO_CROSSINGS, 2 * _ZERO_CROSSINGS + 1) / 2  # in samples at the lower rate
    taps = _ROLL_OFF * np.sinc(_ROLL_OFF * steps) * np.kaiser(len(steps), _BETA) / 2
    return resample_poly(sound, 1, 2, window=taps.astype(np.float32))[: len(sound) // 2]


@lru_cache(maxsize=1)
def _librosa() -> ModuleType:
    """librosa, loaded: a second or two, and some 15 s more when it compiles itself, once after it was installed."""
    import librosa

    try:
        import librosa.feature.spectral
    except RuntimeError:  # numba may write neither beside librosa nor at home: it compiles for this process alone
        from numba import config

        with tempfile.TemporaryDirectory() as folder:
            config.CACHE_DIR = folder  # type: ignore[attr-defined]
            import librosa.feature.spectral
    return librosa
