"""Open videos and still images, and read their metadata, frames and sound."""

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
    MediaError,
    MediaSource,
    check_media_exists,
    check_picture_size,
    convert_ffmpeg_errors,
)
from personality.preprocessing.sound import Sound, SoundDecoder
from personality.preprocessing.still import read_still, refuse_tiled_photo
from personality.preprocessing.streams import (
    StreamPlan,
    TimeSpan,
    decode_packet,
    plan_reading,
    read_packets,
    seek_seconds,
)

__all__ = ["Metadata", "StillImage", "Video", "open_media", "probe"]

# Allowed protocols and containers. FFmpeg itself refuses text files that refer to other files (ffconcat, SDP, HLS),
# whatever their name.
FFMPEG_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,gif,wav,mp3",
    "max_streams": str(2 * LIMITS.streams),
}
MAX_FULLY_DECODED_FRAMES = 10 * PREPROCESSING.faces  # in videos with more frames, some are skipped
MIN_KEYFRAMES_OF_PART = 4  # keyframes that a part must have for only its keyframes to be decoded
MIN_TRACK_LEVEL = 0.03  # share of the loudest track's level (-30 dB); below, a track has only noise
PART_MARGIN_SECONDS = 3.0  # seconds read after the end of a part, because decoders output some frames late
LENGTH_TOLERANCE_SECONDS = 0.5  # seconds over the limit of length; a recording of 60 s is rarely exactly that long


@dataclass(frozen=True)
class Metadata:
    """Properties of a file: duration in seconds (0 for a still image); width and height in pixels of the upright frames
    with square pixels, 0 without a picture; fps in frames per second, 0 if unknown; whether there is sound that can be
    decoded; name of the codec of the picture; start: first timestamp of the file in seconds, from which the players of
    some browsers count, whereas all times of a clip count from 0."""

    duration: float
    width: int
    height: int
    fps: float
    has_audio: bool
    codec: str
    start: float = 0.0


class Video:
    """An open video, read once from start to end; the sound is decoded while the frames are read.

    Times are in seconds from the start of the clip, which is the time at which a player starts. picture_span: start of
    the first frame and end of the last. Packets that cannot be decoded are skipped. All methods raise MediaError if the
    file cannot be read.
    """

    def __init__(self, container: InputContainer, plan: StreamPlan, *, threads: int = 0) -> None:
        """plan: the plan of this file; threads: for decoding, 0 for one per core, 1 to leave cores to other clips."""
        self.picture_span = plan.first, plan.last
        self._plan = plan
        self._is_part = plan.is_part
        self._pictures = None if plan.picture is None else cast(av.VideoStream, container.streams[plan.picture])
        self._aspect = float((self._pictures and self._pictures.sample_aspect_ratio) or 1)
        # AVI files store when frames are decoded, not when they are shown: the n-th frame shown has the n-th time.
        self._counts = container.format.name == "avi"
        self._due: deque[int] = deque()
        if self._pictures is not None:
            self._prepare_decoder(self._pictures, threads)
        self._tracks = {index: SoundDecoder(plan.origin, plan.limit) for index in plan.sounds}
        self._stored_size: tuple[int, int] | None = None  # of the first frame
        self._skipped = 0  # damaged packets and frames of the picture
        streams = [container.streams[one] for one in (plan.picture, *plan.sounds) if one is not None]
        end = plan.origin + plan.limit + PART_MARGIN_SECONDS if plan.is_part else float("inf")
        self._packets = read_packets(container, streams, end)
        self._decoding = self._decoded()
        self._first = next(self._decoding, None)
        if self._first is None and self._is_silent():
            raise MediaError("This file cannot be read as a video: nothing in it can be decoded; it is damaged.")
        self.metadata = self._describe()

    def _prepare_decoder(self, pictures: av.VideoStream, threads: int) -> None:
        """Set the threads of the decoder, its limit of size, and which frames it skips."""
        pictures.thread_type = "AUTO"
        pictures.codec_context.thread_count = threads
        # The decoder refuses pictures larger than the limit before it allocates memory, whatever size the container
        # states. An eighth is added because decoders pad pictures to whole blocks.
        pictures.codec_context.options = {"max_pixels": str(LIMITS.pixels * 9 // 8)}
        if self._plan.frames > MAX_FULLY_DECODED_FRAMES and not self._counts:
            only_keyframes = self._is_part and self._plan.keyframes >= MIN_KEYFRAMES_OF_PART
            pictures.codec_context.skip_frame = "NONKEY" if only_keyframes else "NONREF"

    def _is_silent(self) -> bool:
        """Return whether there is no sound besides the picture; a silent file without a picture counts as sound."""
        return all(track.is_silent if self._pictures else track.is_empty for track in self._tracks.values())

    def _describe(self) -> Metadata:
        """Describe the file; the size is that of the first frame, because only frames store the rotation."""
        stream, start = self._pictures, max(0.0, self._plan.origin)
        if stream is None:
            return Metadata(self._plan.duration, 0, 0, 0.0, has_audio=True, codec="sound only", start=start)
        size = square_size(stream.width, stream.height, self._aspect) if self._first is None else self._first.size
        rate = float(stream.average_rate or 0)
        return Metadata(self._plan.duration, *size, rate, bool(self._tracks), stream.name or "unknown", start)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in order, up to the limit of length.

        In videos with many frames, those that no other frame refers to are skipped if the codec marks them. This
        halves the work and leaves enough frames to choose from.
        """
        last = -float("inf")
        with convert_ffmpeg_errors():
            for frame in chain([self._first] if self._first else [], self._decoding):
                if frame.time > self._plan.limit:
                    return
                if frame.time > last and (frame.time >= 0 or not self._is_part):  # times may decrease in a damaged file
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
        """Return the time at which a frame is shown, in seconds from the start of the clip."""
        if self._due:
            time = float(self._due.popleft() * cast(Fraction, decoded.time_base))
        elif decoded.time is not None:
            time = decoded.time
        else:
            raise MediaError("This file does not tell when its frames are shown; convert it to mp4.")
        return time - self._plan.origin

    def sound(self) -> Sound:
        """Return the sound, up to the limit of length. Frames that were not read before are skipped."""
        return self._heard().sound()

    def wideband(self) -> np.ndarray:
        """Return the first 7 s of the sound, float32 (N,) mono 44.1 kHz in [-1, 1], the input of
        `compute_voice_descriptors`. Frames that were not read before are skipped."""
        return self._heard().wideband()

    def notes(self) -> Iterator[str]:
        """Yield a note on each unusual property of the file; call it after the sound was read."""
        yield from self._plan.notes
        if len(self._tracks) > 1:
            number = sorted(self._tracks).index(self._heard_index()) + 1
            yield f"the file has {len(self._tracks)} sound tracks; number {number} was used"
        if self._skipped:
            yield f"damaged frames of the picture, skipped: {self._skipped}"
        if skipped := sum(track.skipped for track in self._tracks.values()):
            yield f"damaged packets of the sound, skipped: {skipped}"

    def _heard(self) -> SoundDecoder:
        """Return the sound track that is used; an empty one if there is none."""
        with convert_ffmpeg_errors():
            self._decode_remaining_sound()
            return self._tracks[self._heard_index()] if self._tracks else SoundDecoder()

    def _heard_index(self) -> int:
        """Return the index of the first track in order of preference that is not silent compared with the loudest."""
        levels = {index: track.level for index, track in self._tracks.items()}
        return next(index for index, level in levels.items() if level >= MIN_TRACK_LEVEL * max(levels.values()))

    def _decode_remaining_sound(self) -> None:
        """Decode the rest of the sound; remaining packets of the picture are skipped."""
        while not all(track.is_full for track in self._tracks.values()):
            packet = next(self._packets, None)
            if packet is None:
                return
            if packet.stream is not self._pictures:
                self._tracks[packet.stream.index].feed(packet)


class StillImage:
    """A still image as a video with one frame and no sound."""

    picture_span = 0.0, 1.0  # seconds; a still image has no duration, but is shown at all times

    def __init__(self, picture: np.ndarray) -> None:
        """picture: uint8 (H, W, 3) RGB."""
        self.metadata = Metadata(0.0, picture.shape[1], picture.shape[0], 0.0, has_audio=False, codec="still")
        self._frame = Frame(0.0, av.VideoFrame.from_ndarray(picture, format="rgb24"))

    def frames(self) -> Iterator[Frame]:
        """Return the only frame, at 0 s."""
        return iter([self._frame])

    def sound(self) -> Sound:
        """Return silence."""
        return SoundDecoder().sound()

    def wideband(self) -> np.ndarray:
        """Return an empty array, float32 (0,)."""
        return SoundDecoder().wideband()

    def notes(self) -> Iterator[str]:
        """Return an empty iterator."""
        return iter(())


@contextmanager
def open_media(source: MediaSource, *, threads: int = 0, part: TimeSpan | None = None) -> Iterator[Video | StillImage]:
    """Open a video or a still image, or a part of a video; threads as in `Video`.

    Raises MediaError if it cannot be read, has neither a picture nor sound, or exceeds a limit.
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
    """Open a file object: FFmpeg reads a name with a colon as a protocol, and accepts only names in UTF-8."""
    opened = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    with opened as file, av.open(file, "r", options=FFMPEG_OPEN_OPTIONS) as container:
        yield container


def _plan_checked(container: InputContainer, part: TimeSpan | None) -> StreamPlan:
    refuse_tiled_photo(container.metadata.get("major_brand", ""), len(container.streams.video))
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
    """Return the duration in seconds of a video of any length, without decoding: from its header if the file can be
    read at once, else from its packets, because headers may be wrong. Raises MediaError if it cannot be read."""
    check_media_exists(source)
    with convert_ffmpeg_errors(), _open_container(source) as container:
        header = None if container.duration is None else container.duration / av.time_base
        if header is not None and header <= LIMITS.seconds + LENGTH_TOLERANCE_SECONDS:
            return header
        return plan_reading(container, most_seconds=float("inf")).duration


def probe(source: MediaSource) -> Metadata:
    """Return the metadata of `source`. Raises MediaError like `open_media`."""
    with open_media(source) as video:
        return video.metadata
