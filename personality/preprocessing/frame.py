"""Convert a decoded frame to a picture with square pixels, upright, in standard dynamic range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import av
import cv2
import numpy as np

from personality.preprocessing.media_errors import convert_ffmpeg_errors
from personality.preprocessing.tone_mapping import is_high_dynamic_range, tone_map

MAX_PIXEL_ASPECT = 8.0  # width over height of a pixel, or the inverse; larger values in a container are errors
SHAPE_TOLERANCE = 0.02  # relative difference of width over height if a recorder only changed its resolution


class Orientation(NamedTuple):
    """The transformation of stored pixels to an upright picture: transpose first, then mirror."""

    transposed: bool = False
    flip_columns: bool = False
    flip_rows: bool = False

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture, (H, W, ...), upright and contiguous."""
        turned = picture.swapaxes(0, 1) if self.transposed else picture
        return np.ascontiguousarray(turned[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1])


@dataclass(frozen=True)
class Frame:
    """A decoded frame, converted when a picture is requested; MediaError is then raised if it is damaged.

    time: seconds of the clip; aspect: width of a pixel over its height; stored_size: width and height in square pixels
    before it is turned upright, by default those of this frame; turns: quarter turns, counter-clockwise, by which it is
    turned beyond that, because heads are not upright in it.
    """

    time: float
    decoded: av.VideoFrame
    aspect: float = 1.0
    stored_size: tuple[int, int] | None = None
    turns: int = 0

    def turned(self, turns: int) -> Frame:
        """The same frame, turned by so many quarter turns."""
        return replace(self, turns=turns) if turns else self

    def grey(self) -> np.ndarray:
        """Return the frame in gray, uint8 (H, W), upright, with square pixels."""
        if is_high_dynamic_range(self.decoded.color_trc):
            return cv2.cvtColor(self.picture(), cv2.COLOR_RGB2GRAY)
        return self._turn(self._convert("gray"))

    def picture(self) -> np.ndarray:
        """The frame as uint8 (H, W, 3) RGB, upright, with square pixels."""
        is_bright = is_high_dynamic_range(self.decoded.color_trc)
        return self._turn(self._tone_mapped if is_bright else self._convert("rgb24"))

    def _turn(self, picture: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(picture, self.turns)) if self.turns else picture

    def place_in_video(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Where a box (left, top, right, bottom) of the turned picture is in the picture that players show."""
        left, top, right, bottom = box
        width, height = self.size[0] - 1, self.size[1] - 1
        return (
            box,
            (width - bottom, left, width - top, right),
            (width - right, height - bottom, width - left, height - top),
            (top, height - right, bottom, height - left),
        )[self.turns]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the picture that players show."""
        width, height = self._stored_size
        return (height, width) if self.orientation.transposed else (width, height)

    @property
    def _stored_size(self) -> tuple[int, int]:
        return self.stored_size or square_size(self.decoded.width, self.decoded.height, self.aspect)

    @cached_property
    def orientation(self) -> Orientation:
        """The orientation from the display matrix of the frame."""
        return _read_orientation(self.decoded)

    @cached_property
    def _tone_mapped(self) -> np.ndarray:
        return tone_map(self._convert("rgb48le"), self.decoded.color_trc)

    def _convert(self, pixel_format: str) -> np.ndarray:
        width, height = self._stored_size
        with convert_ffmpeg_errors():
            picture = self.decoded.to_ndarray(format=pixel_format, width=width, height=height)
        return self.orientation.apply(picture)

    @staticmethod
    def blank() -> Frame:
        """Return a small black frame."""
        return Frame(0.0, av.VideoFrame.from_ndarray(np.zeros((160, 160, 3), np.uint8), format="rgb24"))


def square_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    """Return the size at which pixels of this aspect are square. Like in players, their shorter side is stretched."""
    if not 1 / MAX_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT:
        return width, height
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


def scaled_size(size: tuple[int, int], first: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which a frame of `size` is shown in a video whose first frame has the size `first`: `first`,
    so that boxes stay valid, or `size` if width over height differs."""
    is_same_shape = abs(size[0] * first[1] / (size[1] * first[0]) - 1) < SHAPE_TOLERANCE
    return first if is_same_shape else size


def _read_orientation(decoded: av.VideoFrame) -> Orientation:
    """Return the orientation, of eight, nearest to the display matrix: x' = ax + cy, y' = bx + dy."""
    for side_data in decoded.side_data:
        if side_data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d, *_ = np.frombuffer(bytes(side_data)[:36], np.int32).tolist()
            if abs(b) + abs(c) > abs(a) + abs(d):
                return Orientation(True, flip_columns=c < 0, flip_rows=b < 0)
            return Orientation(False, flip_columns=a < 0, flip_rows=d < 0)
    return Orientation()
