"""The table of the predictions of a batch of videos: one row per clip, as CSV or Parquet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import atomic_path

BATCH_TABLE_SUFFIXES = (".csv", ".parquet")
MAX_WRITING_SHARE = 0.05  # maximum share of the time spent on writing; a small table is written after every clip
NUMBERS_PER_TRAIT = ("", "_percentile", "_low", "_high")  # column suffixes of a trait; low to high: 90 % interval

Row = dict[str, Any]
PartKey = tuple[str, float | None]  # name of a clip, and start in seconds if it is a part of a file


class BatchTable:
    """The rows of a batch, by clip or part of a clip; `save` writes them to disk. Raises ValueError if the file has
    another extension or other columns."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        if path.suffix.lower() not in BATCH_TABLE_SUFFIXES:
            raise ValueError(f"{path} is named {path.suffix or 'without an ending'}; expected .csv or .parquet.")
        self.path = path
        self._columns = columns
        self._is_text = path.suffix.lower() == ".csv"
        self._rows: dict[PartKey, list[Row]] = self._read() if path.exists() else {}
        self._next_write = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def is_finished(self, key: PartKey, signature: str) -> bool:
        """Return whether the table has a prediction for the part, from the same file by the same models."""
        rows = self._rows.get(key, [])
        return bool(rows) and all(row["signature"] == signature and not row["error"] for row in rows)

    def add(self, key: PartKey, rows: Sequence[Row]) -> None:
        """Add the rows of a part, and write the table unless it is large and was written recently."""
        self._rows[key] = [self._to_stored({column: row.get(column) for column in self._columns}) for row in rows]
        if time.monotonic() >= self._next_write:
            self.save()

    def _to_stored(self, row: Row) -> Row:
        """Return a row with the values that reading the file returns."""
        return {name: "" if value is None else str(value) for name, value in row.items()} if self._is_text else row

    def keep_only(self, keys: list[PartKey]) -> None:
        """Order the rows like these parts. Rows of clips that are not among them are moved to the end, unchanged; other
        parts of these clips are removed."""
        order, clips = {key: place for place, key in enumerate(keys)}, {clip for clip, _ in keys}
        kept = [(key, rows) for key, rows in self._rows.items() if key in order or key[0] not in clips]
        self._rows = dict(sorted(kept, key=lambda item: order.get(item[0], len(order))))

    def errors(self, keys: list[PartKey]) -> dict[str, str]:
        """Return the error messages by name of the clip, with the start of the part if it is one."""
        rows = [
            (clip if start is None else f"{clip} from {start:g} s", row)
            for clip, start in keys
            for row in self._rows.get((clip, start), [])
        ]
        return {name: row["error"] for name, row in rows if row["error"]}

    def save(self) -> None:
        """Write the table atomically: an interruption leaves either the old or the new file."""
        started = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rows = [row for rows in self._rows.values() for row in rows]
        table = pd.DataFrame(rows, columns=self._columns)
        with atomic_path(self.path) as temporary:
            if self._is_text:
                table.to_csv(temporary, index=False)
            else:
                table.to_parquet(temporary, index=False)
        finished = time.monotonic()
        self._next_write = finished + (finished - started) / MAX_WRITING_SHARE

    def _read(self) -> dict[PartKey, list[Row]]:
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
        found: dict[PartKey, list[Row]] = {}
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            start = row["start"]
            found.setdefault((row["clip"], None if start in (None, "") else float(start)), []).append(row)
        return found


def batch_columns(models: list[str], ratings: tuple[str, ...]) -> list[str]:
    """Return the columns of a table of predictions by these models, with these face ratings."""
    about = ["clip", "person", "start", "end", "duration", "faces", "audio_seconds", "age", "gender", "transcript"]
    rated = [f"face_{name}" for name in ratings]
    predicted = [f"{model}_{trait}{end}" for model in models for trait in TRAIT_NAMES for end in NUMBERS_PER_TRAIT]
    return [*about, *rated, *predicted, "warnings", "error", "file", "signature"]


def document_to_row(document: dict[str, Any]) -> Row:
    """Convert the result of `prediction_to_json`, or the document of a clip that could not be read, to a row."""
    place = {name: document.get(name) for name in ("clip", "person", "start", "end")}
    if "error" in document:
        return {**place, "error": document["error"], "warnings": ""}
    row: Row = place | {name: document[name] for name in ("duration", "age", "gender", "transcript")}
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
