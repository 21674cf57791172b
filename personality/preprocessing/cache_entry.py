"""Encode and decode an entry of a cache: a Sample as one safetensors file.

Face crops are stored as JPEG, sound as 16-bit integers (the first 5 s, or all of it), everything else unchanged.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from personality.constants import PREPROCESSING
from personality.modalities import VOICE_TABLE
from personality.preprocessing.emotion import EMOTION_WEIGHTS_FILE
from personality.preprocessing.sample import Sample
from personality.utils.atomic_files import file_sha256

CACHE_FORMAT_VERSION = 6
CROP_JPEG_QUALITY = 92
PER_FACE_FIELDS = ("times", "boxes", "scores", "emotion_confidences")  # one row per face
ENTRY_ARRAY_FIELDS = (*PER_FACE_FIELDS, "emotions", VOICE_TABLE)
ENTRY_JSON_FIELDS = ("audio_seconds", "duration", "age", "gender", "warnings")


@lru_cache(maxsize=1)
def _hash_emotion_weights() -> str:
    return file_sha256(EMOTION_WEIGHTS_FILE)[:16]


def get_entry_constants() -> dict[str, Any]:
    """Return the constants of preprocessing; an entry that was written with others is stale."""
    return {**asdict(PREPROCESSING), "format": CACHE_FORMAT_VERSION, "emotion_weights": _hash_emotion_weights()}


def read_entry_header(path: Path) -> dict[str, Any]:
    """Read the metadata of an entry without its arrays."""
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["entry"])


def encode_entry(clip: str, sample: Sample, of: str, *, whole_sound: bool = False) -> bytes:
    """Encode an entry; equal samples of equal files give equal bytes.

    Parameters
    ----------
    clip : str
        Name of the clip.
    sample : Sample
        The contents.
    of : str
        Signature of the clip's file, from `archives.clip_file_signature`.
    whole_sound : bool
        Whether to store `sample.rest`, the sound after the first 5 s.
    """
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
    # A single key, because safetensors writes several in arbitrary order, and equal samples must give equal bytes.
    entry = {"clip": clip, "of": of, "constants": get_entry_constants(), "whole_sound": whole_sound, "words": words}
    return save(arrays, {"entry": json.dumps(entry)})


def _sound_to_int16(sound: np.ndarray) -> np.ndarray:
    """Convert sound in [-1, 1] to 16-bit integers."""
    return (sound * 32767).round().astype(np.int16)


def sound_from_int16(stored: np.ndarray) -> np.ndarray:
    """Convert stored sound to float32 in [-1, 1]."""
    return stored.astype(np.float32) / 32767


def decode_entry(path: Path, chosen: np.ndarray | None = None) -> Sample:
    """Decode the file of an entry, with all faces or those with the indices `chosen`, int (N,). Raises SafetensorError
    if the file is incomplete."""
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
        audio=sound_from_int16(arrays["audio"]),
        rest=sound_from_int16(arrays.get("rest", np.zeros(0, np.int16))),
        **{name: arrays[name] for name in ENTRY_ARRAY_FIELDS},
        **{**words, "warnings": tuple(words["warnings"])},
    )
