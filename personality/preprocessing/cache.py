"""The store of Samples: one file per clip, written once, and a table of all clips.

An entry is a safetensors file: the crops as JPEG, the sound as 16-bit integers (the first 5 s; all of it where the
cache keeps the whole sound), the rest as it is. Its name is a digest of the clip's, so no file name of a stranger
reaches the disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from personality.constants import PREPROCESSING
from personality.modalities import VOICE_TABLE
from personality.preprocessing.cache_entry import decode_entry, encode_entry, get_entry_constants, read_entry_header
from personality.preprocessing.sample import Sample
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import remove_temporary_files, write_bytes
from personality.utils.legacy_names import rename_legacy_columns


class CacheError(ValueError):
    """A cache that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Cache:
    """A folder of entries with `clips.parquet` (one row per clip), `voice_descriptors.parquet` (one row per clip with
    sound) and `card.json` (where they come from).

    whole_sound: for who fills it; entries keep the sound after the window, and those that lack it are stale.
    """

    folder: Path
    whole_sound: bool = False
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def clips(self) -> pd.DataFrame:
        """One row per clip: what the dataset says of it, what was found, `error` where it could not be read. Raises
        CacheError where the cache is not finished."""
        if not (self.folder / "clips.parquet").is_file():
            raise CacheError(f"{self.folder} is not a finished cache; create it with `personality preprocess`.")
        return rename_legacy_columns(pd.read_parquet(self.folder / "clips.parquet"))

    @cached_property
    def card(self) -> dict[str, Any]:
        """The dataset's name, fingerprint and folder, whether the whole sound is kept, and the constants."""
        return json.loads((self.folder / "card.json").read_text())

    @property
    def has_whole_sound(self) -> bool:
        """Whether every entry of the finished cache holds all of its clip's sound."""
        return bool((self.folder / "card.json").is_file() and self.card.get("whole_sound"))

    def labelled_clips(self, split: str) -> pd.DataFrame:
        """The clips of one split that have all five labels; of those that were not read, faces and seconds are 0."""
        table = self.clips
        labelled = table[list(TRAIT_NAMES)].notna().all(axis=1)
        return table[labelled & table["split"].eq(split)].reset_index(drop=True)

    def table_path(self, name: str) -> Path:
        """Where the added table of features `name` is or would be."""
        return self.folder / "tables" / f"{quote(name, safe=':@,')}.parquet"

    @property
    def tables(self) -> dict[str, Path]:
        """Where the tables of features are, by name. An added table goes before the computed one of its name."""
        paths = [self.folder / f"{VOICE_TABLE}.parquet", *sorted(self.folder.glob("tables/*.parquet"))]
        return {unquote(path.stem): path for path in paths if path.is_file()}

    def table(self, name: str) -> pd.DataFrame:
        """The table of features `name`, float32, indexed by clip. Raises CacheError where there is none."""
        if name not in self._tables:
            if name not in self.tables:
                there = ", ".join(self.tables) or "none"
                raise CacheError(f"{self.folder} has no table {name} (it has: {there}); `add-table` adds one.")
            self._tables[name] = pd.read_parquet(self.tables[name])
        return self._tables[name]

    @property
    def transcripts_path(self) -> Path:
        """Where the transcripts of the clips are, if `add-text` was given any."""
        return self.folder / "transcripts.parquet"

    @property
    def transcripts(self) -> dict[str, str]:
        """The text of each clip that has one. Raises CacheError where no clip has."""
        if not self.transcripts_path.is_file():
            raise CacheError(f"{self.folder} has no transcripts; `personality add-text` adds them.")
        return pd.read_parquet(self.transcripts_path)["text"].to_dict()

    def invalidate_table(self, name: str) -> None:
        """Read the feature table `name` from disk at the next use."""
        self._tables.pop(name, None)

    def entry_path(self, clip: str) -> Path:
        """Where the entry of `clip` is or would be."""
        digest = hashlib.sha256(clip.encode()).hexdigest()[:32]
        return self.folder / "entries" / digest[:2] / f"{digest}.safetensors"

    def claim_path(self, clip: str) -> Path:
        """A file with the number of the process that reads `clip` just now; where it outlives it, the clip may be to
        blame."""
        return self.entry_path(clip).with_suffix(".reading")

    def entry_state(self, clip: str, of: str | None = None) -> tuple[str, str]:
        """`present`, `missing`, `stale` or `torn` (not a whole file), and why it is so, in words.

        of: what tells the clip's file from another; an entry made of another file is stale, as is one made with
        other constants. None asks about the constants only.
        """
        path = self.entry_path(clip)
        if not path.exists():
            return "missing", "there is no entry"
        try:
            made = read_entry_header(path)
            differences = [
                f"{name} was {made['constants'].get(name, 'unknown')} and is {value}"
                for name, value in get_entry_constants().items()
                if made["constants"].get(name) != value
            ]
            if of is not None and made["of"] != of:
                differences.append("made of other files of the same names")
            if self.whole_sound and not made.get("whole_sound"):
                differences.append(f"the sound after {PREPROCESSING.audio_seconds:.0f} s was not kept")
        except (SafetensorError, KeyError, ValueError, TypeError, AttributeError):
            return "torn", "the entry is not whole"
        return ("stale", ", ".join(differences)) if differences else ("present", "")

    def write(self, clip: str, sample: Sample, of: str) -> None:
        """Store `sample`, made of the file that `of` tells from others; the crops lose a little to JPEG, the sound
        to 16 bits."""
        path = self.entry_path(clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, encode_entry(clip, sample, of, whole_sound=self.whole_sound))

    def read(self, clip: str, faces: np.ndarray | None = None) -> Sample:
        """The stored Sample, of all faces or of those with these numbers (int, in order): only they are decoded.

        Raises CacheError where it is missing, torn or made with other constants.
        """
        state, why = self.entry_state(clip)
        if state != "present":
            raise CacheError(f"The entry of {clip} is {state} ({why}); run `personality preprocess` again.")
        return decode_entry(self.entry_path(clip), faces)

    def remove_unfinished_files(self) -> None:
        """Remove what writers that died left unfinished."""
        remove_temporary_files(self.folder)

    def remove_claims(self, *, except_of: Iterable[str]) -> None:
        """Remove the claims of all clips but these; no worker may be reading. A worker that was killed between writing
        its entry and removing its claim leaves one beside a whole entry, for which no clip is to blame."""
        kept = {self.claim_path(clip) for clip in except_of}
        for claim in self.folder.glob("entries/*/*.reading"):
            if claim not in kept:
                claim.unlink()

    def sample(self, row: pd.Series, faces: np.ndarray | None = None) -> Sample:
        """The Sample of a row of `clips`, with the dataset's own gender and age in place of the estimates; faces as
        in `read`."""
        return replace(self.read(row["clip"], faces), gender=row["gender"], age=row["age"])
