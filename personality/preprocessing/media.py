"""Videos and stills: what they are, their frames, the first seconds of sound. The only file that imports av."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from PIL import Image, ImageOps

from personality.constants import LIMITS, PREPROCESSING

# Names of containers and protocols that may be opened: a text file that names other files (ffconcat, SDP, HLS)
# is refused by FFmpeg itself, whatever it is called.
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"}
VIDEO_SUFFIXES = (".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v")
ENOUGH_FRAMES = 10 * PREPROCESSING.faces  # of which some may be skipped
WRITTEN_SIDE = 256  # pixels, side of the square videos that `write_video` makes
STILL_SUFFIXES = (".jpg", ".jpeg", ".png")
STILL_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG")

Source = Path | bytes


class MediaError(ValueError):
    """A file that cannot be used; the message is one sentence for the person who brought it."""


@dataclass(frozen=True)
class Metadata:
    """What a container says of itself. duration in seconds (0 for a still), fps in frames a second."""

    duration: float
    width: int
    height: int
    fps: float
    has_audio: bool
    codec: str


@dataclass(frozen=True)
class Frame:
    """A decoded frame; `picture` converts it to RGB only when somebody wants it."""

    time: float
    decoded: av.VideoFrame

    def picture(self) -> np.ndarray:
        """The frame as uint8 (H, W, 3) RGB, turned upright."""
        turns = round(self.decoded.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(self.decoded.to_ndarray(format="rgb24"), turns))


def probe(source: Source) -> Metadata:
    """What `source` is. Raises MediaError where it cannot be read, has no picture, or is over a limit."""
    still = read_still(source)
    if still is not None:
        return Metadata(0.0, still.shape[1], still.shape[0], 0.0, has_audio=False, codec="still")
    with _opened(source) as container:
        return _metadata(container)


def frames(source: Source) -> Iterator[Frame]:
    """The frames of a video in order, each with its time in seconds from the first.

    In a video with many frames those that no other frame refers to are skipped where the codec marks them, which
    halves the work and leaves enough to choose from.

    Raises MediaError as `probe` does, and where the pictures cannot be decoded.
    """
    with _opened(source) as container:
        metadata = _metadata(container)
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if metadata.fps * metadata.duration > ENOUGH_FRAMES:
            stream.codec_context.skip_frame = "NONREF"
        start = None
        for decoded in container.decode(stream):
            start = decoded.time if start is None else start
            _check_pixels(decoded.width, decoded.height)
            if decoded.time - start > LIMITS.seconds:
                return
            yield Frame(max(0.0, decoded.time - start), decoded)


def sound(source: Source) -> tuple[np.ndarray, float]:
    """The first 5 s of sound, float32 (80000,) mono 16 kHz in [-1, 1] padded with silence, and the seconds heard.

    All channels weigh the same. A video without sound gives silence and 0.0.
    """
    window = np.zeros(PREPROCESSING.samples, np.float32)
    if read_still(source) is not None:
        return window, 0.0
    with _opened(source) as container:
        if not container.streams.audio:
            return window, 0.0
        heard = _decode_sound(container)
    window[: len(heard)] = heard
    return window, len(heard) / PREPROCESSING.sample_rate


def _decode_sound(container: InputContainer) -> np.ndarray:
    # Packed samples: PyAV 18 dies on planar sound of eight or more channels.
    resampler = av.AudioResampler(format="flt", rate=PREPROCESSING.sample_rate)
    parts: list[np.ndarray] = []
    have = 0
    for decoded in container.decode(container.streams.audio[0]):
        for piece in resampler.resample(decoded):
            parts.append(_mono(piece))
            have += piece.samples
        if have >= PREPROCESSING.samples:
            break
    else:
        parts += [_mono(piece) for piece in resampler.resample(None)]
    if not parts:
        return np.zeros(0, np.float32)
    return np.clip(np.concatenate(parts)[: PREPROCESSING.samples], -1, 1)


def _mono(piece: av.AudioFrame) -> np.ndarray:
    """The mean of the channels, float32 (N,)."""
    return piece.to_ndarray().reshape(-1, piece.layout.nb_channels).mean(1, dtype=np.float32)


def read_still(source: Source) -> np.ndarray | None:
    """The picture uint8 (H, W, 3) RGB of a JPEG or PNG, or None where `source` is something else."""
    if isinstance(source, Path):
        if source.suffix.lower() not in STILL_SUFFIXES:
            return None
        _check_present(source)
        source = source.read_bytes()
    if not source.startswith(STILL_SIGNATURES):
        return None
    try:
        with Image.open(io.BytesIO(source), formats=("JPEG", "PNG")) as picture:
            _check_pixels(*picture.size)
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, MediaError):
            raise
        raise MediaError("This picture cannot be decoded; save it again as JPEG or PNG.") from error


@contextmanager
def _opened(source: Source) -> Iterator[InputContainer]:
    """The container, with whatever FFmpeg raises while it is used turned into MediaError."""
    if isinstance(source, Path):
        _check_present(source)
    try:
        file = str(source) if isinstance(source, Path) else io.BytesIO(source)
        with av.open(file, "r", options=OPTIONS) as container:
            yield container
    except MediaError:
        raise
    except Exception as error:  # damaged files make the decoder raise nearly anything
        kinds = ", ".join(suffix[1:] for suffix in VIDEO_SUFFIXES)
        raise MediaError(f"This file cannot be read as a video; wanted {kinds}, whole and not encrypted.") from error


def _check_present(path: Path) -> None:
    if path.is_dir():
        raise MediaError(f"{path} is a folder; name a video in it.")
    if not path.is_file():
        raise MediaError(f"There is no file {path}; check the path.")


def _metadata(container: InputContainer) -> Metadata:
    if not container.streams.video:
        raise MediaError("This file has no picture; a video with a visible face is wanted.")
    if len(container.streams) > LIMITS.streams:
        raise MediaError(f"This file has {len(container.streams)} streams; at most {LIMITS.streams} are read.")
    stream = container.streams.video[0]
    _check_pixels(stream.width, stream.height)
    duration = _duration(container)
    if duration > LIMITS.seconds:
        raise MediaError(f"This video lasts {duration:.0f} s; at most {LIMITS.seconds:.0f} s are read, cut it first.")
    rate = float(stream.average_rate or 0)
    return Metadata(
        duration, stream.width, stream.height, rate, bool(container.streams.audio), stream.name or "unknown"
    )


def _duration(container: InputContainer) -> float:
    if container.duration is not None:
        return container.duration / av.time_base
    last = 0.0  # a file that was recorded live does not say: its packets do, and reading them is cheap
    for packet in container.demux(container.streams.video[0]):
        if packet.pts is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    container.seek(0)
    return last


def _check_pixels(width: int, height: int) -> None:
    if width * height > LIMITS.pixels:
        raise MediaError(f"This picture is {width}x{height}; at most 4096x2160 pixels are read, make it smaller first.")


def write_video(path: Path, pictures: Iterator[np.ndarray], sound: np.ndarray, *, fps: int) -> None:
    """An mp4 of square pictures uint8 (P, P, 3) RGB, enlarged to 256x256, with sound float32 mono 16 kHz."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "23", "preset": "veryfast", "threads": "1"})
        video.width, video.height, video.pix_fmt = WRITTEN_SIDE, WRITTEN_SIDE, "yuv420p"
        audio = container.add_stream("aac", rate=PREPROCESSING.sample_rate, layout="mono")
        for number, picture in enumerate(pictures):
            large = cv2.resize(picture, (WRITTEN_SIDE, WRITTEN_SIDE), interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(large, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        for start in range(0, len(sound), 1024):
            piece = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            piece.rate, piece.pts, piece.time_base = (
                PREPROCESSING.sample_rate,
                start,
                Fraction(1, PREPROCESSING.sample_rate),
            )
            container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
