"""Write clips of many formats with PyAV, for the tests of decoding."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from personality.assets import demo

TICK = Fraction(1, 1000)  # seconds; frames may come at any multiple


def picture(number: int, width: int, height: int) -> np.ndarray:
    """Return a dark frame with a bright block at the top left, whose green level encodes the number of the frame."""
    frame = np.full((height, width, 3), (20, 20 + 3 * number % 200, 20), np.uint8)
    frame[: height // 4, : width // 4] = (220, 20 + 3 * number % 200, 60)
    return frame


def write_clip(
    path: Path,
    *,
    times: Sequence[float],
    codec: str = "libx264",
    fps: int = 10,
    size: tuple[int, int] = (96, 64),
    sound: np.ndarray | None = None,
    rate: int = 48_000,
    layout: str = "stereo",
    audio_codec: str = "aac",
    audio_options: dict[str, str] | None = None,
    container_format: str | None = None,
    tick: int = TICK.denominator,
) -> Path:
    """Write a video of nominally `fps`, with frames at `times` (seconds) and sound, float (N, channels) at `rate`;
    tick: units of the encoder's time in a second."""
    step = Fraction(1, tick)
    with av.open(str(path), "w", format=container_format) as container:
        video = container.add_stream(codec, rate=fps)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.time_base = video.codec_context.time_base = step
        voice = None
        if sound is not None:
            voice = container.add_stream(audio_codec, rate=rate, layout=layout, options=audio_options)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = round(time / step), step
            container.mux(video.encode(frame))
        if sound is not None:
            _write_sound(container, voice, sound, rate, layout)
        container.mux(video.encode(None))
    return path


def _write_sound(container: Any, voice: Any, sound: np.ndarray, rate: int, layout: str) -> None:
    resampler = av.AudioResampler(format=voice.format, layout=layout, rate=rate)
    for start in range(0, len(sound), 1000):
        packed = np.ascontiguousarray(sound[start : start + 1000], np.float32).reshape(1, -1)
        piece = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        piece.rate, piece.pts, piece.time_base = rate, start, Fraction(1, rate)
        for fitting in resampler.resample(piece):
            container.mux(voice.encode(fitting))
    container.mux(voice.encode(None))


def tone(seconds: float, rate: int, channels: int, frequency: float = 440.0) -> np.ndarray:
    """Return a sine of amplitude 0.5 in every channel, float (N, channels)."""
    wave = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def turn(path: Path, degrees: int) -> Path:
    """Set a clockwise rotation in the track header of an mp4, like phones do."""
    data = bytearray(path.read_bytes())
    matrix = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    a, b, c, d = (value << 16 for value in matrix)
    place = data.index(b"tkhd") + 4 + 40  # ISO 14496-12: 40 bytes of version 0 before the matrix of 3 x 3
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def understated(path: Path, size: tuple[int, int] = (6000, 4000)) -> Path:
    """Write an AVI of two gray pictures of that size, whose headers state 64 x 48."""
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 128, np.uint8), format="rgb24")
        for number in range(2):
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    for chunk, place in ((b"avih", 40), (b"strf", 12)):  # where width and height lie after the chunk's name
        start = data.index(chunk) + place
        assert struct.unpack("<2I", data[start : start + 8]) == size
        data[start : start + 8] = struct.pack("<2I", 64, 48)
    path.write_bytes(data)
    return path


def video_of(path: Path, picture: np.ndarray) -> bytes:
    """Return a video of two seconds of one picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.height, stream.width = picture.shape[:2]
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


def sample_picture(clip: Path = demo.DEMO_CLIP_FILE) -> np.ndarray:
    """Return the first frame of a sample clip, uint8 (256, 256, 3) RGB."""
    with av.open(str(clip)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def two_people(path: Path, smaller: Path = demo.DEMO_CLIP_FILE) -> bytes:
    """Return a video with the sample person, and half as large on the left a person of the same or another sample."""
    scene = np.full((256, 420, 3), 90, np.uint8)
    scene[100:228, 10:138] = sample_picture(smaller)[::2, ::2]
    scene[:, 150:406] = sample_picture()
    return video_of(path, scene)


Piece = tuple[float, np.ndarray]  # when a stretch of sound begins, seconds, and its samples float (N,) at 16 kHz
RATE = 16_000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Return white noise, float32 (N,) in [-.5, .5], in steps of 16-bit samples, so that each moment is unique."""
    steps = np.random.default_rng(seed).integers(-16_384, 16_384, round(seconds * RATE))
    return (steps / 32_768).astype(np.float32)


def write_tracks(
    path: Path,
    *,
    pictures: Sequence[tuple[float, np.ndarray]],
    tracks: Sequence[Sequence[Piece]] = (),
    default: int = 0,
    more_pictures: Sequence[Sequence[tuple[float, np.ndarray]]] = (),
    default_picture: int = 0,
) -> Path:
    """Write a Matroska file of pictures, uint8 (H, W, 3), each with its time in seconds, and of tracks of uncompressed
    sound; `default` and `default_picture` are flagged as default."""
    with av.open(str(path), "w", format="matroska") as container:
        packets: list[av.Packet] = []
        for number, shown in enumerate([pictures, *more_pictures]):
            packets += _encode_pictures(container, shown, is_default=number == default_picture)
        for number, pieces in enumerate(tracks):
            packets += _encode_pieces(container, pieces, is_default=number == default)
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            container.mux(packet)
    return path


def _encode_pictures(container: Any, shown: Sequence[tuple[float, np.ndarray]], *, is_default: bool) -> list[av.Packet]:
    stream = container.add_stream("libx264", rate=10, options={"bf": "0"})
    stream.height, stream.width = shown[0][1].shape[:2]
    stream.pix_fmt, stream.codec_context.time_base = "yuv420p", TICK
    stream.disposition = Disposition.default if is_default else Disposition(0)
    packets = []
    for time, pixels in shown:
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = round(time / TICK), TICK
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _encode_pieces(container: Any, pieces: Sequence[Piece], *, is_default: bool) -> list[av.Packet]:
    stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
    stream.disposition = Disposition.default if is_default else Disposition(0)
    packets = []
    for begin, sound in pieces:
        for start in range(0, len(sound), 320):
            samples = (sound[None, start : start + 320] * 32_768).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.rate, frame.pts, frame.time_base = RATE, round(begin * RATE) + start, Fraction(1, RATE)
            packets += stream.encode(frame)
    return packets + stream.encode(None)


def erase_packet(path: Path, kind: str, number: int) -> Path:
    """Overwrite the n-th packet of picture or sound with zeros."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        (stream,) = container.streams.get({kind: 0})
        packet = [one for one in container.demux(stream) if one.size][number]
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    return path
