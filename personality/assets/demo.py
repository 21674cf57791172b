"""Bundled practice models and data: computer-made people with synthetic labels, and two sample clips."""

from __future__ import annotations

import json
from typing import Any

from personality.utils.locations import DEMO_FOLDER

PRACTICE_PREFIX = "practice_"  # prefix of the names of practice models; a modality follows
PRACTICE_MODEL_FOLDERS = tuple(
    DEMO_FOLDER / "models" / f"{PRACTICE_PREFIX}{name}" for name in ("audio", "visual", "audiovisual", "handcrafted")
)
DEMO_PREDICTIONS_FILE = DEMO_FOLDER / "predictions.parquet"
DEMO_CLIPS_FILE = DEMO_FOLDER / "clips.parquet"  # table of the cache that the practice models were trained on
DEMO_CLIP_FILE = DEMO_FOLDER / "sample.mp4"  # a test clip, with a synthetic voice without language
DEMO_SPEECH_CLIP_FILE = DEMO_FOLDER / "sample_speech.mp4"  # a computer-made person who introduces herself in English
GUESS_CLIPS_FOLDER = DEMO_FOLDER / "guess"  # test clips of computer-made people, for visitors to guess
# What `personality predict --json` prints for it, so that a page can show a prediction without models.
DEMO_PREDICTION_FILE = DEMO_FOLDER / "sample_prediction.json"
SAMPLE_SIZE = (256, 256)  # width and height of the samples in pixels
# Shown with figures and models of computer-made people.
PRACTICE_NOTICE = (
    "**Practice models and data (computer-made people).** They come from people who do not exist: faces, voices "
    "and labels are synthetic. They demonstrate the tool and have no meaning for real people."
)
# Shown with the user's own data of computer-made people.
SYNTHETIC_DATA_NOTICE = (
    "**Computer-made people.** The people in these clips do not exist, and their labels are synthetic."
)
# Description of the practice models.
PRACTICE_MODELS_DESCRIPTION = (
    "The model “practice: audio” uses the voice, “practice: visual” the face, “practice: audiovisual” both, and "
    "“practice: handcrafted” both, with expression, age and gender as additional inputs."
)


def read_sample_prediction() -> dict[str, Any]:
    """The prediction of the English sample, as `personality predict --json` prints it."""
    return json.loads(DEMO_PREDICTION_FILE.read_text())
