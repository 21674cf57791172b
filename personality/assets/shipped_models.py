"""Where the models that ship lie: those trained on labels of real people, and the practice models."""

from __future__ import annotations

from personality.assets import demo
from personality.utils.locations import ASSETS

# From the voice, from the words, from both. No model of the five traits from the face: the videos were not available.
REAL = ("voice", "words", "voice_words")
REAL_MODELS = tuple(ASSETS / "models" / name for name in REAL)
PRACTICE_MODELS = demo.MODELS
_LABELS = {"voice": "from the voice", "words": "from the words", "voice_words": "from voice and words"}


def is_practice(name: str) -> bool:
    """Whether a model is one of the practice models."""
    return name.startswith(demo.PRACTICE)


def label(name: str) -> str:
    """What pages call a model: a shipped one by what it predicts from, any other by its name."""
    return f"practice: {name.removeprefix(demo.PRACTICE)}" if is_practice(name) else _LABELS.get(name, name)
