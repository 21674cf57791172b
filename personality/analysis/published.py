"""Published accuracies (1 - MAE) on the official test split of First Impressions. For display only.

Sources: the slides of the thesis (Alfonso Hernandez, University of Barcelona); Wei et al. 2018 for NJU-LAMDA; the
report of OCEAN-AI. In the slides, the gender rows for audio and handcrafted are inconsistent with the overall figures
(audio: overall values outside both groups; handcrafted: the traits imply different shares of men, see
`consistency_checks`). They are listed as printed.
"""

from __future__ import annotations

import pandas as pd

from personality.analysis.groups import TRAIT_MEAN
from personality.traits import TRAIT_NAMES

PUBLISHED_MEAN_BASELINE = "constant (training mean)"

PUBLISHED_OVERALL = {
    PUBLISHED_MEAN_BASELINE: (0.8833, 0.8746, 0.8781, 0.8936, 0.8773, 0.8814),
    "thesis audio": (0.87397, 0.87333, 0.87357, 0.87310, 0.87362, 0.87352),
    "thesis visual": (0.90525, 0.91012, 0.90783, 0.90355, 0.90437, 0.90623),
    "thesis audio+visual": (0.90637, 0.91447, 0.91171, 0.90726, 0.90465, 0.90889),
    "thesis audio+visual+handcrafted": (0.90623, 0.91433, 0.91174, 0.90753, 0.90480, 0.90893),
    "NJU-LAMDA 2016": (0.9123, 0.9166, 0.9133, 0.9126, 0.9100, 0.9130),
    "OCEAN-AI audio": (0.9084, 0.9075, 0.9068, 0.9082, 0.9060, 0.9074),
    "OCEAN-AI video": (0.9128, 0.9179, 0.9195, 0.9130, 0.9128, 0.9152),
    "OCEAN-AI audio+video": (0.9156, 0.9198, 0.9207, 0.9142, 0.9152, 0.9171),
}

# (male, female) per model: O, C, E, A, N, average.
PUBLISHED_BY_GENDER = {
    "thesis audio": (
        (0.88042, 0.86908, 0.87535, 0.88030, 0.87850, 0.87673),
        (0.85193, 0.86958, 0.87213, 0.87939, 0.86750, 0.86811),
    ),
    "thesis visual": (
        (0.90456, 0.90900, 0.90819, 0.90301, 0.90401, 0.90576),
        (0.90582, 0.91105, 0.90753, 0.90402, 0.90467, 0.90662),
    ),
    "thesis audio+visual": (
        (0.90650, 0.91362, 0.91097, 0.90700, 0.90514, 0.90865),
        (0.90627, 0.91517, 0.91232, 0.90747, 0.90425, 0.90910),
    ),
    "thesis audio+visual+handcrafted": (
        (0.90563, 0.91259, 0.91070, 0.90686, 0.90563, 0.90828),
        (0.90628, 0.91546, 0.91248, 0.90787, 0.90461, 0.90934),
    ),
}

# Per emotion: trait, model and accuracy of the best, of the worst, and of the worst without the audio model.
PUBLISHED_BY_EMOTION = {
    "neutral": (
        ("agreeableness", "handcrafted", 0.9166),
        ("openness", "audio", 0.8183),
        ("conscientiousness", "visual", 0.893),
    ),
    "anger": (
        ("conscientiousness", "handcrafted", 0.9139),
        ("openness", "audio", 0.8707),
        ("agreeableness", "visual", 0.9038),
    ),
    "disgust": (
        ("conscientiousness", "handcrafted", 0.9156),
        ("extraversion", "audio", 0.8614),
        ("emotional_stability", "visual", 0.9050),
    ),
    "fear": (
        ("extraversion", "audiovisual", 0.9140),
        ("agreeableness", "audio", 0.8656),
        ("agreeableness", "visual", 0.8851),
    ),
    "happy": (
        ("conscientiousness", "handcrafted", 0.9193),
        ("openness", "audio", 0.8548),
        ("extraversion", "visual", 0.8985),
    ),
    "sadness": (
        ("conscientiousness", "audiovisual", 0.9129),
        ("conscientiousness", "audio", 0.8642),
        ("agreeableness", "visual", 0.9021),
    ),
    "surprise": (
        ("conscientiousness", "audiovisual", 0.9162),
        ("openness", "audio", 0.8554),
        ("agreeableness", "visual", 0.9045),
    ),
}


def published_table() -> pd.DataFrame:
    """One row per system: `system`, the five traits, `mean`."""
    return pd.DataFrame(
        [(name, *row) for name, row in PUBLISHED_OVERALL.items()], columns=["system", *TRAIT_NAMES, TRAIT_MEAN]
    )


def published_gender() -> pd.DataFrame:
    """Figures by gender of the thesis in long format: model, group, trait, accuracy."""
    return pd.DataFrame(
        [
            (model, group, trait, value)
            for model, pair in PUBLISHED_BY_GENDER.items()
            for group, row in zip(("male", "female"), pair, strict=True)
            for trait, value in zip((*TRAIT_NAMES, TRAIT_MEAN), row, strict=True)
        ],
        columns=["model", "group", "trait", "accuracy"],
    )


def published_emotion() -> pd.DataFrame:
    """Best and worst per emotion in the thesis: columns emotion, kind, trait, model, accuracy."""
    kinds = ("best", "worst", "worst without audio")
    return pd.DataFrame(
        [
            (emotion, kind, *cell)
            for emotion, cells in PUBLISHED_BY_EMOTION.items()
            for kind, cell in zip(kinds, cells, strict=True)
        ],
        columns=["emotion", "kind", "trait", "model", "accuracy"],
    )
