"""Read rated portraits: pictures of faces and human ratings of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from personality.inference.face_impressions import FACE_RATING_NAMES
from personality.preprocessing.faces import FaceFinder
from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaError

RATINGS_FILE = "attribute_means.csv"
RATING_COLUMNS = [name.replace("_", "-") for name in FACE_RATING_NAMES]  # their names in the table
PORTRAIT_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Portraits:
    """N portraits: names as in the ratings; RGB crops, uint8 (N, 224, 224, 3); names of pictures without a face."""

    names: list[str]
    crops: np.ndarray
    names_without_face: list[str]


def read_portraits(folder: Path) -> Portraits:
    """Find and align the faces in the pictures of a folder, like those of a clip.

    Raises
    ------
    ValueError
        If no picture has a face, or a picture cannot be read.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PORTRAIT_SUFFIXES)
    found = {path.stem: _read_aligned_face(path) for path in tqdm(paths, desc="faces", disable=None)}
    crops = {name: crop for name, crop in found.items() if crop is not None}
    if not crops:
        raise ValueError(f"{folder} has no picture with a face; expected portraits as {', '.join(PORTRAIT_SUFFIXES)}.")
    return Portraits(list(crops), np.stack(list(crops.values())), [name for name in found if name not in crops])


def _read_aligned_face(path: Path) -> np.ndarray | None:
    try:
        with open_media(path) as still:
            face = FaceFinder().find(next(iter(still.frames())))
    except MediaError as error:
        raise ValueError(f"{path}: {error}") from error
    return None if face is None else face.crop


def read_ratings(folder: Path) -> pd.DataFrame:
    """Read the mean ratings (0 to 100) in `attribute_means.csv`, one row per portrait, indexed by its name.

    Raises
    ------
    ValueError
        If the table has no column `stimulus`.
    """
    path = folder / RATINGS_FILE
    table = pd.read_csv(path, dtype={"stimulus": str})
    if "stimulus" not in table:
        raise ValueError(f"{path} has no column stimulus; expected one with the names of the pictures.")
    return table.set_index("stimulus")


def read_rated_portraits(folder: Path) -> tuple[Portraits, pd.DataFrame]:
    """Read the portraits in `images/` with a face, and their mean ratings on the attributes of RATING_COLUMNS.

    Raises
    ------
    ValueError
        If the ratings cannot be read, no picture has a face, a picture has no ratings, or an attribute is missing.
    """
    ratings = read_ratings(folder)
    absent = [name for name in RATING_COLUMNS if name not in ratings]
    if absent:
        raise ValueError(f"{folder / RATINGS_FILE} has no column {absent[0]}; expected {', '.join(RATING_COLUMNS)}.")
    portraits = read_portraits(folder / "images")
    missing = [name for name in portraits.names if name not in ratings.index]
    if missing:
        raise ValueError(f"{folder / RATINGS_FILE} has no ratings of {missing[0]}; add a row or remove the picture.")
    return portraits, ratings.loc[portraits.names, RATING_COLUMNS]
