"""Compute the attributes of the clips of a cache from their videos, and store them as tables of the cache."""

from __future__ import annotations

import json
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from personality.dataset.archives import clip_file_signature, get_clip_path_or_bytes
from personality.dataset.index import DatasetError
from personality.preprocessing.build_cache import (
    VIDEO_MISSING_MESSAGE,
    ClipTask,
    ErrorsByClip,
    explain_unexpected_error,
    group_by_archive,
)
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.clip_attributes import ATTRIBUTE_TABLES, SPEECH_SECONDS, describe_clip
from personality.preprocessing.feature_tables import add_table
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.speech_timing import SPEECH_RATE_COLUMNS, compute_speech_rate
from personality.preprocessing.speech_to_text import SpeechModelError
from personality.preprocessing.worker_pools import WORKER_DIED_MESSAGE, limit_to_one_thread, open_workers
from personality.utils.atomic_files import hold_lock_file, write_json

ATTRIBUTES_VERSION = 1  # of the files of attributes; those of other versions are computed again


def describe_cache(cache: Cache, *, workers: int = 1) -> tuple[dict[str, int], ErrorsByClip]:
    """Compute the attributes of all clips, and add the tables of `clip_attributes.ATTRIBUTE_TABLES` to a cache.

    Attributes of a clip are stored beside its entry as soon as they are known, so that an interrupted run can be
    continued, and computed again if its file has changed.

    Parameters
    ----------
    cache : Cache
        A finished cache; the files of its dataset must be where they were when it was made.
    workers : int
        Processes; -1 starts one per core.

    Returns
    -------
    counts : dict of str to int
        Number of clips in each table; tables without a clip are not added.
    errors : dict of str to str
        Why clips could not be read.

    Raises
    ------
    CacheError
        The cache is not finished, or a worker died.
    ValueError
        Another process computes attributes of this cache.
    """
    readable = cache.clips[cache.clips["error"] == ""]
    with hold_lock_file(cache.folder / "attributes.lock", f"Another process describes the clips of {cache.folder}."):
        todo, errors = _select_clips(cache, readable)
        errors |= _describe_all(cache, todo, workers)
        return _write_tables(cache), errors


def _select_clips(cache: Cache, readable: pd.DataFrame) -> tuple[list[ClipTask], ErrorsByClip]:
    """Return the clips whose attributes are not known, and why others cannot be read."""
    root, todo, errors = Path(cache.card["root"]), [], {}
    for clip, location in readable[["clip", "location"]].itertuples(index=False):
        try:
            of = clip_file_signature(root, location) if location else ""
        except DatasetError as error:
            errors[clip] = str(error)
            continue
        if not of:
            errors[clip] = VIDEO_MISSING_MESSAGE
        elif _read_attributes(cache, clip, of) is None:
            todo.append((clip, location, of))
    return todo, errors


def _describe_all(cache: Cache, todo: list[ClipTask], workers: int) -> ErrorsByClip:
    """Describe clips in parallel, and return why some could not be read."""
    describe = partial(_write_attributes, Cache(cache.folder), Path(cache.card["root"]))
    errors: ErrorsByClip = {}
    with tqdm(total=len(todo), desc="describe", unit="clip") as bar, open_workers(workers, None) as parallel:
        try:
            for done in parallel(describe, group_by_archive(todo)):
                errors |= done
                bar.update(len(done))
        except BrokenExecutor as death:
            raise CacheError(f"A clip could not be described: {WORKER_DIED_MESSAGE}.") from death
    return {clip: error for clip, error in errors.items() if error}


def _write_attributes(cache: Cache, root: Path, tasks: list[ClipTask]) -> ErrorsByClip:
    """Describe some clips, in a worker; return the error of each, empty if there is none."""
    errors: ErrorsByClip = {}
    with limit_to_one_thread():
        for clip, location, of in tasks:
            try:
                values = describe_clip(get_clip_path_or_bytes(root, location), threads=1)
            except (MediaError, DatasetError) as error:
                errors[clip] = str(error)
            except SpeechModelError:  # all other clips would fail too
                raise
            except Exception as error:
                errors[clip] = explain_unexpected_error(error)
            else:
                write_json(_attributes_path(cache, clip), {"version": ATTRIBUTES_VERSION, "of": of, "values": values})
                errors[clip] = ""
    return errors


def _attributes_path(cache: Cache, clip: str) -> Path:
    return cache.entry_path(clip).with_suffix(".attributes.json")


def _read_attributes(cache: Cache, clip: str, of: str | None = None) -> dict[str, float] | None:
    """Return the stored attributes of a clip; None if there are none, of this version and, if given, of this file."""
    path = _attributes_path(cache, clip)
    if not path.is_file():
        return None
    stored = json.loads(path.read_text())
    is_current = stored["version"] == ATTRIBUTES_VERSION and of in (None, stored["of"])
    return stored["values"] if is_current else None


def _write_tables(cache: Cache) -> dict[str, int]:
    """Write the tables from the stored attributes and the transcripts, and return the number of rows of each."""
    found = {clip: _read_attributes(cache, clip) or {} for clip in cache.clips["clip"]}
    texts = cache.transcripts if cache.transcripts_path.is_file() else {}
    for clip in found.keys() & texts.keys():
        rate = compute_speech_rate(texts[clip], found[clip].get(SPEECH_SECONDS, 0.0))
        found[clip] = found[clip] | {SPEECH_RATE_COLUMNS[0]: rate}
    values = pd.DataFrame.from_dict(found, orient="index", dtype=float).rename_axis("clip")
    counts = {}
    for name, columns in ATTRIBUTE_TABLES.items():
        rows = values.reindex(columns=list(columns)).dropna()
        counts[name] = len(rows)
        if len(rows):
            add_table(cache, name, rows)
    return counts
