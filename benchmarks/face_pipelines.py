"""Pipelines from a clip to its faces, each on one thread: that of this project, and those it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.attributes import estimate_age_and_gender
from personality.preprocessing.cache import Cache
from personality.preprocessing.emotion import predict_emotion_confidences
from personality.preprocessing.faces import Face, _crop_face, _detect_faces
from personality.preprocessing.frame import Frame
from personality.preprocessing.media import open_media
from personality.preprocessing.sample import read_sample
from personality.preprocessing.worker_pools import limit_to_one_thread


def frame_times(duration: float) -> list[float]:
    """Return the middle of each of K equal parts of a clip, in seconds."""
    return [(k + 0.5) * duration / PREPROCESSING.faces for k in range(PREPROCESSING.faces)]


def bare_decoding(clip: Path, out: Path) -> None:
    """Decode all frames in order, on one thread."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def project_pipeline(clip: Path, out: Path) -> None:
    """Run all steps of `preprocess` for a clip."""
    Cache(out).write(clip.name, read_sample(clip, threads=1), "")


def naive_pipeline(clip: Path, out: Path) -> None:
    """Seek each moment and detect its face at full resolution; sound, age, gender and emotions like this project."""
    with open_media(clip, threads=1) as video:
        duration, sound = video.metadata.duration, video.sound()
    found = [find_face_at_full_size(frame) for frame in seek_frames(clip, frame_times(duration))]
    faces = np.stack([face.crop for face in found if face])
    estimate_age_and_gender(faces)
    predict_emotion_confidences(faces)
    assert sound.samples.any()


def mtcnn(clip: Path, out: Path) -> None:
    """Detect faces only, with facenet-pytorch's MTCNN at full resolution, in the same frames as this project."""
    with open_media(clip, threads=1) as video:
        wanted = frame_times(video.metadata.duration)
        frames: list[np.ndarray] = []
        for frame in video.frames():
            if len(frames) < len(wanted) and frame.time >= wanted[len(frames)]:
                frames.append(frame.picture())
    for picture in frames:
        _load_mtcnn()(picture)


@lru_cache(maxsize=1)
def _load_mtcnn() -> Any:
    from facenet_pytorch import MTCNN

    return MTCNN(image_size=PREPROCESSING.face_size, post_process=False)


def seek_frames(clip: Path, times: Sequence[float]) -> Iterable[Frame]:
    """Yield the frame at each of `times`, by seeking and decoding up to it."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for at in times:
            container.seek(round(at / stream.time_base), stream=stream)
            yield next(Frame(f.time, f) for f in container.decode(stream) if f.time + 0.5 / stream.average_rate >= at)


def find_face_at_full_size(frame: Frame) -> Face | None:
    """Return the largest face of a frame, detected at full resolution."""
    grey = frame.grey()
    found = _detect_faces(grey, (0, 0, grey.shape[1], grey.shape[0]), 1.0)
    return _crop_face(frame, max(found, key=lambda one: one.box[2] - one.box[0])) if found else None


def run_on_one_thread(way: Callable[[Path, Path], None], clip: Path, out: Path) -> None:
    """Run a pipeline with one thread, like a worker."""
    with limit_to_one_thread():
        way(clip, out)
