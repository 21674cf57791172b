"""Build the statistical face model from portraits: `python -m training face-model PORTRAITS`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from scipy.spatial import Delaunay
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from tqdm import tqdm

from personality.preprocessing.faces import find_face_landmarks
from personality.synthetic.face_model import FACE_MODEL_FOLDER, border_points, warp_picture
from personality.utils.atomic_files import atomic_path, write_json
from training.recipes.portraits import read_ratings

TEXTURE_SIDE_PIXELS = 160
TEXTURE_COMPONENTS, SHAPE_COMPONENTS = 64, 25  # principal components
FACE_MODEL_ATTRIBUTES = ("age", "gender", "happy", "skin-color", "long-haired")
FACE_MODEL_RATINGS = (
    "trustworthy",
    "dominant",
    "smart",
    "age",
    "gender",
    "happy",
    "outgoing",
    "memorable",
    "well-groomed",
    "smug",
    "alert",
    "typical",
)
FACE_MODEL_RIDGE_PENALTY = 5.0
MEAN_FACE_WIDTH_SHARE, MEAN_FACE_CENTRE_SHARE = (
    0.62,
    0.56,
)  # width of the mean face and height of its centre, shares of TEXTURE_SIDE_PIXELS


@dataclass(frozen=True)
class PrincipalComponents:
    """Principal components of N rows: mean (D,), basis (k, D) scaled to one standard deviation, coefficients (N, k)
    in standard deviations, and the explained share of the variance."""

    mean: np.ndarray
    basis: np.ndarray
    coefficients: np.ndarray
    explained: float


def find_landmark_predictor() -> Path:
    """Find dlib's 68-point predictor in face_recognition_models. Raises FileNotFoundError if it is not installed."""
    package = find_spec("face_recognition_models")  # importing it would require an old version of setuptools
    if package is None or package.origin is None:
        raise FileNotFoundError("no 68-point predictor: pip install -r requirements-test.txt, or pass --predictor FILE")
    return Path(package.origin).with_name("models") / "shape_predictor_68_face_landmarks.dat"


def build_face_model(portraits: Path, predictor: Path, out: Path = FACE_MODEL_FOLDER) -> dict[str, object]:
    """Build the model from `images/*.jpg` and `attribute_means.csv`, write it to `out`, and return its card.

    predictor: dlib's 68-point predictor. Raises ValueError if the ratings or a picture cannot be read.
    """
    ratings = read_ratings(portraits)
    names, pictures, points = _read_portrait_landmarks(portraits, ratings, predictor)
    mean = _mean_shape(points)
    triangles = Delaunay(np.vstack([mean, border_points(TEXTURE_SIDE_PIXELS)])).simplices
    textures, shapes = zip(
        *(_warp_to_mean_shape(i, p, mean, triangles) for i, p in zip(pictures, points, strict=True)), strict=True
    )
    texture = _fit_principal_components(
        np.stack(textures).reshape(len(names), -1).astype(np.float32), TEXTURE_COMPONENTS
    )
    shape = _fit_principal_components(np.stack(shapes).reshape(len(names), -1), SHAPE_COMPONENTS)
    coefficients = np.hstack([texture.coefficients, shape.coefficients])
    table = ratings.loc[names]
    standard = (table - table.mean()) / table.std()
    forward = Ridge(FACE_MODEL_RIDGE_PENALTY).fit(standard[list(FACE_MODEL_ATTRIBUTES)], coefficients)
    rest = coefficients - forward.predict(standard[list(FACE_MODEL_ATTRIBUTES)])
    backward = Ridge(FACE_MODEL_RIDGE_PENALTY).fit(coefficients, standard[list(FACE_MODEL_RATINGS)])
    arrays = _quantise_texture_basis(texture) | {
        "texture_mean": texture.mean.reshape(TEXTURE_SIDE_PIXELS, TEXTURE_SIDE_PIXELS, 3).round().astype(np.uint8),
        "shape_mean": shape.mean.reshape(-1, 2).astype(np.float32),
        "shape_basis": shape.basis.astype(np.float32),
        "triangles": triangles.astype(np.int16),
        "from_attributes": np.vstack([forward.intercept_, forward.coef_.T]).astype(np.float32),
        "residual": np.linalg.cholesky(np.cov(rest.T) + 1e-6 * np.eye(TEXTURE_COMPONENTS + SHAPE_COMPONENTS)).astype(
            np.float32
        ),
        "to_ratings": np.vstack([backward.intercept_, backward.coef_.T]).astype(np.float32),
    }
    card = _make_face_model_card(len(ratings), len(names), texture, shape, coefficients, standard)
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "model.safetensors") as temporary:
        save_file(arrays, temporary)
    write_json(out / "card.json", card)
    return card


def _read_portrait_landmarks(
    portraits: Path, ratings: pd.DataFrame, predictor: Path
) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    names, pictures, points = [], [], []
    for name in tqdm(ratings.index, desc="landmarks"):
        path = portraits / "images" / f"{name}.jpg"
        read = cv2.imread(str(path))
        if read is None:
            raise ValueError(f"{path} cannot be read; every row of the ratings requires a picture.")
        picture = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
        found = find_face_landmarks(picture, predictor)
        if found is not None:
            names.append(name)
            pictures.append(picture)
            points.append(found)
    return names, pictures, points


def _mean_shape(points: list[np.ndarray]) -> np.ndarray:
    mean = np.stack(points).mean(0)
    return (mean - mean.mean(0)) / np.ptp(mean[:, 0]) * TEXTURE_SIDE_PIXELS * MEAN_FACE_WIDTH_SHARE + [
        TEXTURE_SIDE_PIXELS / 2,
        TEXTURE_SIDE_PIXELS * MEAN_FACE_CENTRE_SHARE,
    ]


def _warp_to_mean_shape(
    picture: np.ndarray, points: np.ndarray, mean: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Align a face to the mean shape by a similarity; return its texture, warped to the mean shape, and its shape."""
    similarity, _ = cv2.estimateAffinePartial2D(points.astype(np.float32), mean.astype(np.float32), method=cv2.LMEDS)
    aligned = points @ similarity[:, :2].T + similarity[:, 2]
    crop = cv2.warpAffine(
        picture,
        similarity,
        (TEXTURE_SIDE_PIXELS, TEXTURE_SIDE_PIXELS),
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REFLECT,
    )
    border = border_points(TEXTURE_SIDE_PIXELS)
    return warp_picture(crop, np.vstack([aligned, border]), np.vstack([mean, border]), triangles), aligned


def _fit_principal_components(rows: np.ndarray, count: int) -> PrincipalComponents:
    mean = rows.mean(0)
    _, singular, basis = np.linalg.svd(rows - mean, full_matrices=False)
    scores = (rows - mean) @ basis[:count].T
    deviation = scores.std(0)
    explained = float((singular[:count] ** 2).sum() / (singular**2).sum())
    return PrincipalComponents(mean, basis[:count] * deviation[:, None], scores / deviation, explained)


def _quantise_texture_basis(texture: PrincipalComponents) -> dict[str, np.ndarray]:
    scale = np.abs(texture.basis).max(1) / 127
    return {
        "texture_basis": (texture.basis / scale[:, None]).round().astype(np.int8),
        "texture_scale": scale.astype(np.float32),
    }


def _make_face_model_card(
    portraits: int,
    names: int,
    texture: PrincipalComponents,
    shape: PrincipalComponents,
    coefficients: np.ndarray,
    standard: pd.DataFrame,
) -> dict[str, object]:
    wanted = standard[list(FACE_MODEL_RATINGS)].to_numpy()
    guess = cross_val_predict(Ridge(FACE_MODEL_RIDGE_PENALTY), coefficients, wanted, cv=10)
    r2 = 1 - ((wanted - guess) ** 2).sum(0) / ((wanted - wanted.mean(0)) ** 2).sum(0)
    return {
        "what": "Statistical face model: shape and texture components, joined to attributes and ratings",
        "origin": "Our own build from the 804 portraits of One Million Impressions "
        "(Peterson et al. 2022, doi 10.1073/pnas.2115228119): faces of people who do not exist, rated by people",
        "licence": "CC BY-NC-SA 4.0, as the portraits",
        "portraits": portraits,
        "used": names,
        "attributes": list(FACE_MODEL_ATTRIBUTES),
        "ratings": list(FACE_MODEL_RATINGS),
        "texture_variance_explained": round(texture.explained, 3),
        "shape_variance_explained": round(shape.explained, 3),
        "rating_r2_10_fold": {name: round(float(value), 3) for name, value in zip(FACE_MODEL_RATINGS, r2, strict=True)},
        "limits": "`gender` is high for masculine. The ratings are first impressions of one group of raters.",
    }
