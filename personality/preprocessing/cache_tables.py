"""The tables of a finished cache: its clips, their voice descriptors, and the card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open

from personality.modalities import VOICE_TABLE
from personality.preprocessing.attributes import summarise_emotions
from personality.preprocessing.cache import Cache
from personality.preprocessing.cache_entry import get_entry_constants, sound_from_int16
from personality.preprocessing.sound import SILENT_PEAK
from personality.preprocessing.voice_descriptors import VOICE_DESCRIPTOR_COLUMNS
from personality.traits import ANNOTATED, ESTIMATED, age_group
from personality.utils.atomic_files import atomic_path, write_json


def write_cache_tables(cache: Cache, table: pd.DataFrame, errors: dict[str, str], card: dict[str, Any]) -> pd.DataFrame:
    """Write `card.json`, `voice_descriptors.parquet` and `clips.parquet` from the dataset's table and the entries,
    and return the table of clips."""
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
    # Write the table last: its existence marks the cache as finished.
    write_json(
        cache.folder / "card.json", card | {"whole_sound": cache.whole_sound, "constants": get_entry_constants()}
    )
    with atomic_path(cache.folder / "clips.parquet") as path:
        clips.to_parquet(path, index=False)
    return clips


def _write_voice_descriptors(cache: Cache, clips: pd.Series, voices: np.ndarray) -> None:
    """Write the voice descriptors, float32 (N, 26), of the clips that have any (rows of zeros are left out)."""
    heard = voices.any(axis=1)
    with atomic_path(cache.folder / f"{VOICE_TABLE}.parquet") as path:
        pd.DataFrame(voices[heard], clips[heard], VOICE_DESCRIPTOR_COLUMNS).to_parquet(path)
    cache.invalidate_table(VOICE_TABLE)


def _prefer_annotated(table: pd.DataFrame, given: str, estimated: str) -> pd.Series:
    """Return the dataset's annotation of each clip if there is one, otherwise the estimate."""
    if given not in table:
        return table[estimated]
    return table[given].where(table[given].notna(), table[estimated])


def _attribute_origin(table: pd.DataFrame, given: tuple[str, ...], estimated: str) -> pd.Series:
    """Return the origin of an attribute of each clip: annotated, estimated, or missing."""
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
            peak = np.abs(sound_from_int16(file.get_tensor("audio"))).max(initial=0.0)
        summary = summarise_emotions(confidences)
        yield {
            "clip": clip,
            "faces": len(confidences),
            # Models cannot use a silent window; see `explain_missing_sound`.
            "audio_seconds": words["audio_seconds"] if peak >= SILENT_PEAK else 0.0,
            "duration": words["duration"],
            "gender_estimated": words["gender"],
            "age_estimated": words["age"],
            VOICE_TABLE: voice,
            "emotion": summary.dominant,
            "emotion_confidence": summary.confidence,
            "warnings": "; ".join(words["warnings"]),
            "error": "",
        }
