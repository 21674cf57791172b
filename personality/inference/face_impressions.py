"""How people rate a face in a photograph: eight attributes, learned from ratings of portraits.

These are impressions of photographs by strangers, apart from the five traits. The network was validated on photographs
of people who do not exist, not on people who speak. torch is imported when the first face is rated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from personality.inference.calibration import percentile
from personality.utils.locations import ASSETS

if TYPE_CHECKING:
    from personality.models.face_rater import FaceRater

# No others: sexuality, religion, politics, ethnicity, attractiveness and class are never trained, stored or shown.
ATTRIBUTES = ("trustworthy", "outgoing", "happy", "dominant", "well_groomed", "smart", "alert", "memorable")
FOLDER = ASSETS / "face_impressions"
WEIGHTS, CARD = "model.safetensors", "card.json"
MAX_FACES = 8  # per clip, spread evenly: within .05 of the spread over people of what 16 give (three real clips)

_loaded: dict[Path, FaceRater] = {}
_lock = Lock()


@dataclass(frozen=True)
class FaceImpressions:
    """Ratings of one person's face; each dictionary has the keys of ATTRIBUTES.

    ratings: 0 to 1, the mean over the faces; percentiles: 0 to 100, the share of rated portraits that people gave
    less; spread: standard deviation of the ratings over the faces, 0 for one face; faces: how many were rated.
    """

    ratings: dict[str, float]
    percentiles: dict[str, float]
    spread: dict[str, float]
    faces: int


def rate_faces(faces: np.ndarray, folder: Path = FOLDER) -> FaceImpressions | None:
    """Rate the faces of one person.

    Parameters
    ----------
    faces
        Aligned crops uint8 (K, 224, 224, 3) RGB, as in `Sample.faces`. Of more than MAX_FACES, as many spread evenly.
    folder
        Weights and card.

    Returns
    -------
    FaceImpressions or None
        None where there is no face.

    Raises
    ------
    FileNotFoundError
        Where the folder has no weights.
    """
    if len(faces) == 0:
        return None
    chosen = faces[np.linspace(0, len(faces) - 1, min(MAX_FACES, len(faces))).round().astype(int)]
    rated = load_rater(folder).rate(chosen).clip(0, 1).astype(float)
    ratings = _named(rated.mean(0))
    known = read_card(folder)
    percentiles = {name: percentile(known, name, value) or 0.0 for name, value in ratings.items()}
    return FaceImpressions(ratings, percentiles, _named(rated.std(0)), len(chosen))


def _named(values: np.ndarray) -> dict[str, float]:
    return dict(zip(ATTRIBUTES, values.tolist(), strict=True))


def read_card(folder: Path = FOLDER) -> dict[str, Any]:
    """Origin, licence, figures and limits of the shipped weights. Raises FileNotFoundError where there is none."""
    if not (folder / CARD).exists():
        raise FileNotFoundError(
            f"no face ratings in {folder}; make them with `python -m training portrait-ratings PORTRAITS`"
        )
    return json.loads((folder / CARD).read_text())


def load_rater(folder: Path = FOLDER) -> FaceRater:
    """The network in a folder, loaded once per process, ready for inference only. Raises as `read_card`."""
    with _lock:
        if folder not in _loaded:
            _loaded[folder] = _load(folder)
        return _loaded[folder]


def _load(folder: Path) -> FaceRater:
    from safetensors.torch import load_file

    from personality.models.face_rater import FaceRater
    from personality.models.fuse_batchnorm import fold_normalisation

    read_card(folder)
    rater = FaceRater(len(ATTRIBUTES))
    tensors = load_file(folder / WEIGHTS)
    rater.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
    rater.eval()
    fold_normalisation(rater)
    return rater
