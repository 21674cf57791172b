"""What a container holds: which of its streams are read, and from when to when there is something in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

MAX_SOUND_TRACKS = 8  # that are decoded to find one that is not silent
COVERS = Disposition.attached_pic | Disposition.timed_thumbnails  # pictures that are no video
SECONDARY = Disposition.comment | Disposition.visual_impaired | Disposition.karaoke  # sound other than the recording's
TRUNCATION_SECONDS = 1.0  # by which packets may end before the header's duration
TAIL_SECONDS = 0.1  # by which sound, which comes in whole packets, may outlast the picture; its last frame stays
MIN_FRAME_SECONDS = 0.001  # for which a frame is shown, where a container gives it no duration


@dataclass(frozen=True)
class StreamPlan:
    """What is read of a container.

    picture: index of the video stream, None where there is only sound; sounds: of the sound tracks, the preferred one
    first; origin: the container's time, in seconds, at which the clip begins; duration: seconds from then to the last
    packet's end; first, last: seconds of the clip between which the picture has frames; frames: how many packets the
    picture has; keyframes: how many of them need no others; limit: seconds of the clip after which nothing is read;
    notes: what was unusual, in words; is_part: of a longer file.
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
    """A part of a file: from when to when, in seconds from where players begin."""

    start: float
    end: float


def plan_reading(container: InputContainer, *, most_seconds: float, part: TimeSpan | None = None) -> StreamPlan:
    """Choose streams, and read the timestamps of all packets up to `most_seconds`, or those of a part, which becomes
    the clip; the container cannot be read after.

    Raises MediaError where there is neither a picture nor sound.
    """
    if len(container.streams) > LIMITS.streams:
        raise MediaError(f"This file has {len(container.streams)} streams; at most {LIMITS.streams} are read.")
    picture, sounds = _choose_picture(container), _choose_sounds(container)
    if part is not None:
        return _plan_part(container, picture, sounds, part)
    spans = _read_spans(container, picture, most_seconds)
    origin = _find_origin(container, spans)
    end = max((span.end for span in spans.values()), default=origin)
    span = spans.get(_index(picture), _Span(origin, origin))
    notes = [*_describe_choice(container, picture, sounds), *_describe_truncation(container, end - origin)]
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
    """The index of a stream; -1 of none."""
    return -1 if picture is None else picture.index


def seek_seconds(container: InputContainer, seconds: float) -> None:
    """Go to the last keyframe before a time of the container."""
    container.seek(round(seconds * av.time_base))


def decode_packet(packet: av.Packet) -> Sequence[av.VideoFrame | av.AudioFrame] | None:
    """The frames of a packet, or None where it is damaged: decoders raise nearly anything then."""
    try:
        return packet.decode()
    except MemoryError:
        raise
    except Exception:
        return None


def read_packets(
    container: InputContainer, streams: Sequence[Stream], end: float = float("inf")
) -> Iterator[av.Packet]:
    """The packets of some streams until the file ends, cannot be read on, or packets are of `end` seconds of the
    container; at last an empty one of each stream, which makes its decoder give what it still holds."""
    try:
        for packet in container.demux(streams):
            if packet.dts is not None and float(packet.dts * cast(Fraction, packet.time_base)) > end:
                break
            yield packet
        else:  # the empty ones came too
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
    """From when to when a stream has packets, in seconds of the container."""

    start: float
    end: float
    packets: int = 0
    keyframes: int = 0


def _choose_picture(container: InputContainer) -> VideoStream | None:
    """The picture that players show: one flagged as default before others, never a cover; None where there is only
    sound."""
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
    """Streams with smaller values are preferred."""
    flags = stream.disposition
    return bool(flags & SECONDARY), not flags & Disposition.default, stream.index


def _read_spans(
    container: InputContainer, picture: VideoStream | None, most_seconds: float, begin: float | None = None
) -> dict[int, _Span]:
    """The span of each stream of picture or sound, by its index. Reading packets is cheap, and all headers can err.
    begin: the container's time, in seconds, before which packets do not count."""
    streams = [*([] if picture is None else [picture]), *container.streams.audio]
    leading = container.streams.audio[0].index if picture is None else picture.index  # tells when to stop
    spans: dict[int, _Span] = {}
    ticks = {stream.index: float(stream.time_base or 0) for stream in streams}  # multiplying fractions is slow
    for packet in read_packets(container, streams):
        time = packet.dts if packet.pts is None else packet.pts
        if time is None or not packet.size:
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
    """Until when frames are shown, in seconds of the container, in a clip that ends at `end`."""
    last = max(picture.end, picture.start + MIN_FRAME_SECONDS)
    return end if last < end < last + TAIL_SECONDS else last


def _find_origin(container: InputContainer, spans: dict[int, _Span]) -> float:
    """Where players begin: FFmpeg's start of the container, which leaves out the sound that decoders drop."""
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


def _describe_truncation(container: InputContainer, found: float) -> Iterator[str]:
    """Where packets end long before the header's duration, which in Matroska counts from 0, not from the start."""
    start = max(0, container.start_time or 0) / av.time_base
    promised = (container.duration or 0) / av.time_base
    if promised - start - found > TRUNCATION_SECONDS:
        yield f"the file ends after {found:.1f} of {promised:.1f} s; the rest is missing"
