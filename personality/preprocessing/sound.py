"""Decode the sound of a video to samples of a fixed rate, placed by their timestamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np

from personality.constants import LIMITS, PREPROCESSING
from personality.preprocessing import voice_descriptors
from personality.preprocessing.channels import pick_channels
from personality.preprocessing.streams import decode_packet

MAX_SAMPLE_AMPLITUDE = 1000.0  # relative to full scale (60 dB above it); larger samples, and NaN, are damaged
SYNC_TOLERANCE_SECONDS = 0.015  # jitter of timestamps; a larger difference is a gap, an overlap or an offset
SILENT_PEAK = 10 / 32768  # relative to full scale (-70 dB): noise of a converter whose microphone is off


@dataclass(frozen=True)
class Sound:
    """The sound of a clip, from the start of the clip.

    samples: float32 (80000,) mono 16 kHz in [-1, 1], the window of the first 5 s; seconds: length of the sound in the
    window, 0 if all sound is silent; rest: float32 (M,), the sound after the window; damaged: number of samples of the
    file that were NaN or far too large and were replaced by silence; notes: other unusual properties, as text.
    """

    samples: np.ndarray
    seconds: float
    rest: np.ndarray
    damaged: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class WidebandSound:
    """The first 7 s of the sound of a clip, float32 (N,) mono 44.1 kHz in [-1, 1], from which voice descriptors are
    computed."""

    samples: np.ndarray


class SoundDecoder:
    """Decode the packets of one track to all sound at 16 kHz, and to the first 7 s at 44.1 kHz, from which the voice
    descriptors are computed. Each packet is decoded once; packets that cannot be decoded are skipped."""

    def __init__(self, origin: float = 0.0, limit: float = LIMITS.seconds) -> None:
        """origin: time of the container, in seconds, at which the clip starts; limit: seconds of the clip after which
        sound is ignored."""
        self.skipped = 0  # packets that cannot be decoded
        self._origin, self._limit = origin, limit
        self._end = 0.0  # end of the sound, in seconds of the clip
        self._runs: list[_Run] = []
        self._damaged = 0
        self._mixed: tuple[np.ndarray, np.ndarray, tuple[str, ...]] | None = None

    @property
    def is_full(self) -> bool:
        """Return whether further packets are ignored."""
        return self._end >= self._limit

    def feed(self, packet: av.Packet) -> None:
        """Decode a packet."""
        if self.is_full:
            return
        frames = decode_packet(packet)
        if frames is None:
            self.skipped += 1
            return
        for decoded in frames:
            assert isinstance(decoded, av.AudioFrame)
            self._place(decoded)

    def _place(self, decoded: av.AudioFrame) -> None:
        """Append a frame at the end of the sound, or at its timestamp if that differs by more than the tolerance."""
        time = self._end if decoded.time is None else decoded.time - self._origin
        length = decoded.samples / decoded.sample_rate
        if time + length <= 0 or time >= self._limit:
            return
        moved = abs(time - self._end) > SYNC_TOLERANCE_SECONDS
        if moved or not self._runs or not self._runs[-1].continues_with(decoded):
            self._finish_run()
            self._end = time if moved else self._end
            self._runs.append(_Run(self._end, decoded))
        self._damaged += self._runs[-1].feed(decoded)
        self._end += length

    def _finish_run(self) -> None:
        if self._runs:
            self._runs[-1].finish()

    def sound(self) -> Sound:
        """Return the sound at 16 kHz; afterwards nothing can be decoded."""
        mono, _, notes = self._mix()
        first, rest = mono[: PREPROCESSING.samples], mono[PREPROCESSING.samples :]
        window = np.zeros(PREPROCESSING.samples, np.float32)
        window[: len(first)] = first
        return Sound(window, len(first) / PREPROCESSING.sample_rate, rest, self._damaged, notes)

    def wideband(self) -> np.ndarray:
        """Return the first 7 s, float32 (N,) mono 44.1 kHz in [-1, 1]; fewer samples if the sound is shorter, none if
        all of it is silent. Afterwards nothing can be decoded."""
        return self._mix()[1]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was decoded."""
        return not self._runs and self._mixed is None

    @property
    def is_silent(self) -> bool:
        """Return whether all sound is silent. Afterwards nothing can be decoded."""
        return not self._mix()[0].size

    @property
    def level(self) -> float:
        """Return the root mean square of the sound without its constant part, 0 if it is silent. Afterwards nothing can
        be decoded."""
        mono = self._mix()[0]
        return float(mono.std(dtype=np.float64)) if mono.size else 0.0

    def _mix(self) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """Return the mono sound at both rates, both empty if it is silent, and notes on unusual properties."""
        if self._mixed is None:
            self._finish_run()
            self._mixed = self._mix_runs()
            self._runs.clear()
        return self._mixed

    def _mix_runs(self) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        chosen = {names: pick_channels(names, self._samples_of(names)) for names in {run.names for run in self._runs}}
        narrow = [(run.start, _to_mono(run.narrow.samples, chosen[run.names][0])) for run in self._runs]
        wide = [(run.start, _to_mono(run.wide.samples, chosen[run.names][0])) for run in self._runs]
        longest = round(self._limit * PREPROCESSING.sample_rate)
        mono = _join(narrow, PREPROCESSING.sample_rate, longest).clip(-1, 1)
        if mono.size and np.abs(mono).max() < SILENT_PEAK:
            return mono[:0], mono[:0], ("the sound is silent",)
        described = _join(wide, voice_descriptors.VOICE_SAMPLE_RATE_HZ, voice_descriptors.VOICE_WINDOW_SAMPLES)
        return mono, described, tuple(note for _, note in chosen.values() if note)

    def _samples_of(self, names: tuple[str, ...]) -> np.ndarray:
        """Return all samples of the runs with these channels, float32 (N, C) at 16 kHz."""
        return np.concatenate([run.narrow.samples for run in self._runs if run.names == names])


class _Run:
    """Sound of one format without a gap, which starts at `start` seconds of the clip."""

    def __init__(self, start: float, decoded: av.AudioFrame) -> None:
        self.start = start
        self.names = tuple(channel.name for channel in decoded.layout.channels)
        self._format = _format_of(decoded)
        self._packed = av.AudioResampler(format="flt")
        # Packed samples, because PyAV 18 crashes on planar sound with eight or more channels.
        self.narrow = _Resampled(av.AudioResampler(format="flt", rate=PREPROCESSING.sample_rate))
        # The same format as in the dataset of the descriptors; float samples change the roll-off by 2 to 4 Hz.
        layout = "stereo" if len(self.names) <= 2 else None
        rate = voice_descriptors.VOICE_SAMPLE_RATE_HZ
        self.wide = _Resampled(av.AudioResampler(format="s16", layout=layout, rate=rate))

    def continues_with(self, decoded: av.AudioFrame) -> bool:
        """Return whether a frame has the format of this run."""
        return _format_of(decoded) == self._format

    def feed(self, decoded: av.AudioFrame) -> int:
        """Append a frame and return the number of its damaged samples, which are replaced by silence."""
        frames, damaged = self._silence_damaged_samples(decoded)
        for frame in frames:
            self.narrow.feed(frame)
            if self._needs_wideband():
                self.wide.feed(frame)
        return damaged

    def _needs_wideband(self) -> bool:
        end = self.start + self.wide.count / voice_descriptors.VOICE_SAMPLE_RATE_HZ
        return end < voice_descriptors.VOICE_WINDOW_SECONDS

    def _silence_damaged_samples(self, decoded: av.AudioFrame) -> tuple[list[av.AudioFrame], int]:
        """Return the frame, and the number of damaged float samples, silenced because resampling would spread them."""
        if decoded.format.name.rstrip("p") not in ("flt", "dbl"):
            return [decoded], 0
        frames, count = [frame for frame in self._packed.resample(decoded) if frame], 0
        for frame in frames:
            samples = np.frombuffer(frame.planes[0], np.float32)[: frame.samples * frame.layout.nb_channels]
            damaged = ~(np.abs(samples) <= MAX_SAMPLE_AMPLITUDE)  # NaN compares as false
            samples[damaged] = 0
            count += int(damaged.sum())
        return frames, count

    def finish(self) -> None:
        """Flush the resamplers."""
        for resampled in (self.narrow, self.wide):
            resampled.finish()


class _Resampled:
    """Converts decoded frames to samples (N, C) of the rate and the format of a resampler."""

    def __init__(self, resampler: av.AudioResampler) -> None:
        self.count = 0  # samples so far
        self._resampler: av.AudioResampler | None = resampler
        self._parts: list[np.ndarray] = []

    def feed(self, decoded: av.AudioFrame | None) -> None:
        """Resample a frame, or flush the resampler if it is None."""
        assert self._resampler is not None
        for piece in filter(None, self._resampler.resample(decoded)):  # flushing may return None
            samples = piece.to_ndarray().reshape(-1, piece.layout.nb_channels)
            self._parts.append(samples)
            self.count += len(samples)

    def finish(self) -> None:
        """Flush the resampler and release it."""
        if self._resampler is not None:
            self.feed(None)
        self._resampler = None

    @property
    def samples(self) -> np.ndarray:
        """Return float32 (N, C) in [-1, 1], or beyond if the sound is stored as floats; or int16."""
        return np.concatenate(self._parts) if self._parts else np.zeros((0, 1), np.float32)


def _format_of(decoded: av.AudioFrame) -> tuple[str, str, int]:
    return decoded.format.name, decoded.layout.name, decoded.sample_rate


def _to_mono(samples: np.ndarray, channels: list[int]) -> np.ndarray:
    """Return the mean of some channels, float32 (N,), of samples (N, C), int16 or float32."""
    mono = samples[:, channels].mean(1, dtype=np.float32)
    return mono / np.float32(32768) if samples.dtype == np.int16 else mono


def _join(runs: Sequence[tuple[float, np.ndarray]], rate: int, longest: int) -> np.ndarray:
    """Join mono runs at their starts (seconds), with silence between them, to a sound of at most `longest` samples."""
    ends = [round(start * rate) + len(samples) for start, samples in runs]
    joined = np.zeros(min(max(ends, default=0), longest), np.float32)
    for start, samples in runs:
        place = round(start * rate)
        seen = samples[max(0, -place) :][: max(0, longest - max(place, 0))]
        joined[max(place, 0) : max(place, 0) + len(seen)] = seen
    return joined
