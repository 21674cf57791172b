"""Write variants of a clip: encoded again, smaller, brighter, shorter, or with another microphone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from personality.explain.clip_changes import add_noise, keep_band

VARIANT_SAMPLE_RATE_HZ = 44_100
MAX_MEL = 2595 * np.log10(1 + VARIANT_SAMPLE_RATE_HZ / 4 / 700)  # mel; upper limit of the descriptors' spectrum
AUDIO_FRAME_SAMPLES = 1024  # samples per encoded frame

SoundChange = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ClipVariant:
    """Changes of a clip.

    scale: factor of width and height; crf: H.264 quality, lower is better; brightness: factor of each pixel; start,
    end: seconds that are cut off; sound: function of a sound, float32 (N,) mono 44.1 kHz, that returns the changed
    sound; bit_rate: of AAC in bit/s, 0 for PCM. If only the sound changes, the picture is copied.
    """

    scale: float = 1.0
    crf: int = 23
    brightness: float = 1.0
    start: float = 0.0
    end: float = 0.0
    sound: SoundChange | None = None
    bit_rate: int = 128_000

    @property
    def changes_only_sound(self) -> bool:
        """Whether the picture is unchanged."""
        return self.sound is not None or (self.bit_rate != ClipVariant.bit_rate)


def write_clip_variant(source: Path, out: Path, variant: ClipVariant) -> None:
    """Write a variant of the clip `source` as Matroska."""
    with av.open(str(source)) as clip, av.open(str(out), "w", format="matroska") as container:
        length = float(clip.duration or 0) / av.time_base
        sound = variant.sound(read_variant_sound(source)) if variant.sound else read_variant_sound(source)
        first, last = (
            round(variant.start * VARIANT_SAMPLE_RATE_HZ),
            round((length - variant.end) * VARIANT_SAMPLE_RATE_HZ),
        )
        audio = container.add_stream(
            "aac" if variant.bit_rate else "pcm_s16le", rate=VARIANT_SAMPLE_RATE_HZ, layout="stereo"
        )
        if variant.bit_rate:
            audio.bit_rate = variant.bit_rate
        if variant.changes_only_sound:
            _copy_picture(clip, container)
        else:
            _encode_picture(clip, container, variant, length)
        _encode_sound(sound[first:last], container, audio)


def read_variant_sound(source: Path) -> np.ndarray:
    """Read the mean of a clip's channels, float32 (N,) in [-1, 1], 44.1 kHz."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=VARIANT_SAMPLE_RATE_HZ)
    with av.open(str(source)) as clip:
        pieces = [piece for frame in clip.decode(audio=0) for piece in resampler.resample(frame)]
    pieces += [piece for piece in resampler.resample(None) if piece is not None]
    return np.concatenate([piece.to_ndarray().reshape(-1, 2).mean(1) for piece in pieces]).astype(np.float32) / 32768


def _copy_picture(clip: InputContainer, container: OutputContainer) -> None:
    (stream, *_) = clip.streams.video
    copied = container.add_stream_from_template(stream)
    for packet in clip.demux(stream):
        if packet.dts is not None:
            packet.stream = copied
            container.mux(packet)


def _encode_picture(clip: InputContainer, container: OutputContainer, variant: ClipVariant, length: float) -> None:
    (stream, *_) = clip.streams.video
    video = container.add_stream(
        "libx264", rate=stream.average_rate or 30, options={"crf": str(variant.crf), "preset": "veryfast"}
    )
    video.width, video.height = (int(side * variant.scale) // 2 * 2 for side in (stream.width, stream.height))
    video.pix_fmt, video.time_base = "yuv420p", Fraction(1, 1000)
    for frame in clip.decode(stream):
        if frame.time is None or not variant.start <= frame.time < length - variant.end:
            continue
        picture = frame.to_ndarray(format="rgb24", width=video.width, height=video.height)
        bright = np.clip(picture * variant.brightness, 0, 255).astype(np.uint8)
        written = av.VideoFrame.from_ndarray(bright, format="rgb24")
        written.pts, written.time_base = round((frame.time - variant.start) * 1000), Fraction(1, 1000)
        container.mux(video.encode(written))
    container.mux(video.encode(None))


def _encode_sound(sound: np.ndarray, container: OutputContainer, audio: AudioStream) -> None:
    samples = (sound.clip(-1, 1) * 32767).round().astype(np.int16).repeat(2)[None]
    for start in range(0, len(sound), AUDIO_FRAME_SAMPLES):
        frame = av.AudioFrame.from_ndarray(
            samples[:, 2 * start : 2 * (start + AUDIO_FRAME_SAMPLES)], format="s16", layout="stereo"
        )
        frame.rate, frame.pts, frame.time_base = VARIANT_SAMPLE_RATE_HZ, start, Fraction(1, VARIANT_SAMPLE_RATE_HZ)
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def make_microphone_change(random: np.random.Generator, *, equaliser: float, gain: float) -> SoundChange:
    """Simulate another microphone: a smooth random frequency response, whose k-th cosine along the mel axis has a
    standard deviation of `equaliser` / k dB, and a gain between -`gain` and `gain` dB."""
    curve = random.normal(0, equaliser, 19) / np.arange(1, 20)
    loudness = random.uniform(-gain, gain)

    def change(sound: np.ndarray) -> np.ndarray:
        mel = 2595 * np.log10(1 + np.fft.rfftfreq(len(sound), 1 / VARIANT_SAMPLE_RATE_HZ) / 700)
        place = np.minimum(mel / MAX_MEL, 1)
        decibels = loudness + np.cos(np.pi * place[:, None] * np.arange(1, 20)) @ curve
        return np.fft.irfft(np.fft.rfft(sound) * 10 ** (decibels / 20), len(sound)).astype(np.float32)

    return change


def make_noise_change(random: np.random.Generator, *, ratio: float) -> SoundChange:
    """Add white noise, `ratio` dB below the sound."""
    return lambda sound: add_noise(sound, ratio, random)


def make_band_pass(low: float, high: float) -> SoundChange:
    """Keep only frequencies from `low` to `high` Hz, like a telephone."""
    return lambda sound: keep_band(sound, low, high, rate=VARIANT_SAMPLE_RATE_HZ)
