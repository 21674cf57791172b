"""Face impressions: how people rate a face in a photograph on eight attributes, learned from ratings of portraits.

These are strangers' impressions of photographs, separate from the five traits. The network was validated on portraits
of people who do not exist, not on videos of people speaking. torch is imported when the first face is rated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from personality.inference.calibration import label_percentile
from personality.utils.locations import ASSETS_FOLDER

if TYPE_CHECKING:
    from personality.models.face_rater import FaceRater

# Other attributes (sexuality, religion, politics, ethnicity, attractiveness, class) are never trained, stored or shown.
FACE_RATING_NAMES = ("trustworthy", "outgoing", "happy", "dominant", "well_groomed", "smart", "alert", "memorable")
FACE_RATER_FOLDER = ASSETS_FOLDER / "face_impressions"
FACE_RATER_WEIGHTS_FILE, FACE_RATER_CARD_FILE = "model.safetensors", "card.json"
MAX_RATED_FACES = 8  # faces per clip, evenly spaced; ratings are within .05 SD (over people) of those of 16 faces

_loaded_raters: dict[Path, FaceRater] = {}
_rater_lock = Lock()


@dataclass(frozen=True)
class FaceImpressions:
    """Ratings of one person's face; each dictionary has the keys FACE_RATING_NAMES.

    ratings: 0 to 1, the mean over the faces; percentiles: 0 to 100, the share of portraits with a lower
    rating; spread: standard deviation of the ratings over the faces, 0 for one face; faces: how many were rated.
    """

    ratings: dict[str, float]
    percentiles: dict[str, float]
    spread: dict[str, float]
    faces: int


def rate_faces(faces: np.ndarray, folder: Path = FACE_RATER_FOLDER) -> FaceImpressions | None:
    """Rate the faces of one person.

    Parameters
    ----------
    faces
        Crops uint8 (K, 224, 224, 3) RGB, as in `Sample.faces`. At most MAX_RATED_FACES, evenly spaced, are rated.
    folder
        Weights and card.

    Returns
    -------
    FaceImpressions or None
        None if there is no face.

    Raises
    ------
    FileNotFoundError
        The folder has no weights.
    """
    if len(faces) == 0:
        return None
    chosen = faces[np.linspace(0, len(faces) - 1, min(MAX_RATED_FACES, len(faces))).round().astype(int)]
    rated = load_face_rater(folder).rate(chosen).clip(0, 1).astype(float)
    ratings = _to_named_ratings(rated.mean(0))
    known = read_face_rater_card(folder)
    percentiles = {name: label_percentile(known, name, value) or 0.0 for name, value in ratings.items()}
    return FaceImpressions(ratings, percentiles, _to_named_ratings(rated.std(0)), len(chosen))


def _to_named_ratings(values: np.ndarray) -> dict[str, float]:
    return dict(zip(FACE_RATING_NAMES, values.tolist(), strict=True))


def read_face_rater_card(folder: Path = FACE_RATER_FOLDER) -> dict[str, Any]:
    """Origin, licence, figures and limits of the shipped weights. Raises FileNotFoundError if there is no card."""
    if not (folder / FACE_RATER_CARD_FILE).exists():
        raise FileNotFoundError(
            f"no face rating model in {folder}; create it with `personality-train portrait-ratings PORTRAITS`"
        )
    return json.loads((folder / FACE_RATER_CARD_FILE).read_text())


def load_face_rater(folder: Path = FACE_RATER_FOLDER) -> FaceRater:
    """The network in a folder, loaded once per process, ready for inference only. Raises as `read_face_rater_card`."""
    with _rater_lock:
        if folder not in _loaded_raters:
            _loaded_raters[folder] = _build_face_rater(folder)
        return _loaded_raters[folder]


def _build_face_rater(folder: Path) -> FaceRater:
    from safetensors.torch import load_file

    from personality.models.face_rater import FaceRater
    from personality.models.fuse_batchnorm import fold_normalisation

    read_face_rater_card(folder)
    rater = FaceRater(len(FACE_RATING_NAMES))
    tensors = load_file(folder / FACE_RATER_WEIGHTS_FILE)
    rater.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
    rater.eval()
    fold_normalisation(rater)
    return rater
