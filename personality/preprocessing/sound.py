"""The sound of a video: decoded frames in, samples of a fixed rate out."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np

from personality.constants import LIMITS, PREPROCESSING
from personality.preprocessing import voice_descriptors

MAX_SOUND_SAMPLES = round(LIMITS.seconds * PREPROCESSING.sample_rate)  # samples
MAX_SAMPLE_AMPLITUDE = 1000.0  # times full scale, 60 dB over it: no recording, but damage, as what is not a number


@dataclass(frozen=True)
class Sound:
    """samples float32 (80000,) mono 16 kHz in [-1, 1], all channels of the same weight, the window of the first 5 s;
    seconds of them that were heard, the others are silence; rest float32 (M,) what came after the window; damaged: how
    many samples of the file were no numbers, or far too large, and are silence here."""

    samples: np.ndarray
    seconds: float
    rest: np.ndarray
    damaged: int = 0


class SoundDecoder:
    """Packets of sound in; out, at 16 kHz, the window of the first 5 s and what comes after it, and at 44.1 kHz the
    7 s that the voice descriptors are computed from. Each packet is decoded once."""

    def __init__(self) -> None:
        # Packed samples: PyAV 18 dies on planar sound of eight or more channels.
        self._all = _MonoResampler(MAX_SOUND_SAMPLES, av.AudioResampler(format="flt", rate=PREPROCESSING.sample_rate))
        # As the descriptors' source was decoded; float samples would move the roll-off by 2 to 4 Hz.
        wide = av.AudioResampler(format="s16", layout="stereo", rate=voice_descriptors.VOICE_SAMPLE_RATE_HZ)
        self._wideband = _MonoResampler(voice_descriptors.VOICE_WINDOW_SAMPLES, wide)
        self._packed = av.AudioResampler(format="flt")
        self._damaged = 0

    @property
    def is_full(self) -> bool:
        """Whether more packets would change nothing."""
        return self._all.is_full

    def feed(self, packet: av.Packet) -> None:
        """Decode a packet. Raises what FFmpeg raises."""
        if self.is_full:
            return
        for decoded in packet.decode():
            for usable in self._silence_damaged_samples(decoded):
                self._all.feed(usable)
                self._feed_wideband(usable)

    def _silence_damaged_samples(self, decoded: av.AudioFrame) -> list[av.AudioFrame]:
        """The frame; one of floats with what is damaged silent, which resampling would spread over what is not."""
        if decoded.format.name.rstrip("p") not in ("flt", "dbl"):
            return [decoded]
        frames = [frame for frame in self._packed.resample(decoded) if frame]
        for frame in frames:
            samples = np.frombuffer(frame.planes[0], np.float32)[: frame.samples * frame.layout.nb_channels]
            damaged = ~(np.abs(samples) <= MAX_SAMPLE_AMPLITUDE)  # what is not a number compares as false
            samples[damaged] = 0
            self._damaged += int(damaged.sum())
        return frames

    def _feed_wideband(self, decoded: av.AudioFrame) -> None:
        try:
            self._wideband.feed(decoded)
        except av.ArgumentError:  # channels that cannot be mixed to stereo, as ambisonic ones: only this is not heard
            self._wideband.is_full = True

    def sound(self) -> Sound:
        """All that was heard, at 16 kHz."""
        window = np.zeros(PREPROCESSING.samples, np.float32)
        first, rest = np.split(self._all.samples().clip(-1, 1), [len(window)])
        window[: len(first)] = first
        return Sound(window, len(first) / PREPROCESSING.sample_rate, rest, self._damaged)

    def wideband(self) -> np.ndarray:
        """The first 7 s, float32 (N,) mono 44.1 kHz in [-1, 1]; fewer where the sound is shorter."""
        return self._wideband.samples()


class _MonoResampler:
    """Decoded frames in, the mean of the resampler's channels out, up to a number of samples."""

    def __init__(self, longest: int, resampler: av.AudioResampler) -> None:
        self.is_full = False
        self._longest, self._resampler = longest, resampler
        self._parts = [np.zeros(0, np.float32)]
        self._have = 0

    def feed(self, decoded: av.AudioFrame | None) -> None:
        """A frame, or None where the sound has ended."""
        if self.is_full:
            return
        for piece in filter(None, self._resampler.resample(decoded)):  # the end of sound of the same format is a None
            self._parts.append(_mix_to_mono(piece))
            self._have += piece.samples
        self.is_full = decoded is None or self._have >= self._longest

    def samples(self) -> np.ndarray:
        """float32 (N,) in [-1, 1], of float sound possibly beyond; nothing is heard after this."""
        self.feed(None)
        return np.concatenate(self._parts)[: self._longest]


def _mix_to_mono(piece: av.AudioFrame) -> np.ndarray:
    samples = piece.to_ndarray().reshape(-1, piece.layout.nb_channels).mean(1, dtype=np.float32)
    return samples / np.float32(32768) if piece.format.name == "s16" else samples
