"""Faces varied a little in training, as another camera would have seen the same person."""

from __future__ import annotations

import cv2
import numpy as np

TURN = 6.0  # degrees at most
ZOOM = 0.08  # change of scale at most, share
SHIFT = 0.04  # share of the side at most
LIGHT, CONTRAST = 18.0, 0.15  # grey levels and share at most


def vary_faces(faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirror, turn, scale, shift and light uint8 (T, S, S, 3) RGB: one draw for all frames, for it is one take.

    Colour, expression and shape stay: people judge by them. What is moved in from outside repeats the border.
    """
    turn, zoom, *shift = random.uniform(-1, 1, 4) * [TURN, ZOOM, SHIFT, SHIFT]
    light, contrast = random.uniform(-1, 1, 2) * [LIGHT, CONTRAST]
    side = faces.shape[1]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, 1 + zoom)
    matrix[:, 2] += np.multiply(shift, side)
    levels = (np.arange(256) - 128) * (1 + contrast) + 128 + light
    table = levels.clip(0, 255).astype(np.uint8)
    moved = [cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE) for face in faces]
    return mirror(cv2.LUT(np.stack(moved), table), random)


def mirror(faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The faces (T, S, S, 3), in half of the draws as a mirror shows them."""
    return faces[:, :, ::-1] if random.random() < 0.5 else faces
