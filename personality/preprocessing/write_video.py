"""Write pictures and sound as a video; used for synthetic people and in tests."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from personality.constants import PREPROCESSING

WRITTEN_VIDEO_PIXELS = 256  # pixels, side of the square videos that `write_video` makes


def write_video(path: Path, pictures: Iterator[np.ndarray], sound: np.ndarray, *, fps: int) -> None:
    """Write an mp4 from square pictures uint8 (P, P, 3) RGB, scaled to 256x256 pixels, and sound float32 (N,) in
    [-1, 1], mono 16 kHz. fps: pictures per second."""
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
