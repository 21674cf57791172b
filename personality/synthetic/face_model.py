"""A statistical model of faces: sample a face with given attributes, predict its ratings, and animate it.

Built by `training/recipes/face_model.py` from 804 portraits of computer-made people, based on the active appearance
model of Cootes, Edwards and Taylor (1998): principal components of shape (68 landmarks) and of texture (warped
to the mean shape), with linear maps from and to human ratings of the portraits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from safetensors.numpy import load_file

from personality.utils.locations import ASSETS_FOLDER

FACE_MODEL_FOLDER = ASSETS_FOLDER / "face_model"

# Landmarks in the order of the 68-point scheme of iBUG 300-W.
LEFT_BROW, RIGHT_BROW = slice(17, 22), slice(22, 27)
EYES = ((36, (37, 38), 39, (41, 40)), (42, (43, 44), 45, (47, 46)))  # corner, upper lid, corner, lower lid
MOUTH_CORNERS = (48, 54)
UPPER_LIP, LOWER_LIP = (50, 51, 52, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)
INNER_MOUTH = slice(60, 68)
JAW = slice(4, 13)
RESIDUAL_SPREAD = 0.8  # factor for the random variation that attributes do not determine
MOUTH_DROP = 0.17  # maximum motion of the lower lip, as a share of the distance between the eyes
MOUTH_COLOUR = (58, 22, 26)  # RGB of the inside of an open mouth


def border_points(size: int) -> np.ndarray:
    """Return eight fixed points, (8, 2), on the edge of a square picture, so that a warp covers all of it."""
    sides = (0.0, size / 2, size - 1.0)
    return np.array([(x, y) for x in sides for y in sides if (x, y) != (size / 2, size / 2)])


@dataclass(frozen=True)
class Expression:
    """The expression of a face: mouth open 0..1, blink 0..1, emotion weights by name 0..1, sway in pixels."""

    mouth: float = 0.0
    blink: float = 0.0
    emotions: tuple[tuple[str, float], ...] = ()
    sway: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class FaceModel:
    """The arrays of the model; T texture and S shape components, A attributes, R ratings.

    texture_mean float32 (P, P, 3) in 0..255; texture_basis float32 (T, P*P*3); shape_mean (68, 2) and shape_basis
    (S, 136) in pixels of a P x P picture; triangles (M, 3); from_attributes (A + 1, T + S) and residual (T + S, T + S)
    give coefficients in standard deviations; to_ratings (T + S + 1, R) gives ratings in standard deviations.
    """

    texture_mean: np.ndarray
    texture_basis: np.ndarray
    shape_mean: np.ndarray
    shape_basis: np.ndarray
    triangles: np.ndarray
    from_attributes: np.ndarray
    residual: np.ndarray
    to_ratings: np.ndarray
    attributes: tuple[str, ...]
    ratings: tuple[str, ...]

    @property
    def size(self) -> int:
        """Side of a picture in pixels."""
        return len(self.texture_mean)

    def sample(self, attributes: dict[str, float], random: np.random.Generator) -> np.ndarray:
        """Sample coefficients, (T + S,), of a face with `attributes` in standard deviations (missing ones are average).

        The random variation that attributes do not determine is scaled by RESIDUAL_SPREAD.
        """
        wanted = np.array([1.0] + [attributes.get(name, 0.0) for name in self.attributes])
        return wanted @ self.from_attributes + RESIDUAL_SPREAD * self.residual @ random.standard_normal(
            len(self.residual)
        )

    def attribute_shift(self, attributes: dict[str, float]) -> np.ndarray:
        """Return the difference of coefficients that changes a face by `attributes` (standard deviations)."""
        return np.array([0.0] + [attributes.get(name, 0.0) for name in self.attributes]) @ self.from_attributes

    def predict_ratings(self, coefficients: np.ndarray) -> dict[str, float]:
        """Predict human ratings of the face, in standard deviations over the portraits."""
        return dict(zip(self.ratings, (np.append(1.0, coefficients) @ self.to_ratings).tolist(), strict=True))

    def shape(self, coefficients: np.ndarray) -> np.ndarray:
        """Compute the landmarks, (68, 2), of the face at rest."""
        return self.shape_mean + (coefficients[len(self.texture_basis) :] @ self.shape_basis).reshape(-1, 2)

    def texture(self, coefficients: np.ndarray) -> np.ndarray:
        """Compute the texture of the face in the mean shape, uint8 (P, P, 3) RGB."""
        flat = coefficients[: len(self.texture_basis)] @ self.texture_basis
        return np.clip(self.texture_mean + flat.reshape(self.texture_mean.shape), 0, 255).astype(np.uint8)

    def render(self, coefficients: np.ndarray) -> np.ndarray:
        """Draw the face at rest, uint8 (P, P, 3) RGB."""
        return warp_picture(
            self.texture(coefficients),
            self._with_border_points(self.shape_mean),
            self._at_rest(coefficients),
            self.triangles,
        )

    def animate(self, coefficients: np.ndarray) -> AnimatedFace:
        """Return the face in a form that can be drawn with any expression."""
        return AnimatedFace(self.render(coefficients), self.shape(coefficients), self.triangles)

    def _at_rest(self, coefficients: np.ndarray) -> np.ndarray:
        return self._with_border_points(self.shape(coefficients))

    def _with_border_points(self, points: np.ndarray) -> np.ndarray:
        return np.vstack([points, border_points(self.size)])


@dataclass(frozen=True)
class AnimatedFace:
    """A face at rest (uint8 (P, P, 3) RGB, landmarks (68, 2)) that can be drawn with any expression."""

    picture: np.ndarray
    points: np.ndarray
    triangles: np.ndarray

    @cached_property
    def _pixel_corners(self) -> tuple[np.ndarray, np.ndarray]:
        """The three landmarks around each pixel, (P, P, 3), and their weights, (P, P, 3)."""
        return compute_barycentric(
            np.vstack([self.points, border_points(len(self.picture))]), self.triangles, len(self.picture)
        )

    def draw(self, expression: Expression) -> np.ndarray:
        """Draw the face, uint8 (P, P, 3) RGB. Pixels are sampled at their position minus the motion, which is small."""
        motion = compute_landmark_motion(self.points, expression)
        corners, weights = self._pixel_corners
        field = (np.vstack([motion, np.zeros((8, 2))])[corners] * weights[..., None]).sum(2).astype(np.float32)
        y, x = np.mgrid[: len(field), : len(field)].astype(np.float32)
        face = cv2.remap(
            self.picture, x - field[..., 0], y - field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        return _open_mouth(face, (self.points + motion)[INNER_MOUTH], expression.mouth)


def _open_mouth(face: np.ndarray, inner: np.ndarray, opening: float) -> np.ndarray:
    """Darken the area between the lips, the more the wider they open."""
    if opening < 0.1:
        return face
    centre = inner.mean(0)
    inside = centre + (inner - centre) * [0.8, 0.75]
    mask = np.zeros(face.shape[:2], np.float32)
    cv2.fillConvexPoly(
        mask, cv2.convexHull((inside * 16).round().astype(np.int32)), min(1.0, opening * 1.4), cv2.LINE_AA, 4
    )
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    return (face * (1 - mask) + np.array(MOUTH_COLOUR) * mask).astype(np.uint8)


def compute_landmark_motion(points: np.ndarray, expression: Expression) -> np.ndarray:
    """Compute the motion of each landmark, (68, 2) in pixels, for an expression, proportional to the distance between
    the eyes."""
    unit = float(np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0)))
    motion = np.zeros_like(points)
    _move_mouth(motion, expression.mouth * MOUTH_DROP * unit)
    for corner, upper, other, lower in EYES:
        level = (points[corner] + points[other]) / 2
        for up, down in zip(upper, lower, strict=True):
            closed = level[1] + 0.6 * (points[down][1] - level[1])
            motion[up, 1] += expression.blink * (closed - points[up][1])
            motion[down, 1] += expression.blink * (closed - points[down][1])
    for name, weight in expression.emotions:
        EMOTION_MOTIONS[name](motion, weight * unit)
    return motion + np.array(expression.sway)


def _move_mouth(motion: np.ndarray, drop: float) -> None:
    motion[list(LOWER_LIP), 1] += drop
    motion[JAW, 1] += 0.7 * drop
    motion[list(UPPER_LIP), 1] -= 0.12 * drop


def _happy(motion: np.ndarray, unit: float) -> None:
    for corner, side in zip(MOUTH_CORNERS, (-1, 1), strict=True):
        motion[corner] += np.array([side * 0.10, -0.11]) * unit
    motion[[60, 64]] += np.array([[-0.08, -0.09], [0.08, -0.09]]) * unit
    motion[[40, 41, 46, 47], 1] -= 0.03 * unit


def _sadness(motion: np.ndarray, unit: float) -> None:
    motion[list(MOUTH_CORNERS), 1] += 0.15 * unit
    motion[[20, 21, 22, 23], 1] -= 0.11 * unit
    motion[[17, 26], 1] += 0.05 * unit


def _anger(motion: np.ndarray, unit: float) -> None:
    motion[[20, 21, 22, 23], 1] += 0.20 * unit
    motion[[20, 21], 0] += 0.07 * unit
    motion[[22, 23], 0] -= 0.07 * unit
    motion[[18, 19, 24, 25], 1] += 0.08 * unit
    motion[list(UPPER_LIP), 1] += 0.04 * unit
    motion[list(LOWER_LIP), 1] -= 0.04 * unit
    motion[list(MOUTH_CORNERS), 1] += 0.05 * unit


def _surprise(motion: np.ndarray, unit: float) -> None:
    motion[LEFT_BROW, 1] -= 0.22 * unit
    motion[RIGHT_BROW, 1] -= 0.22 * unit
    _widen_eyes(motion, 0.07 * unit)
    _move_mouth(motion, 0.34 * unit)
    motion[list(MOUTH_CORNERS)] += np.array([[0.09, 0.08], [-0.09, 0.08]]) * unit


def _fear(motion: np.ndarray, unit: float) -> None:
    motion[LEFT_BROW, 1] -= 0.13 * unit
    motion[RIGHT_BROW, 1] -= 0.13 * unit
    _widen_eyes(motion, 0.08 * unit)
    _move_mouth(motion, 0.14 * unit)
    motion[list(MOUTH_CORNERS)] += np.array([[-0.09, 0.02], [0.09, 0.02]]) * unit


def _disgust(motion: np.ndarray, unit: float) -> None:
    motion[31:36, 1] -= 0.10 * unit
    motion[list(UPPER_LIP), 1] -= 0.11 * unit
    motion[[20, 21, 22, 23], 1] += 0.12 * unit
    motion[[40, 41, 46, 47], 1] -= 0.05 * unit
    motion[list(MOUTH_CORNERS), 1] += 0.04 * unit


def _widen_eyes(motion: np.ndarray, by: float) -> None:
    motion[[37, 38, 43, 44], 1] -= by
    motion[[40, 41, 46, 47], 1] += 0.5 * by


EMOTION_MOTIONS = {
    "happy": _happy,
    "sadness": _sadness,
    "anger": _anger,
    "surprise": _surprise,
    "fear": _fear,
    "disgust": _disgust,
    "neutral": lambda motion, unit: None,
}


def compute_barycentric(points: np.ndarray, triangles: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the corners of the triangle around each pixel, int64 (size, size, 3), and their weights."""
    corners = np.zeros((size, size, 3), np.int64)
    weights = np.zeros((size, size, 3))
    for triangle in triangles:
        x0, y0, width, height = cv2.boundingRect(points[triangle].astype(np.float32))
        y, x = np.mgrid[max(y0, 0) : min(y0 + height + 1, size), max(x0, 0) : min(x0 + width + 1, size)]
        edges = np.vstack([points[triangle].T, np.ones(3)])
        if abs(np.linalg.det(edges)) < 1e-6 or x.size == 0:
            continue
        share = np.linalg.solve(edges, np.stack([x.ravel(), y.ravel(), np.ones(x.size)])).T.reshape(*x.shape, 3)
        inside = (share > -1e-6).all(-1)
        corners[y[inside], x[inside]], weights[y[inside], x[inside]] = triangle, share[inside]
    return corners, weights


def warp_picture(picture: np.ndarray, source: np.ndarray, target: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Warp a square picture, uint8 (P, P, 3), from points `source` to `target`, both (N, 2), piecewise affinely."""
    corners, weights = compute_barycentric(target, triangles, len(picture))
    place = (source[corners] * weights[..., None]).sum(2).astype(np.float32)
    return cv2.remap(picture, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


@lru_cache(maxsize=1)
def load_face_model() -> FaceModel:
    """Load the included model. Raises FileNotFoundError if it is missing."""
    if not (FACE_MODEL_FOLDER / "model.safetensors").exists():
        raise FileNotFoundError(
            f"no face model in {FACE_MODEL_FOLDER}; create it with `personality-train face-model PORTRAITS`"
        )
    arrays = load_file(FACE_MODEL_FOLDER / "model.safetensors")
    card = json.loads((FACE_MODEL_FOLDER / "card.json").read_text())
    texture = arrays["texture_basis"].astype(np.float32) * arrays["texture_scale"][:, None]
    return FaceModel(
        texture_mean=arrays["texture_mean"].astype(np.float32),
        texture_basis=texture,
        **{name: arrays[name].astype(np.float64) for name in ("shape_mean", "shape_basis", "from_attributes")},
        **{name: arrays[name].astype(np.float64) for name in ("residual", "to_ratings")},
        triangles=arrays["triangles"].astype(np.int64),
        attributes=tuple(card["attributes"]),
        ratings=tuple(card["ratings"]),
    )
