"""The index of clips that both layouts give, and where a clip's bytes are."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath

import pandas as pd

from personality.constants import LIMITS
from personality.traits import TRAIT_NAMES

SPLITS = ("training", "validation", "test")
BASE_COLUMNS = ("clip", "source", "split", "location", *TRAIT_NAMES)
INSIDE = "::"  # between an archive and what it holds, in a location
PASSWORD_VARIABLE = "PERSONALITY_ZIP_PASSWORD"


class DatasetError(ValueError):
    """A dataset that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Dataset:
    """Clips and labels. `table` has one row per clip: clip, source, split, location (within root, empty where the
    file is missing), the five traits in [0, 1] (NaN without label), then any attributes. `problems` are sentences
    about what was left out or looks wrong, by kind; the rest went on.
    """

    name: str
    root: Path
    table: pd.DataFrame
    problems: dict[str, list[str]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """sha256 over clips, splits and labels, 16 hexadecimal digits: the same data, the same fingerprint."""
        columns = self.table[["clip", "split", *TRAIT_NAMES]].sort_values("clip")
        return hashlib.sha256(pd.util.hash_pandas_object(columns, index=False).to_numpy().tobytes()).hexdigest()[:16]

    def report(self) -> str:
        """Counts per split and each problem, a few examples each, in words."""
        table, lines = (
            self.table,
            [f"{self.name}: {len(self.table):,} clips of {self.table['source'].nunique():,} sources"],
        )
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


def source_of(clip: str) -> str:
    """The source video of a clip: its name (or path) without extension and running number, `<source>.<number>.mp4`."""
    path = PurePosixPath(clip)
    head, _, number = path.stem.rpartition(".")
    return str(path.with_name(head if head and number.isdigit() else path.stem))


def check_labels(table: pd.DataFrame, problems: dict[str, list[str]]) -> pd.DataFrame:
    """Blank labels outside [0, 1] or not numbers, and drop all but the first of clips of one name; note both."""
    duplicate = table["clip"].duplicated()
    note(problems, "duplicate clip names, first kept", table.loc[duplicate, "clip"])
    table = table[~duplicate].reset_index(drop=True)
    labels = table[list(TRAIT_NAMES)].apply(pd.to_numeric, errors="coerce")
    wrong = (labels.lt(0) | labels.gt(1) | (labels.isna() & table[list(TRAIT_NAMES)].notna())).any(axis=1)
    note(problems, "clips with a label outside [0, 1], label ignored", table.loc[wrong, "clip"])
    table[list(TRAIT_NAMES)] = labels.where(~wrong)
    return table


def note(problems: dict[str, list[str]], kind: str, names: pd.Series | list[str]) -> None:
    """Add `names` under `kind` where there are any."""
    listed = [str(name) for name in names]
    if listed:
        problems.setdefault(kind, []).extend(listed)


def read_clip(root: Path, location: str) -> Path | bytes:
    """The file of a clip, or its bytes where it lies within archives. Raises DatasetError where it cannot be read."""
    outer, *inner = location.split(INSIDE)
    path = root / outer
    if not inner:
        return path
    try:
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(path))
            for name in inner[:-1]:
                archive = stack.enter_context(
                    zipfile.ZipFile(BytesIO(_member(archive, name, LIMITS.zip_archive_bytes)))
                )
            return _member(archive, inner[-1], LIMITS.zip_clip_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, NotImplementedError) as error:
        raise DatasetError(f"The archive {path.name} cannot be read; download it again.") from error


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The bytes of a member, counted while they are read: what the directory says of their number is not believed."""
    password = os.environ.get(PASSWORD_VARIABLE)
    try:
        with archive.open(name, pwd=password.encode() if password else None) as member:
            data = member.read(most + 1)
    except RuntimeError as error:  # what zipfile raises for a missing or wrong password
        raise DatasetError(f"An archive is encrypted; put its password into {PASSWORD_VARIABLE}.") from error
    if len(data) > most:
        raise DatasetError(f"A member of an archive is over {most // 2**20} MB; it is not read.")
    return data


def list_zip(path: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Locations, relative to the archive's folder, of members with one of `suffixes`, also one archive deeper.

    Raises DatasetError where the archive is damaged or over a limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in _names(archive):
                if name.lower().endswith(".zip"):
                    nested = zipfile.ZipFile(BytesIO(_member(archive, name, LIMITS.zip_archive_bytes)))
                    with nested:
                        inner = [
                            f"{name}{INSIDE}{member}" for member in _names(nested) if member.lower().endswith(suffixes)
                        ]
                    yield from (f"{path.name}{INSIDE}{member}" for member in inner)
                elif name.lower().endswith(suffixes):
                    yield f"{path.name}{INSIDE}{name}"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DatasetError(f"The archive {path.name} is damaged; download it again.") from error


def _names(archive: zipfile.ZipFile) -> list[str]:
    names = archive.namelist()
    if len(names) > LIMITS.zip_members:
        raise DatasetError(f"An archive has {len(names):,} members; at most {LIMITS.zip_members:,} are read.")
    return names
