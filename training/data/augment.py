"""Augmentation of faces in training: small variations of camera and compression."""

from __future__ import annotations

import cv2
import numpy as np

MAX_TURN_DEGREES = 6.0  # degrees at most
MAX_ZOOM_SHARE = 0.08  # change of scale at most, share
MAX_SHIFT_SHARE = 0.04  # share of the side at most
MAX_BRIGHTNESS_CHANGE, MAX_CONTRAST_CHANGE = 18.0, 0.15  # grey levels and share at most
MAX_BLUR_SIGMA_PIXELS = 1.2  # pixels of the crop, standard deviation of a Gaussian at most
MIN_DOWNSCALE_SHARE = (
    0.25  # of the side: crops are often enlarged to 224, and faces in small videos have half of their size
)
AUGMENT_JPEG_QUALITY = (15, 95)  # quality of the reduced picture
UNDEGRADED_SHARE = 0.25  # share of clips that are not degraded


def augment_faces(faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Augment faces uint8 (T, S, S, 3) RGB: mirror, rotate, scale, shift, light and degrade all frames equally.

    Colour, expression and shape do not change, because impressions depend on them. The border is replicated.
    """
    turn, zoom, *shift = random.uniform(-1, 1, 4) * [MAX_TURN_DEGREES, MAX_ZOOM_SHARE, MAX_SHIFT_SHARE, MAX_SHIFT_SHARE]
    light, contrast = random.uniform(-1, 1, 2) * [MAX_BRIGHTNESS_CHANGE, MAX_CONTRAST_CHANGE]
    side = faces.shape[1]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, 1 + zoom)
    matrix[:, 2] += np.multiply(shift, side)
    levels = (np.arange(256) - 128) * (1 + contrast) + 128 + light
    table = levels.clip(0, 255).astype(np.uint8)
    moved = [cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE) for face in faces]
    return mirror_at_random(degrade_faces(cv2.LUT(np.stack(moved), table), random), random)


def degrade_faces(faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur, reduce, compress and enlarge faces uint8 (T, S, S, 3) RGB, as lenses, small videos and codecs do.

    All frames have the same blur, size and quality; UNDEGRADED_SHARE of the clips are not changed.
    """
    blur = random.uniform(0, MAX_BLUR_SIGMA_PIXELS)
    size = round(faces.shape[1] * MIN_DOWNSCALE_SHARE ** random.uniform(0, 1))  # log-uniform
    quality = int(random.integers(*AUGMENT_JPEG_QUALITY, endpoint=True))
    if random.random() < UNDEGRADED_SHARE:
        return faces
    return np.stack([_degrade_face(face, blur, size, quality) for face in faces])


def _degrade_face(face: np.ndarray, blur: float, size: int, quality: int) -> np.ndarray:
    side = face.shape[1]
    soft = cv2.GaussianBlur(face, (0, 0), blur) if blur > 0.1 else face  # below, the kernel is one pixel
    small = cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA)
    # The codec reads and returns RGB as BGR, which only swaps its weights of red and blue.
    written = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR))
    return cv2.resize(read, (side, side), interpolation=cv2.INTER_LINEAR)


def mirror_at_random(faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The faces (T, S, S, 3), mirrored with probability 0.5."""
    return faces[:, :, ::-1] if random.random() < 0.5 else faces
