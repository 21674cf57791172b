"""Videos and stills: what they are, their frames, their sound."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import InputContainer

from personality.constants import LIMITS, PREPROCESSING
from personality.preprocessing.media_errors import (
    OUT_OF_MEMORY_MESSAGE,
    MediaError,
    MediaSource,
    check_media_exists,
    check_picture_size,
)
from personality.preprocessing.sound import Sound, SoundDecoder
from personality.preprocessing.still import read_still

# Names of containers and protocols that may be opened: a text file that names other files (ffconcat, SDP, HLS)
# is refused by FFmpeg itself, whatever it is called.
FFMPEG_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"}
VIDEO_SUFFIXES = (".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v")
MAX_FULLY_DECODED_FRAMES = 10 * PREPROCESSING.faces  # of which some may be skipped
WRITTEN_VIDEO_PIXELS = 256  # pixels, side of the square videos that `write_video` makes


@dataclass(frozen=True)
class Metadata:
    """What a container says of itself. duration in seconds (0 for a still), width and height in pixels of the upright
    frames, fps in frames a second, 0 where unknown."""

    duration: float
    width: int
    height: int
    fps: float
    has_audio: bool
    codec: str


@dataclass(frozen=True)
class Frame:
    """A decoded frame; time in seconds from the first. It is converted only when somebody wants it, which raises
    MediaError where it is damaged."""

    time: float
    decoded: av.VideoFrame

    def grey(self) -> np.ndarray:
        """The frame as uint8 (H, W), turned upright."""
        return self._upright("gray")

    def picture(self) -> np.ndarray:
        """The frame as uint8 (H, W, 3) RGB, turned upright."""
        return self._upright("rgb24")

    @staticmethod
    def blank() -> Frame:
        """A small black one."""
        return Frame(0.0, av.VideoFrame.from_ndarray(np.zeros((160, 160, 3), np.uint8), format="rgb24"))

    def _upright(self, colours: str) -> np.ndarray:
        with _convert_ffmpeg_errors():
            return np.ascontiguousarray(
                np.rot90(self.decoded.to_ndarray(format=colours), _count_quarter_turns(self.decoded))
            )


def _count_quarter_turns(decoded: av.VideoFrame) -> int:
    """By how many quarters, against the clock, a frame has to be turned to stand upright."""
    return round(decoded.rotation / 90) % 4


class Video:
    """An open video, read once from front to back: its frames, the sound beside them picked up on the way.

    Everything raises MediaError where the file cannot be read on.
    """

    def __init__(self, container: InputContainer, *, threads: int = 0) -> None:
        """threads: for decoding; 0 is one a core, 1 leaves the other cores to other clips."""
        self.metadata = _read_container_metadata(container)
        self._pictures = container.streams.video[0]
        self._pictures.thread_type = "AUTO"
        self._pictures.codec_context.thread_count = threads
        # The decoder itself refuses pictures larger than their container says, before it takes the memory; an eighth is
        # left for the blocks it works in.
        self._pictures.codec_context.options = {"max_pixels": str(LIMITS.pixels * 9 // 8)}
        # An AVI tells when frames are decoded, not when they are shown: the n-th shown has the n-th of those times.
        self._counts = container.format.name == "avi"
        self._due: deque[int] = deque()
        if self.metadata.fps * self.metadata.duration > MAX_FULLY_DECODED_FRAMES and not self._counts:
            self._pictures.codec_context.skip_frame = "NONREF"
        voice = container.streams.audio[0] if self.metadata.has_audio else None
        self._listener = SoundDecoder()
        self._packets = container.demux(*filter(None, (self._pictures, voice)))
        self._decoding = self._decoded()
        self._first = next(self._decoding, None)
        if self._first is not None and _count_quarter_turns(self._first) % 2:  # only a frame says how it was held
            width, height = self.metadata.height, self.metadata.width
            self.metadata = replace(self.metadata, width=width, height=height)

    def frames(self) -> Iterator[Frame]:
        """The frames in order, up to the limit of length.

        In a video with many frames those that no other frame refers to are skipped where the codec marks them,
        which halves the work and leaves enough to choose from.
        """
        start = None
        with _convert_ffmpeg_errors():
            for decoded in chain([self._first] if self._first else [], self._decoding):
                time = self._frame_seconds(decoded)
                start = time if start is None else start
                if time - start > LIMITS.seconds:
                    return
                if time >= start:  # a damaged file may go back
                    yield Frame(time - start, decoded)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets:
            if packet.stream is not self._pictures:
                self._listener.feed(packet)
                continue
            if self._counts and packet.dts is not None and packet.size:
                self._due.append(packet.dts)
            for decoded in cast(list[av.VideoFrame], packet.decode()):
                check_picture_size(decoded.width, decoded.height)
                yield decoded

    def _frame_seconds(self, decoded: av.VideoFrame) -> float:
        """When a frame is shown, in seconds of the container."""
        if self._due:
            return float(self._due.popleft() * cast(Fraction, self._pictures.time_base))
        if decoded.time is None:
            raise MediaError("This file does not say when its frames are shown; convert it to mp4.")
        return decoded.time

    def sound(self) -> Sound:
        """The sound, up to the limit of length. Frames that were not taken before are passed over."""
        with _convert_ffmpeg_errors():
            self._decode_remaining_sound()
            return self._listener.sound()

    def wideband(self) -> np.ndarray:
        """The first 7 s of the sound, float32 (N,) mono 44.1 kHz in [-1, 1], as `compute_voice_descriptors` takes
        it. Frames that
        were not taken before are passed over."""
        with _convert_ffmpeg_errors():
            self._decode_remaining_sound()
            return self._listener.wideband()

    def _decode_remaining_sound(self) -> None:
        while not self._listener.is_full and (packet := next(self._packets, None)) is not None:
            if packet.stream is not self._pictures:
                self._listener.feed(packet)


class StillImage:
    """A picture as a video of one frame without sound."""

    def __init__(self, picture: np.ndarray) -> None:
        """picture uint8 (H, W, 3) RGB."""
        self.metadata = Metadata(0.0, picture.shape[1], picture.shape[0], 0.0, has_audio=False, codec="still")
        self._frame = Frame(0.0, av.VideoFrame.from_ndarray(picture, format="rgb24"))

    def frames(self) -> Iterator[Frame]:
        """The one frame, at 0 s."""
        return iter([self._frame])

    def sound(self) -> Sound:
        """Silence."""
        return SoundDecoder().sound()

    def wideband(self) -> np.ndarray:
        """Nothing, float32 (0,)."""
        return SoundDecoder().wideband()


@contextmanager
def open_media(source: MediaSource, *, threads: int = 0) -> Iterator[Video | StillImage]:
    """The video or still `source`; threads as in `Video`.

    Raises MediaError where it cannot be read, has no picture, or is over a limit.
    """
    still = read_still(source)
    if still is not None:
        yield StillImage(still)
        return
    if isinstance(source, Path):
        check_media_exists(source)
    with ExitStack() as stack:
        with _convert_ffmpeg_errors():
            file = str(source) if isinstance(source, Path) else io.BytesIO(source)
            video = Video(stack.enter_context(av.open(file, "r", options=FFMPEG_OPEN_OPTIONS)), threads=threads)
        yield video


def probe(source: MediaSource) -> Metadata:
    """What `source` is. Raises MediaError as `open_media` does."""
    with open_media(source) as video:
        return video.metadata


@contextmanager
def _convert_ffmpeg_errors() -> Iterator[None]:
    """Whatever FFmpeg raises in the block becomes MediaError: damaged files make a decoder raise nearly anything."""
    try:
        yield
    except MediaError:
        raise
    except MemoryError as error:
        raise MediaError(OUT_OF_MEMORY_MESSAGE) from error
    except Exception as error:
        kinds = ", ".join(suffix[1:] for suffix in VIDEO_SUFFIXES)
        raise MediaError(f"This file cannot be read as a video; wanted {kinds}, whole and not encrypted.") from error


def _read_container_metadata(container: InputContainer) -> Metadata:
    if not container.streams.video:
        raise MediaError("This file has no picture; a video with a visible face is wanted.")
    if len(container.streams) > LIMITS.streams:
        raise MediaError(f"This file has {len(container.streams)} streams; at most {LIMITS.streams} are read.")
    stream = container.streams.video[0]
    check_picture_size(stream.width, stream.height)
    duration = _read_container_duration(container)
    if duration > LIMITS.seconds:
        raise MediaError(f"This video lasts {duration:.0f} s; at most {LIMITS.seconds:.0f} s are read, cut it first.")
    rate = float(stream.average_rate or 0)
    return Metadata(
        duration, stream.width, stream.height, rate, bool(container.streams.audio), stream.name or "unknown"
    )


def _read_container_duration(container: InputContainer) -> float:
    if container.duration is not None and container.duration >= 0:
        return container.duration / av.time_base
    last = 0.0  # a file that was recorded live does not say: its packets do, and reading them is cheap
    for packet in container.demux(container.streams.video[0]):
        if packet.pts is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    container.seek(0)
    return last


def write_video(path: Path, pictures: Iterator[np.ndarray], sound: np.ndarray, *, fps: int) -> None:
    """An mp4 of square pictures uint8 (P, P, 3) RGB, enlarged to 256x256, fps a second, with sound float32 (N,) in [-1,
    1], mono 16 kHz."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "23", "preset": "veryfast", "threads": "1"})
        video.width, video.height, video.pix_fmt = WRITTEN_VIDEO_PIXELS, WRITTEN_VIDEO_PIXELS, "yuv420p"
        audio = container.add_stream("aac", rate=PREPROCESSING.sample_rate, layout="mono")
        for number, picture in enumerate(pictures):
            large = cv2.resize(picture, (WRITTEN_VIDEO_PIXELS, WRITTEN_VIDEO_PIXELS), interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(large, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        for start in range(0, len(sound), 1024):
            piece = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            piece.rate, piece.pts = PREPROCESSING.sample_rate, start
            piece.time_base = Fraction(1, PREPROCESSING.sample_rate)
            container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
