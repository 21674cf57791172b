"""Compute the 26 voice descriptors that First Impressions includes in `audio_features/*.csv`."""

from __future__ import annotations

import warnings

import numpy as np

from personality.preprocessing.compiled_librosa import load_librosa

VOICE_SAMPLE_RATE_HZ = 44_100  # Hz; sampling rate of the input
VOICE_WINDOW_SECONDS = 7.0  # seconds from the beginning of the sound, as in the CSV files
VOICE_WINDOW_SAMPLES = round(VOICE_WINDOW_SECONDS * VOICE_SAMPLE_RATE_HZ)
VOICE_DESCRIPTOR_COLUMNS = (
    "chroma_stft",
    "rmse",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    *(f"mfcc{number}" for number in range(1, 21)),
)

_HALF_RATE_HZ = VOICE_SAMPLE_RATE_HZ // 2  # Hz; sampling rate of the sound that librosa processes
_FRAME_SAMPLES, _HOP_SAMPLES = 2048, 512  # samples at half the rate
VOICE_HOP_SECONDS = _HOP_SAMPLES / _HALF_RATE_HZ  # seconds from one frame to the next
# Filter "kaiser_best" of resampy, up to version 0.2.2.
_ZERO_CROSSINGS, _KAISER_BETA, _ROLL_OFF = 64, 14.769656459379492, 0.9475937167399596


def compute_voice_descriptors(sound: np.ndarray) -> np.ndarray:
    """Compute the mean level, spectrum and timbre of the first 7 s of a sound.

    The result equals the rows of First Impressions' `audio_features/*.csv` with a relative tolerance of 5e-4 if the
    sound was decoded in the same way: to 16-bit integers, mixed to stereo, mean of both channels.

    Parameters
    ----------
    sound : numpy.ndarray
        float32 (N,), mono, 44,100 Hz, in [-1, 1]. Sound after 7 s is ignored.

    Returns
    -------
    numpy.ndarray
        float32 (26,) in the order of `VOICE_DESCRIPTOR_COLUMNS`, means over frames of 93 ms every 23 ms: chroma_stft
        in [0, 1] (12 pitch classes; the strongest in a frame is 1); rmse, root mean square in [0, 1];
        spectral_centroid, spectral_bandwidth and rolloff (85 % of the magnitude is below it) in Hz;
        zero_crossing_rate per sample, in [0, 1]; mfcc1 to mfcc20 in dB, from 128 mel bands. All zero if the sound is
        silent or shorter than a frame.

    References
    ----------
    The script that created the CSV files: github.com/ZackJye/Fyp-repository, commit 04cc6bd. It used the defaults of
    librosa at that time: 22,050 Hz with resampy's old filter, and reflected ends. McFee et al. (2015), "librosa: Audio
    and Music Signal Analysis in Python". Smith (2002), "Digital Audio Resampling", for the filter.
    """
    frames = compute_voice_frames(sound)
    return frames.mean(1) if frames.shape[1] else np.zeros(len(VOICE_DESCRIPTOR_COLUMNS), np.float32)


def compute_voice_frames(sound: np.ndarray) -> np.ndarray:
    """Compute the frames that `compute_voice_descriptors` averages, float32 (26, T), one per `VOICE_HOP_SECONDS`, from
    the same kind of sound; T is 0 if the sound is silent or shorter than a frame."""
    sound = sound[:VOICE_WINDOW_SAMPLES]
    if len(sound) < 2 * _FRAME_SAMPLES or not sound.any():
        return np.zeros((len(VOICE_DESCRIPTOR_COLUMNS), 0), np.float32)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the last bits of the result depend on the number of threads
        return _compute_descriptor_frames(_resample_to_half_rate(sound))


def _compute_descriptor_frames(sound: np.ndarray) -> np.ndarray:
    """Compute the frames, float32 (26, T), of a sound at 22,050 Hz."""
    librosa = load_librosa()
    feature = librosa.feature
    magnitude = np.abs(librosa.stft(sound, n_fft=_FRAME_SAMPLES, hop_length=_HOP_SAMPLES, pad_mode="reflect"))
    frames = [
        _chroma(magnitude**2).mean(0, keepdims=True),
        feature.rms(y=sound, frame_length=_FRAME_SAMPLES, hop_length=_HOP_SAMPLES, pad_mode="reflect"),
        feature.spectral_centroid(S=magnitude, sr=_HALF_RATE_HZ),
        feature.spectral_bandwidth(S=magnitude, sr=_HALF_RATE_HZ),
        feature.spectral_rolloff(S=magnitude, sr=_HALF_RATE_HZ),
        feature.zero_crossing_rate(sound, frame_length=_FRAME_SAMPLES, hop_length=_HOP_SAMPLES),
    ]
    return np.concatenate([*frames, _mfcc(magnitude**2)]).astype(np.float32)


def _chroma(power: np.ndarray) -> np.ndarray:
    """Compute the strength of the 12 pitch classes, (12, T), with the tuning estimated from the sound."""
    with warnings.catch_warnings():  # for a sound without spectral peaks, librosa warns and assumes 440 Hz
        warnings.filterwarnings("ignore", "Trying to estimate tuning", UserWarning)
        return load_librosa().feature.chroma_stft(S=power, sr=_HALF_RATE_HZ)


def _mfcc(power: np.ndarray) -> np.ndarray:
    """Compute mel-frequency cepstral coefficients, (20, T), in dB."""
    mel = load_librosa().feature.melspectrogram(S=power, sr=_HALF_RATE_HZ)
    return load_librosa().feature.mfcc(S=load_librosa().power_to_db(mel), n_mfcc=20)


def _resample_to_half_rate(sound: np.ndarray) -> np.ndarray:
    """Resample to 22,050 Hz, float32 (N // 2,), with the filter that was used for the CSV files.

    soxr and later versions of resampy, which changed the filter, differ by more than 1e-3.
    """
    from scipy.signal import resample_poly

    steps = np.arange(-2 * _ZERO_CROSSINGS, 2 * _ZERO_CROSSINGS + 1) / 2  # samples at the lower rate
    taps = _ROLL_OFF * np.sinc(_ROLL_OFF * steps) * np.kaiser(len(steps), _KAISER_BETA) / 2
    return resample_poly(sound, 1, 2, window=taps.astype(np.float32))[: len(sound) // 2]
