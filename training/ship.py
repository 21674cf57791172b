"""Copies what `make demo` made to where it ships: `python -m training ship WORK demo`."""

from __future__ import annotations

from pathlib import Path

from personality.modalities import MODALITIES
from personality.storage import write_bytes

SHIPPED = ("model.safetensors", "card.json")
SAMPLE = "2aad56adb31.000.mp4"  # a test clip of `make demo`, chosen by eye: a plain, friendly face


def ship(work: Path, out: Path) -> None:
    """Copy the four models, the predictions, the table of clips and one test clip from `work` to `out`.

    Raises FileNotFoundError where `make demo` has not finished.
    """
    for modality in (name for name, modality in MODALITIES.items() if modality.video):
        (out / "models" / modality).mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            _copy(work / "runs" / modality / name, out / "models" / modality / name)
    _copy(work / "predictions.parquet", out / "predictions.parquet")
    _copy(work / "cache" / "clips.parquet", out / "clips.parquet")
    (sample,) = (work / "people").rglob(SAMPLE)
    _copy(sample, out / "sample.mp4")


def _copy(made: Path, shipped: Path) -> None:
    write_bytes(shipped, made.read_bytes())
