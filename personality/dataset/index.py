"""The index of the clips of a dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from personality.traits import TRAIT_NAMES

SPLITS = ("training", "validation", "test")
BASE_COLUMNS = ("clip", "source", "split", "location", *TRAIT_NAMES)
# Columns added by preprocessing that are not attributes of the person; all other columns are attributes.
PREPROCESSING_COLUMNS = ("faces", "audio_seconds", "duration", "gender_estimated", "age_estimated", "warnings", "error")


class DatasetError(ValueError):
    """A dataset that cannot be read or is invalid."""


@dataclass(frozen=True)
class Dataset:
    """Clips with labels and attributes.

    Attributes
    ----------
    name, root
        The name and the folder of the dataset.
    table
        A row per clip: clip, source, split, location (relative to root, empty if the file is missing), five traits in
        [0, 1] (NaN without label), attributes.
    problems
        Names of clips or files by kind of problem; they do not prevent the dataset from being used.
    notes
        How the files were interpreted, as text.
    """

    name: str
    root: Path
    table: pd.DataFrame
    problems: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a sha256 of clips, splits and labels."""
        columns = self.table[["clip", "split", *TRAIT_NAMES]].sort_values("clip")
        return hashlib.sha256(pd.util.hash_pandas_object(columns, index=False).to_numpy().tobytes()).hexdigest()[:16]

    def summarize(self) -> str:
        """Return counts per split and per problem with examples, as text."""
        table, lines = (
            self.table,
            [f"{self.name}: {len(self.table):,} clips of {self.table['source'].nunique():,} sources"],
        )
        lines += [f"  {sentence}" for sentence in self.notes]
        for split in SPLITS:
            rows = table[table["split"] == split]
            if len(rows):
                labelled = int(rows[list(TRAIT_NAMES)].notna().all(axis=1).sum())
                files = int((rows["location"] != "").sum())
                lines.append(f"  {split}: {len(rows):,} clips, {labelled:,} with labels, {files:,} with a file")
        for kind, names in self.problems.items():
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"  {len(names):,} {kind}: {shown}")
        return "\n".join(lines)


def parse_source(clip: str) -> str:
    """Return the source video of a clip: its name (or path) without extension and running number,
    `<source>.<number>.mp4`."""
    path = PurePosixPath(clip)
    head, _, number = path.stem.rpartition(".")
    return str(path.with_name(head if head and number.isdigit() else path.stem))


def check_labels(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.DataFrame:
    """Remove the labels of clips with a label that is not a number in [0, 1], and all but the first clip of each name;
    add both to the problems."""
    duplicate = table["clip"].duplicated()
    add_problem(problems, "duplicate clip names, first kept", table.loc[duplicate, "clip"])
    table = table[~duplicate].reset_index(drop=True)
    labels = table[list(TRAIT_NAMES)].apply(pd.to_numeric, errors="coerce")
    wrong = (labels.lt(0) | labels.gt(1) | (labels.isna() & table[list(TRAIT_NAMES)].notna())).any(axis=1)
    add_problem(problems, "clips with a label outside [0, 1], label ignored", table.loc[wrong, "clip"])
    table[list(TRAIT_NAMES)] = labels.where(~wrong)
    return table


def describe_problems(problems: dict[str, list[str]]) -> list[str]:
    """A line per kind of problem: how often it occurs, and an example."""
    return [f"{kind}: {len(names):,}, such as {names[0]}" for kind, names in problems.items()]


def add_problem(problems: dict[str, list[str]], kind: str, names: pd.Series | list[str]) -> None:
    """Add `names` under `kind` if there are any."""
    listed = [str(name) for name in names]
    if listed:
        problems.setdefault(kind, []).extend(listed)
