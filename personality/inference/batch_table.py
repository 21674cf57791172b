"""The table that a batch of videos becomes: a row per clip, as CSV or parquet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd

from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import atomic_path

BATCH_TABLE_SUFFIXES = (".csv", ".parquet")
MAX_WRITING_SHARE = 0.05  # of the time goes into writing the table; a small one is written after every clip
NUMBERS_PER_TRAIT = ("", "_percentile", "_low", "_high")  # endings of a trait's columns; _low to _high: 90 % interval

Row = dict[str, Any]


class BatchTable:
    """The rows of a batch by clip, on disk whenever `save` has written them. Raises ValueError where the file has
    another ending or is another table."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        if path.suffix.lower() not in BATCH_TABLE_SUFFIXES:
            raise ValueError(f"{path} is named {path.suffix or 'without an ending'}; expected .csv or .parquet.")
        self.path = path
        self._columns = columns
        self._is_text = path.suffix.lower() == ".csv"
        self._rows: dict[str, Row] = self._read() if path.exists() else {}
        self._next_write = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def is_finished(self, clip: str, signature: str) -> bool:
        """Whether the table has a prediction of the clip, made of the same file by the same models."""
        row = self._rows.get(clip)
        return row is not None and row["signature"] == signature and not row["error"]

    def add(self, row: Row) -> None:
        """Take a clip's row, and write the table unless it was written just now and is large."""
        values = {column: row.get(column) for column in self._columns}
        self._rows[row["clip"]] = (
            {k: "" if v is None else str(v) for k, v in values.items()} if self._is_text else values
        )
        if time.monotonic() >= self._next_write:
            self.save()

    def keep_only(self, clips: list[str]) -> None:
        """Order the rows as these clips; rows of clips that are no longer there go last, as they were."""
        order = {clip: place for place, clip in enumerate(clips)}
        self._rows = dict(sorted(self._rows.items(), key=lambda item: order.get(item[0], len(order))))

    def errors(self, clips: list[str]) -> dict[str, str]:
        """What went wrong, by clip."""
        return {clip: self._rows[clip]["error"] for clip in clips if clip in self._rows and self._rows[clip]["error"]}

    def save(self) -> None:
        """Write the table; a death at any moment leaves the old file or the new one."""
        started = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame(list(self._rows.values()), columns=self._columns)
        with atomic_path(self.path) as temporary:
            if self._is_text:
                table.to_csv(temporary, index=False)
            else:
                table.to_parquet(temporary, index=False)
        finished = time.monotonic()
        self._next_write = finished + (finished - started) / MAX_WRITING_SHARE

    def _read(self) -> dict[str, Row]:
        try:
            table = (
                pd.read_csv(self.path, dtype=str, keep_default_na=False)
                if self._is_text
                else pd.read_parquet(self.path)
            )
        except (ValueError, OSError) as error:
            raise ValueError(f"{self.path} cannot be read as a table; move it away, or choose another name.") from error
        if list(table.columns) != self._columns:
            raise ValueError(
                f"{self.path} has other columns than this command writes; move it away, or choose another name."
            )
        return {row["clip"]: row for row in table.astype(object).where(table.notna(), None).to_dict("records")}


def batch_columns(models: list[str], ratings: tuple[str, ...]) -> list[str]:
    """The columns of a table of predictions by these models, with these ratings of faces."""
    about = ["clip", "duration", "faces", "audio_seconds", "age", "gender", "transcript"]
    rated = [f"face_{name}" for name in ratings]
    predicted = [f"{model}_{trait}{end}" for model in models for trait in TRAIT_NAMES for end in NUMBERS_PER_TRAIT]
    return [*about, *rated, *predicted, "warnings", "error", "file", "signature"]


def document_to_row(document: dict[str, Any]) -> Row:
    """The row of what `prediction_to_json` gives, or of a clip that could not be read."""
    if "error" in document:
        return {"clip": document["clip"], "error": document["error"], "warnings": ""}
    row: Row = {name: document[name] for name in ("clip", "duration", "age", "gender", "transcript")}
    row |= {"faces": len(document["faces"]), "audio_seconds": document["audio"]["seconds"]}
    row |= {"warnings": "; ".join(document["warnings"]), "error": ""}
    row |= {f"face_{name}": value for name, value in document["face_impressions"].items()}
    for model, traits in document["traits"].items():
        percentiles, intervals = document["percentiles"][model], document["intervals"][model]
        for trait, value in traits.items():
            low, high = intervals.get(trait, (None, None))
            numbers = (value, percentiles.get(trait), low, high)
            row |= {f"{model}_{trait}{end}": number for end, number in zip(NUMBERS_PER_TRAIT, numbers, strict=True)}
    return row
