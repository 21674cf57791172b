"""Copies what `make demo` made to where it ships: `python -m training ship WORK demo`."""

from __future__ import annotations

import shutil
from pathlib import Path

from personality.modalities import MODALITIES

SHIPPED = ("model.safetensors", "card.json")
SAMPLE = "2aad56adb31.000.mp4"  # a test clip of `make demo`, chosen by eye: a plain, friendly face


def ship(work: Path, out: Path) -> None:
    """Copy the four models, the predictions, the table of clips and one test clip from `work` to `out`.

    Raises FileNotFoundError where `make demo` has not finished.
    """
    for modality in (name for name, modality in MODALITIES.items() if modality.video):
        (out / "models" / modality).mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(work / "runs" / modality / name, out / "models" / modality / name)
    shutil.copyfile(work / "predictions.parquet", out / "predictions.parquet")
    shutil.copyfile(work / "cache" / "clips.parquet", out / "clips.parquet")
    (sample,) = (work / "people").rglob(SAMPLE)
    shutil.copyfile(sample, out / "sample.mp4")
