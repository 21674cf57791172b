"""The store of Samples: one file per clip, written once, and a table of all clips.

An entry is a safetensors file: the crops as JPEG, the sound as 16-bit integers (the first 5 s; all of it where the
cache keeps the whole sound), the rest as it is. Its name is a digest of the clip's, so no file name of a stranger
reaches the disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from personality.constants import PREPROCESSING
from personality.modalities import VOICE_TABLE
from personality.preprocessing.attributes import summarise_emotions
from personality.preprocessing.emotion import EMOTION_WEIGHTS_FILE
from personality.preprocessing.sample import Sample
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS
from personality.traits import ANNOTATED, ESTIMATED, TRAIT_NAMES, age_group
from personality.utils.atomic_files import atomic_path, file_sha256, remove_temporary_files, write_bytes, write_json
from personality.utils.legacy_names import rename_legacy_columns

CACHE_FORMAT_VERSION = 5
CROP_JPEG_QUALITY = 92
PER_FACE_FIELDS = ("times", "boxes", "scores", "emotion_confidences")  # one row a face
ENTRY_ARRAY_FIELDS = (*PER_FACE_FIELDS, "emotions", VOICE_TABLE)
ENTRY_JSON_FIELDS = ("audio_seconds", "duration", "age", "gender", "warnings")


class CacheError(ValueError):
    """A cache that cannot be used; the message is one sentence."""


@lru_cache(maxsize=1)
def _hash_emotion_weights() -> str:
    return file_sha256(EMOTION_WEIGHTS_FILE)[:16]


def get_entry_constants() -> dict[str, Any]:
    """What entries are made with; an entry made with anything else is stale."""
    return {**asdict(PREPROCESSING), "format": CACHE_FORMAT_VERSION, "emotion_weights": _hash_emotion_weights()}


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
        return self.folder / "tables" / f"{name}.parquet"

    @property
    def tables(self) -> dict[str, Path]:
        """Where the tables of features are, by name. An added table goes before the computed one of its name."""
        paths = [self.folder / f"{VOICE_TABLE}.parquet", *sorted(self.folder.glob("tables/*.parquet"))]
        return {path.stem: path for path in paths if path.is_file()}

    def table(self, name: str) -> pd.DataFrame:
        """The table of features `name`, float32, indexed by clip. Raises CacheError where there is none."""
        if name not in self._tables:
            if name not in self.tables:
                there = ", ".join(self.tables) or "none"
                raise CacheError(f"{self.folder} has no table {name} (it has: {there}); `add-table` adds one.")
            self._tables[name] = pd.read_parquet(self.tables[name])
        return self._tables[name]

    def invalidate_table(self, name: str) -> None:
        """Read the table of features `name` anew when it is next wanted."""
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
            made = _read_entry_header(path)
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


def _read_entry_header(path: Path) -> dict[str, Any]:
    """What an entry says of itself, without its arrays."""
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["entry"])


def encode_entry(clip: str, sample: Sample, of: str, *, whole_sound: bool = False) -> bytes:
    """The bytes of an entry; equal samples of equal files give equal bytes."""
    options = [cv2.IMWRITE_JPEG_QUALITY, CROP_JPEG_QUALITY]
    pictures = [
        cv2.imencode(".jpg", cv2.cvtColor(face, cv2.COLOR_RGB2BGR), options)[1].ravel() for face in sample.faces
    ]
    arrays = {
        "jpeg": np.concatenate(pictures) if pictures else np.zeros(0, np.uint8),
        "lengths": np.array([len(picture) for picture in pictures], np.int32),
        "audio": _sound_to_int16(sample.audio),
        **({"rest": _sound_to_int16(sample.rest)} if whole_sound else {}),
        **{name: getattr(sample, name) for name in ENTRY_ARRAY_FIELDS},
    }
    words = {name: getattr(sample, name) for name in ENTRY_JSON_FIELDS}
    # One key: safetensors writes several in no fixed order, and equal samples shall give equal bytes.
    entry = {"clip": clip, "of": of, "constants": get_entry_constants(), "whole_sound": whole_sound, "words": words}
    return save(arrays, {"entry": json.dumps(entry)})


def _sound_to_int16(sound: np.ndarray) -> np.ndarray:
    """Sound in [-1, 1] as 16-bit integers."""
    return (sound * 32767).round().astype(np.int16)


def decode_entry(path: Path, chosen: np.ndarray | None = None) -> Sample:
    """The Sample of an entry's file, of all faces or of those with the chosen numbers, int (N,). Raises SafetensorError
    where the file is not whole."""
    with safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        words = json.loads(file.metadata()["entry"])["words"]
    size = PREPROCESSING.face_size
    parts = np.split(arrays["jpeg"], np.cumsum(arrays["lengths"])[:-1]) if len(arrays["lengths"]) else []
    if chosen is not None:
        parts = [parts[number] for number in chosen]
        arrays |= {name: arrays[name][chosen] for name in PER_FACE_FIELDS}
    faces = [np.asarray(cv2.imdecode(part, cv2.IMREAD_COLOR_RGB)) for part in parts]
    return Sample(
        faces=np.stack(faces) if faces else np.zeros((0, size, size, 3), np.uint8),
        audio=arrays["audio"].astype(np.float32) / 32767,
        rest=arrays.get("rest", np.zeros(0, np.int16)).astype(np.float32) / 32767,
        **{name: arrays[name] for name in ENTRY_ARRAY_FIELDS},
        **{**words, "warnings": tuple(words["warnings"])},
    )


def write_cache_tables(cache: Cache, table: pd.DataFrame, errors: dict[str, str], card: dict[str, Any]) -> pd.DataFrame:
    """Write `card.json`, `voice_descriptors.parquet` and `clips.parquet` from the dataset's table and the entries;
    returns the clips' table."""
    found = pd.DataFrame(_summarise_entries(cache, table["clip"].tolist(), errors))
    _write_voice_descriptors(cache, found["clip"], np.stack(found.pop(VOICE_TABLE)))
    clips = table.merge(found, on="clip", how="left")
    clips["gender_from"] = _attribute_origin(clips, ("gender",), "gender_estimated")
    clips["age_from"] = _attribute_origin(clips, ("age",), "age_estimated")
    clips["age_group_from"] = _attribute_origin(clips, ("age_group", "age"), "age_estimated")
    clips["gender"] = _prefer_annotated(clips, "gender", "gender_estimated")
    clips["age"] = _prefer_annotated(clips, "age", "age_estimated").astype(float)
    estimated = clips["age"].map(lambda years: age_group(years) if years == years else None)
    clips["age_group"] = (
        clips["age_group"].where(clips["age_group"].notna(), estimated) if "age_group" in clips else estimated
    )
    # The table last: a cache that has it is finished.
    write_json(
        cache.folder / "card.json", card | {"whole_sound": cache.whole_sound, "constants": get_entry_constants()}
    )
    with atomic_path(cache.folder / "clips.parquet") as path:
        clips.to_parquet(path, index=False)
    return clips


def _write_voice_descriptors(cache: Cache, clips: pd.Series, voices: np.ndarray) -> None:
    """Write the voice descriptors, float32 (N, 26), of the clips whose voice was heard."""
    heard = voices.any(axis=1)
    with atomic_path(cache.folder / f"{VOICE_TABLE}.parquet") as path:
        pd.DataFrame(voices[heard], clips[heard], VOICE_DESCRIPTOR_COLUMNS).to_parquet(path)
    cache.invalidate_table(VOICE_TABLE)


def _prefer_annotated(table: pd.DataFrame, given: str, estimated: str) -> pd.Series:
    """What the dataset says where it says something, else the estimate."""
    if given not in table:
        return table[estimated]
    return table[given].where(table[given].notna(), table[estimated])


def _attribute_origin(table: pd.DataFrame, given: tuple[str, ...], estimated: str) -> pd.Series:
    """Who says what an attribute of a clip is: people, the estimate, or nobody."""
    said = table[[name for name in given if name in table]].notna().any(axis=1)
    return pd.Series(ESTIMATED, table.index).where(table[estimated].notna()).mask(said, ANNOTATED)


def _summarise_entries(cache: Cache, clips: list[str], errors: dict[str, str]) -> Iterator[dict[str, Any]]:
    nothing = {"faces": 0, "audio_seconds": 0.0, "duration": np.nan, "gender_estimated": None, "age_estimated": np.nan}
    for clip in clips:
        if clip in errors:
            voice = np.zeros(len(VOICE_DESCRIPTOR_COLUMNS), np.float32)
            yield {
                "clip": clip,
                **nothing,
                VOICE_TABLE: voice,
                "emotion": None,
                "warnings": "",
                "error": errors[clip],
            }
            continue
        with safe_open(cache.entry_path(clip), "numpy") as file:
            words = json.loads(file.metadata()["entry"])["words"]
            confidences, voice = file.get_tensor("emotion_confidences"), file.get_tensor(VOICE_TABLE)
        summary = summarise_emotions(confidences)
        yield {
            "clip": clip,
            "faces": len(confidences),
            "audio_seconds": words["audio_seconds"],
            "duration": words["duration"],
            "gender_estimated": words["gender"],
            "age_estimated": words["age"],
            VOICE_TABLE: voice,
            "emotion": summary.dominant,
            "emotion_confidence": summary.confidence,
            "warnings": "; ".join(words["warnings"]),
            "error": "",
        }
