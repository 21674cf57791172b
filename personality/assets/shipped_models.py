"""Bundled models: those trained on labels of real people, and the practice models."""

from __future__ import annotations

from personality.assets import demo
from personality.utils.locations import ASSETS_FOLDER

# There is no model of the five traits from faces, because we did not have access to the videos.
REAL_MODEL_NAMES = ("voice", "words", "voice_words")
REAL_MODEL_FOLDERS = tuple(ASSETS_FOLDER / "models" / name for name in REAL_MODEL_NAMES)
PRACTICE_MODELS = demo.PRACTICE_MODEL_FOLDERS
_MODEL_LABELS = {"voice": "voice", "words": "words", "voice_words": "voice + words"}


def is_practice_model(name: str) -> bool:
    """Whether a model is one of the practice models."""
    return name.startswith(demo.PRACTICE_PREFIX)


def model_label(name: str) -> str:
    """The name of a model on every page: the input of a bundled model, the name of any other."""
    return (
        f"practice: {name.removeprefix(demo.PRACTICE_PREFIX)}"
        if is_practice_model(name)
        else _MODEL_LABELS.get(name, name)
    )
