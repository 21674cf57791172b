"""Choose the streams of a container to read, and find the time span of each from its packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from personality.constants import LIMITS
from personality.preprocessing.media_errors import MediaError

MAX_SOUND_TRACKS = 8  # largest number of tracks decoded to find one that is not silent
COVERS = Disposition.attached_pic | Disposition.timed_thumbnails  # still pictures in a container
SECONDARY = Disposition.comment | Disposition.visual_impaired | Disposition.karaoke  # not the sound of the recording
TRUNCATION_SECONDS = 1.0  # seconds by which the packets may end before the duration in the header
MAX_CLOCK_STEP_BACK_SECONDS = 1.0  # a larger step back is the start of another recording
TAIL_SECONDS = 0.1  # if sound (in whole packets) lasts longer than the picture by less, the last frame stays
MIN_FRAME_SECONDS = 0.001  # seconds; duration of a frame if the container states none


@dataclass(frozen=True)
class StreamPlan:
    """The streams of a container that are read, and their times in seconds.

    picture: index of the video stream, None if there is only sound; sounds: indices of the sound tracks, the preferred
    one first; origin: time of the container at which the clip starts; duration: from the origin to the end of the last
    packet; first, last: times in the clip between which the picture has frames; frames: number of packets of the
    picture; keyframes: number of those that are decoded without others; limit: time in the clip after which nothing is
    read; notes: unusual properties, as text; is_part: whether the clip is a part of a longer file.
    """

    picture: int | None
    sounds: tuple[int, ...]
    origin: float
    duration: float
    first: float
    last: float
    frames: int
    keyframes: int
    limit: float
    notes: tuple[str, ...]
    is_part: bool = False


class TimeSpan(NamedTuple):
    """A part of a file: its start and end, in seconds from the time at which players start."""

    start: float
    end: float


def plan_reading(container: InputContainer, *, most_seconds: float, part: TimeSpan | None = None) -> StreamPlan:
    """Choose streams, and read the timestamps of all packets up to `most_seconds`, or those of a part, which becomes
    the clip. The container cannot be read afterwards.

    Raises MediaError if there is neither a picture nor sound, or if there are too many streams.
    """
    if len(container.streams) > LIMITS.streams:
        raise MediaError(f"This file has {len(container.streams)} streams; at most {LIMITS.streams} are read.")
    picture, sounds = _choose_picture(container), _choose_sounds(container)
    if part is not None:
        return _plan_part(container, picture, sounds, part)
    restarts: list[float] = []
    spans = _read_spans(container, picture, most_seconds, on_restart=restarts.append)
    origin = _find_origin(container, spans)
    end = max((span.end for span in spans.values()), default=origin)
    span = spans.get(_index(picture), _Span(origin, origin))
    notes = [*_describe_choice(container, picture, sounds)]
    notes += _describe_restart(end - origin) if restarts else _describe_truncation(container, end - origin)
    return StreamPlan(
        picture=None if picture is None else picture.index,
        sounds=tuple(track.index for track in sounds),
        origin=origin,
        duration=round(max(0.0, end - origin), 6),
        first=span.start - origin,
        last=_find_picture_end(span, end) - origin,
        frames=span.packets,
        keyframes=span.keyframes,
        limit=LIMITS.seconds,
        notes=tuple(notes),
    )


def _plan_part(
    container: InputContainer, picture: VideoStream | None, sounds: list[AudioStream], part: TimeSpan
) -> StreamPlan:
    origin = (container.start_time or 0) / av.time_base + part.start
    seek_seconds(container, origin)
    spans = _read_spans(container, picture, part.end - part.start, origin)
    end = min(max((span.end for span in spans.values()), default=origin), origin + part.end - part.start)
    span = spans.get(_index(picture), _Span(origin, origin))
    return StreamPlan(
        picture=None if picture is None else picture.index,
        sounds=tuple(track.index for track in sounds),
        origin=origin,
        duration=round(max(0.0, end - origin), 6),
        first=max(0.0, span.start - origin),
        last=max(MIN_FRAME_SECONDS, min(_find_picture_end(span, end), end) - origin),
        frames=span.packets,
        keyframes=span.keyframes,
        limit=part.end - part.start,
        notes=tuple(_describe_choice(container, picture, sounds)),
        is_part=True,
    )


def _index(picture: VideoStream | None) -> int:
    """Return the index of a stream; -1 if it is None."""
    return -1 if picture is None else picture.index


def seek_seconds(container: InputContainer, seconds: float) -> None:
    """Seek to the last keyframe before a time of the container."""
    container.seek(round(seconds * av.time_base))


def decode_packet(packet: av.Packet) -> Sequence[av.VideoFrame | av.AudioFrame] | None:
    """Return the frames of a packet, or None if it is damaged: decoders then raise exceptions of many types."""
    try:
        return packet.decode()
    except MemoryError:
        raise
    except Exception:
        return None


def read_packets(
    container: InputContainer,
    streams: Sequence[Stream],
    end: float = float("inf"),
    on_restart: Callable[[float], object] = lambda time: None,
) -> Iterator[av.Packet]:
    """Yield the packets of some streams until the file ends, cannot be read further, a packet is later than `end`
    (seconds of the container), or the clock goes back, as it does where files were concatenated; finally an empty
    packet for each stream, which flushes its decoder. on_restart: called with the last time before the clock went
    back."""
    latest: dict[int, float] = {}  # time of the last packet of each stream
    try:
        for packet in container.demux(streams):
            if packet.dts is not None:
                time = float(packet.dts * cast(Fraction, packet.time_base))
                if time > end:
                    break
                if time < latest.get(packet.stream_index, time) - MAX_CLOCK_STEP_BACK_SECONDS:
                    on_restart(latest[packet.stream_index])
                    break
                latest[packet.stream_index] = time
            yield packet
        else:  # `demux` yielded the empty packets too
            return
    except MemoryError:
        raise
    except av.FFmpegError:
        pass
    for stream in streams:
        packet = av.Packet()
        packet.stream, packet.time_base = stream, cast(Fraction, stream.time_base)
        yield packet


@dataclass
class _Span:
    """Start and end of the packets of a stream, in seconds of the container, and counts of packets and keyframes."""

    start: float
    end: float
    packets: int = 0
    keyframes: int = 0


def _choose_picture(container: InputContainer) -> VideoStream | None:
    """Return the video stream that players show: a default stream is preferred, covers are excluded; None if there is
    only sound."""
    pictures = [stream for stream in container.streams.video if not stream.disposition & COVERS]
    if not pictures and _choose_sounds(container):
        return None
    if not pictures:
        raise MediaError("This file has neither a picture nor sound; a video of a person is expected.")
    decodable = [stream for stream in pictures if stream.codec_context is not None]
    if not decodable:
        raise MediaError("The picture of this file is in an unknown codec; convert it to mp4.")
    return min(decodable, key=_preference)


def _choose_sounds(container: InputContainer) -> list[AudioStream]:
    tracks = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return sorted(tracks, key=_preference)[:MAX_SOUND_TRACKS]


def _preference(stream: Stream) -> tuple[bool, bool, int]:
    """Return a sorting key; streams with smaller values are preferred."""
    flags = stream.disposition
    return bool(flags & SECONDARY), not flags & Disposition.default, stream.index


def _read_spans(
    container: InputContainer,
    picture: VideoStream | None,
    most_seconds: float,
    begin: float | None = None,
    on_restart: Callable[[float], object] = lambda time: None,
) -> dict[int, _Span]:
    """Return the span of each picture and sound stream by its index. Packets are read because this is fast, and any
    header may be wrong. begin: time of the container, in seconds, before which packets are ignored. on_restart: as in
    `read_packets`."""
    streams = [*([] if picture is None else [picture]), *container.streams.audio]
    leading = container.streams.audio[0].index if picture is None else picture.index  # its times determine when to stop
    spans: dict[int, _Span] = {}
    ticks = {stream.index: float(stream.time_base or 0) for stream in streams}  # multiplying fractions is slow
    for packet in read_packets(container, streams, on_restart=on_restart):
        time = packet.dts if packet.pts is None else packet.pts
        if time is None or not packet.size or packet.is_discard:  # an edit list hides it
            continue
        index = packet.stream_index
        start = time * ticks[index]
        end = start + (packet.duration or 0) * ticks[index]
        if begin is not None and end <= begin:
            continue
        span = spans.setdefault(index, _Span(start, end))
        span.start, span.end, span.packets = min(span.start, start), max(span.end, end), span.packets + 1
        span.keyframes += packet.is_keyframe
        if index == leading and start - (span.start if begin is None else begin) > most_seconds:
            break
    return spans


def _find_picture_end(picture: _Span, end: float) -> float:
    """Return the time until which frames are shown in a clip that ends at `end`, in seconds of the container."""
    last = max(picture.end, picture.start + MIN_FRAME_SECONDS)
    return end if last < end < last + TAIL_SECONDS else last


def _find_origin(container: InputContainer, spans: dict[int, _Span]) -> float:
    """Return the time at which players start: FFmpeg's start time, which excludes sound that decoders discard."""
    if container.start_time is not None:
        return container.start_time / av.time_base
    return min((span.start for span in spans.values()), default=0.0)


def _describe_choice(
    container: InputContainer, picture: VideoStream | None, sounds: list[AudioStream]
) -> Iterator[str]:
    pictures = [stream for stream in container.streams.video if not stream.disposition & COVERS]
    if picture is not None and len(pictures) > 1:
        yield f"the file has {len(pictures)} pictures; number {pictures.index(picture) + 1} was used"
    if container.streams.audio and not sounds:
        yield "the sound is in an unknown codec and cannot be decoded"


def _describe_restart(found: float) -> Iterator[str]:
    yield f"the clock of the file restarts after {found:.1f} s, as in joined recordings; the rest was not read"


def _describe_truncation(container: InputContainer, found: float) -> Iterator[str]:
    """Yield a note if packets end long before the duration in the header, which in Matroska counts from 0."""
    start = max(0, container.start_time or 0) / av.time_base
    promised = (container.duration or 0) / av.time_base
    if promised - start - found > TRUNCATION_SECONDS:
        yield f"the file ends after {found:.1f} of {promised:.1f} s; the rest is missing"
