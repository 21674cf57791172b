"""The practice models and data that ship: computer-made people with planted labels, and two sample clips."""

from __future__ import annotations

from personality.utils.locations import DEMO_FOLDER

PRACTICE_PREFIX = "practice_"  # begins the names of the shipped models of computer-made people; a modality follows
PRACTICE_MODEL_FOLDERS = tuple(
    DEMO_FOLDER / "models" / f"{PRACTICE_PREFIX}{name}" for name in ("audio", "visual", "audiovisual", "handcrafted")
)
DEMO_PREDICTIONS_FILE = DEMO_FOLDER / "predictions.parquet"
DEMO_CLIPS_FILE = DEMO_FOLDER / "clips.parquet"  # the table of the cache that the models were trained on
DEMO_CLIP_FILE = DEMO_FOLDER / "sample.mp4"  # one of the test clips, with a voice that speaks no language
DEMO_SPEECH_CLIP_FILE = DEMO_FOLDER / "sample_speech.mp4"  # a computer-made person who introduces herself in English
# The notice above figures or models of computer-made people.
PRACTICE_NOTICE = (
    "**Practice models and data (computer-made people).** Nobody in these clips exists: faces and voices are "
    "computer-made and the labels were planted. They show how the tool works and say nothing about real people."
)
# The notice above a user's own data of that kind.
SYNTHETIC_DATA_NOTICE = "**Computer-made people.** Nobody in these clips exists; their labels were planted."
# What the names of the practice models, and of the four modalities, mean.
PRACTICE_MODELS_DESCRIPTION = (
    "practice_audio: from the voice alone. practice_visual: from the face. practice_audiovisual: from both. "
    "practice_handcrafted: from both, with expressions, age and gender as further inputs."
)
