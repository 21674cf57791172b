"""Copies what `make demo` made to where it ships: `python -m training ship WORK demo`."""

from __future__ import annotations

import shutil
from pathlib import Path

from personality.evaluate import read_predictions
from personality.modalities import MODALITIES

SHIPPED = ("model.safetensors", "card.json")
SAMPLE_EMOTION = "happy"


def ship(work: Path, out: Path) -> None:
    """Copy the four models, the predictions and one test clip from `work` to `out`.

    The sample is the test clip of the sample emotion with the highest confidence. Raises FileNotFoundError where
    `make demo` has not finished.
    """
    for modality in MODALITIES:
        (out / "models" / modality).mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(work / "runs" / modality / name, out / "models" / modality / name)
    shutil.copyfile(work / "predictions.parquet", out / "predictions.parquet")
    clips = read_predictions(work / "predictions.parquet").drop_duplicates("clip")
    clear = clips[clips["emotion"] == SAMPLE_EMOTION].sort_values("emotion_confidence")
    (sample,) = (work / "people").rglob(clear["clip"].iloc[-1])
    shutil.copyfile(sample, out / "sample.mp4")
