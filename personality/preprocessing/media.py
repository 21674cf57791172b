"""Videos and stills: what they are, their frames, their sound."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer

from personality.constants import LIMITS, PREPROCESSING
from personality.preprocessing.frame import Frame, scaled_size, square_size
from personality.preprocessing.media_errors import (
    VIDEO_SUFFIXES,
    MediaError,
    MediaSource,
    check_media_exists,
    check_picture_size,
    convert_ffmpeg_errors,
)
from personality.preprocessing.sound import Sound, SoundDecoder
from personality.preprocessing.still import read_still
from personality.preprocessing.streams import (
    StreamPlan,
    TimeSpan,
    decode_packet,
    plan_reading,
    read_packets,
    seek_seconds,
)

__all__ = ["VIDEO_SUFFIXES", "Metadata", "StillImage", "Video", "open_media", "probe"]

# Names of containers and protocols that may be opened: a text file that names other files (ffconcat, SDP, HLS)
# is refused by FFmpeg itself, whatever it is called.
FFMPEG_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,gif,wav,mp3",
    "max_streams": str(2 * LIMITS.streams),
}
MAX_FULLY_DECODED_FRAMES = 10 * PREPROCESSING.faces  # of which some may be skipped
MIN_KEYFRAMES_OF_PART = 4  # of a part of a long video, for only these to be decoded
PART_MARGIN_SECONDS = 3.0  # after the end of a part until which packets are read: decoders hold some frames back
LENGTH_TOLERANCE_SECONDS = 0.5  # over the limit of length; a recording of 60 s rarely ends on the frame


@dataclass(frozen=True)
class Metadata:
    """What a file holds: duration in seconds (0 for a still); width and height in pixels of the upright frames with
    square pixels, 0 without a picture; fps in frames a second, 0 where unknown; whether there is sound that can be
    decoded."""

    duration: float
    width: int
    height: int
    fps: float
    has_audio: bool
    codec: str


class Video:
    """An open video, read once from front to back: its frames, the sound beside them picked up on the way.

    Times are seconds of the clip, which begins when a player begins. picture_span: from when to when there are frames.
    Packets that cannot be decoded are skipped. Everything raises MediaError where the file cannot be read.
    """

    def __init__(self, container: InputContainer, plan: StreamPlan, *, threads: int = 0) -> None:
        """plan: of this file; threads: for decoding, 0 is one a core, 1 leaves the other cores to other clips."""
        self.picture_span = plan.first, plan.last
        self._plan = plan
        self._is_part = plan.is_part
        self._pictures = None if plan.picture is None else cast(av.VideoStream, container.streams[plan.picture])
        self._aspect = float((self._pictures and self._pictures.sample_aspect_ratio) or 1)
        # An AVI tells when frames are decoded, not when they are shown: the n-th shown has the n-th of those times.
        self._counts = container.format.name == "avi"
        self._due: deque[int] = deque()
        if self._pictures is not None:
            self._prepare_decoder(self._pictures, threads)
        self._tracks = {index: SoundDecoder(plan.origin, plan.limit) for index in plan.sounds}
        self._stored_size: tuple[int, int] | None = None  # of the first frame
        self._skipped = 0  # packets and frames of the picture that are damaged
        streams = [container.streams[one] for one in (plan.picture, *plan.sounds) if one is not None]
        end = plan.origin + plan.limit + PART_MARGIN_SECONDS if plan.is_part else float("inf")
        self._packets = read_packets(container, streams, end)
        self._decoding = self._decoded()
        self._first = next(self._decoding, None)
        if self._first is None and self._is_silent():
            raise MediaError("This file cannot be read as a video: nothing in it can be decoded; it is damaged.")
        self.metadata = self._describe()

    def _prepare_decoder(self, pictures: av.VideoStream, threads: int) -> None:
        """Its threads, its limit, and the frames that it skips."""
        pictures.thread_type = "AUTO"
        pictures.codec_context.thread_count = threads
        # The decoder itself refuses pictures larger than their container says, before it takes the memory; an eighth is
        # left for the blocks it works in.
        pictures.codec_context.options = {"max_pixels": str(LIMITS.pixels * 9 // 8)}
        if self._plan.frames > MAX_FULLY_DECODED_FRAMES and not self._counts:
            only_keyframes = self._is_part and self._plan.keyframes >= MIN_KEYFRAMES_OF_PART
            pictures.codec_context.skip_frame = "NONKEY" if only_keyframes else "NONREF"

    def _is_silent(self) -> bool:
        """Whether there is nothing beside the picture; a silent recording of sound alone is something."""
        return all(track.is_silent if self._pictures else track.is_empty for track in self._tracks.values())

    def _describe(self) -> Metadata:
        """Only a frame tells how the camera was held."""
        stream = self._pictures
        if stream is None:
            return Metadata(self._plan.duration, 0, 0, 0.0, has_audio=True, codec="sound only")
        size = square_size(stream.width, stream.height, self._aspect) if self._first is None else self._first.size
        rate = float(stream.average_rate or 0)
        return Metadata(self._plan.duration, *size, rate, bool(self._tracks), stream.name or "unknown")

    def frames(self) -> Iterator[Frame]:
        """The frames in order, up to the limit of length.

        In a video with many frames those that no other frame refers to are skipped where the codec marks them,
        which halves the work and leaves enough to choose from.
        """
        last = -float("inf")
        with convert_ffmpeg_errors():
            for frame in chain([self._first] if self._first else [], self._decoding):
                if frame.time > self._plan.limit:
                    return
                if frame.time > last and (frame.time >= 0 or not self._is_part):  # a damaged file may go back
                    last = frame.time
                    yield frame

    def _decoded(self) -> Iterator[Frame]:
        for packet in self._packets:
            if packet.stream is not self._pictures:
                self._tracks[packet.stream.index].feed(packet)
                continue
            if self._counts and packet.dts is not None and packet.size:
                self._due.append(packet.dts)
            decoded = decode_packet(packet)
            if decoded is None:
                self._skipped += 1
                if self._due:
                    self._due.pop()
            for one in cast(list[av.VideoFrame], decoded or []):
                size = square_size(one.width, one.height, self._aspect)
                check_picture_size(*size)
                self._stored_size = self._stored_size or size
                frame = Frame(self._clip_seconds(one), one, self._aspect, scaled_size(size, self._stored_size))
                if one.is_corrupt:
                    self._skipped += 1
                else:
                    yield frame

    def _clip_seconds(self, decoded: av.VideoFrame) -> float:
        """When a frame is shown, in seconds of the clip."""
        if self._due:
            time = float(self._due.popleft() * cast(Fraction, decoded.time_base))
        elif decoded.time is not None:
            time = decoded.time
        else:
            raise MediaError("This file does not tell when its frames are shown; convert it to mp4.")
        return time - self._plan.origin

    def sound(self) -> Sound:
        """The sound, up to the limit of length. Frames that were not taken before are passed over."""
        return self._heard().sound()

    def wideband(self) -> np.ndarray:
        """The first 7 s of the sound, float32 (N,) mono 44.1 kHz in [-1, 1], as `compute_voice_descriptors` takes
        it. Frames that were not taken before are passed over."""
        return self._heard().wideband()

    def notes(self) -> Iterator[str]:
        """What was unusual in the file, in words, once the sound was read."""
        yield from self._plan.notes
        if len(self._tracks) > 1:
            number = sorted(self._tracks).index(self._heard_index()) + 1
            yield f"the file has {len(self._tracks)} sound tracks; number {number} was used"
        if self._skipped:
            yield f"damaged frames of the picture, skipped: {self._skipped}"
        if skipped := sum(track.skipped for track in self._tracks.values()):
            yield f"damaged packets of the sound, skipped: {skipped}"

    def _heard(self) -> SoundDecoder:
        """The track that is used; without any, an empty one."""
        with convert_ffmpeg_errors():
            self._decode_remaining_sound()
            return self._tracks[self._heard_index()] if self._tracks else SoundDecoder()

    def _heard_index(self) -> int:
        """The first track, by preference, that is not silent."""
        return next((one for one, track in self._tracks.items() if not track.is_silent), next(iter(self._tracks)))

    def _decode_remaining_sound(self) -> None:
        """Undecoded packets of the picture are passed over."""
        while not all(track.is_full for track in self._tracks.values()):
            packet = next(self._packets, None)
            if packet is None:
                return
            if packet.stream is not self._pictures:
                self._tracks[packet.stream.index].feed(packet)


class StillImage:
    """A picture as a video of one frame without sound."""

    picture_span = 0.0, 1.0  # seconds; a still has no duration, but is shown at every moment

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

    def notes(self) -> Iterator[str]:
        """Nothing."""
        return iter(())


@contextmanager
def open_media(source: MediaSource, *, threads: int = 0, part: TimeSpan | None = None) -> Iterator[Video | StillImage]:
    """The video or still `source`, or a part of a video; threads as in `Video`.

    Raises MediaError where it cannot be read, has no picture, or is over a limit.
    """
    still = read_still(source)
    if still is not None:
        yield StillImage(still)
        return
    if isinstance(source, Path):
        check_media_exists(source)
    with ExitStack() as stack:
        with convert_ffmpeg_errors():
            with _open_container(source) as container:
                plan = _plan_checked(container, part)
            container = stack.enter_context(_open_container(source))
            if part is not None:
                seek_seconds(container, plan.origin)
            video = Video(container, plan, threads=threads)
        yield video


@contextmanager
def _open_container(source: MediaSource) -> Iterator[InputContainer]:
    """By a file object: FFmpeg takes a name with a colon for a protocol, and none that is not UTF-8."""
    opened = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    with opened as file, av.open(file, "r", options=FFMPEG_OPEN_OPTIONS) as container:
        yield container


def _plan_checked(container: InputContainer, part: TimeSpan | None) -> StreamPlan:
    most = LIMITS.seconds + LENGTH_TOLERANCE_SECONDS
    plan = plan_reading(container, most_seconds=most, part=part)
    if plan.picture is not None:
        stream = cast(av.VideoStream, container.streams[plan.picture])
        check_picture_size(stream.width, stream.height)
    if plan.duration > most:
        seconds = max(plan.duration, (container.duration or 0) / av.time_base)
        raise MediaError(f"This video lasts {seconds:.1f} s; at most {LIMITS.seconds:.0f} s are read, cut it first.")
    return plan


def measure_duration(source: Path) -> float:
    """Seconds of a video of any length by its header or, where that does not tell, its last packet; nothing is
    decoded. Raises MediaError where it cannot be read."""
    check_media_exists(source)
    with convert_ffmpeg_errors(), _open_container(source) as container:
        if container.duration is not None:
            return container.duration / av.time_base
        return plan_reading(container, most_seconds=float("inf")).duration


def probe(source: MediaSource) -> Metadata:
    """What `source` is. Raises MediaError as `open_media` does."""
    with open_media(source) as video:
        return video.metadata
