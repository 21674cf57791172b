"""Build a cache from a dataset: read every clip without an entry, in processes of this machine or of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import joblib
import pandas as pd
from tqdm import tqdm

from personality.dataset.archives import archive_batch_key, clip_file_signature, get_clip_path_or_bytes
from personality.dataset.dataset_card import read_dataset_card
from personality.dataset.index import Dataset, DatasetError
from personality.preprocessing.build_attempt import begin_attempt, join_build_attempt
from personality.preprocessing.cache import Cache, CacheError
from personality.preprocessing.cache_tables import write_cache_tables
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.worker_pools import (
    WORKER_DIED_MESSAGE,
    ParallelRunner,
    limit_to_one_thread,
    open_workers,
    worker_process_options,
)
from personality.utils.atomic_files import hold_lock_file

VIDEO_MISSING_MESSAGE = "the file is missing"

ClipTask = tuple[str, str, str]  # name of the clip, its location, and the signature of its file
ErrorsByClip = dict[str, str]  # error message of each clip; empty if the clip was read
ReadClips = Callable[[list[ClipTask]], ErrorsByClip]


def preprocess(
    dataset: Dataset,
    out: Path,
    *,
    workers: int = 1,
    dask: str | None = None,
    remake: bool = False,
    whole_sound: bool = False,
) -> pd.DataFrame:
    """Add the missing entries to the cache `out` and return its table of clips.

    A clip that cannot be read has a row with its `error`; the next run tries it again. With one worker, clips are read
    in this process; -1 starts one worker per core. If a clip ends the process that reads it, the next run reads it in
    a separate process. With `dask`, the workers of the cluster at that address, which need the same paths, read the
    clips. With `whole_sound`, entries include the sound after the first 5 s (about 32 kB per second), also in later
    runs. Raises CacheError if entries are stale (other constants, other files, or incomplete sound) and `remake` is
    false, or if workers die before they read anything; ValueError if another process fills the cache or workers of a
    killed one do not end; DatasetError if `distributed`, the scheduler or its workers are missing.
    """
    out, dataset = out.resolve(), replace(dataset, root=dataset.root.resolve())  # workers may run in another folder
    dataset_card = read_dataset_card(dataset.root)
    cache = Cache(out, whole_sound=whole_sound or Cache(out).has_whole_sound)
    with hold_lock_file(out / "lock", f"Another process is filling {out}; wait for it, or choose another folder."):
        attempt = begin_attempt(out)
        cache.remove_unfinished_files()
        todo, errors = _select_clips_to_read(cache, dataset, remake)
        with open_workers(workers, dask) as parallel:
            errors |= _read_all_clips(cache, dataset.root, attempt, todo, parallel)
        card = {
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "root": str(dataset.root),
            **asdict(dataset_card),
        }
        return write_cache_tables(cache, dataset.table, errors, card)


def _select_clips_to_read(cache: Cache, dataset: Dataset, remake: bool) -> tuple[dict[str, ClipTask], ErrorsByClip]:
    """Return the clips to read, by name, and the errors of clips without a readable file.

    Entries to be replaced are removed, so that every entry that exists afterwards is valid.
    """
    todo: dict[str, ClipTask] = {}
    errors: ErrorsByClip = {}
    stale: dict[str, str] = {}
    for clip, location in dataset.table[["clip", "location"]].itertuples(index=False):
        try:
            of = clip_file_signature(dataset.root, location) if location else None
        except DatasetError as error:
            errors[clip] = str(error)
            continue
        state, why = cache.entry_state(clip, of)
        if state == "present":  # even if the video was deleted since
            continue
        if of is None:
            errors[clip] = VIDEO_MISSING_MESSAGE
            continue
        todo[clip] = (clip, location, of)
        if state == "stale":
            stale[clip] = why
    if stale and not remake:
        reasons = "; ".join(sorted(set(stale.values())))
        raise CacheError(f"{len(stale):,} entries of {cache.folder} are stale: {reasons}; replace them with --remake.")
    for clip in todo:
        cache.entry_path(clip).unlink(missing_ok=True)
    return todo, errors


def _read_all_clips(
    cache: Cache, root: Path, attempt: str, todo: dict[str, ClipTask], parallel: ParallelRunner
) -> ErrorsByClip:
    """Read all clips of `todo`, even if workers die.

    If a worker dies, the clips that were being read are read again, each in a separate process, before the others:
    a clip that crashes its reader affects no other clip.
    """
    errors: ErrorsByClip = {}
    with tqdm(total=len(todo), desc="preprocess", unit="clip") as progress:
        cache.remove_claims(except_of=todo)
        while todo:
            read = partial(_write_entries, cache, root, attempt)
            for clip in [clip for clip in todo if cache.claim_path(clip).exists()]:
                errors |= _read_clip_isolated(cache, read, todo.pop(clip))
            before = len(todo)
            try:
                for done in parallel(read, group_by_archive(todo.values())):
                    for clip in done:
                        del todo[clip]
                    errors |= done
                    progress.update(progress.total - len(todo) - progress.n)
            except BrokenExecutor as death:
                attempt = begin_attempt(cache.folder)  # the other workers may still be writing
                todo = {clip: task for clip, task in todo.items() if not cache.entry_path(clip).exists()}
                cache.remove_claims(except_of=todo)
                if len(todo) == before and not any(cache.claim_path(clip).exists() for clip in todo):
                    raise CacheError("The workers died before they read a clip; use fewer of them.") from death
    return {clip: error for clip, error in errors.items() if error}


def group_by_archive(tasks: Iterable[ClipTask]) -> list[list[ClipTask]]:
    """Group the clips that one worker reads in a row: all clips of a nested archive, otherwise a single clip."""
    ordered = sorted(tasks, key=lambda task: archive_batch_key(task[1]))
    return [list(group) for _, group in groupby(ordered, key=lambda task: archive_batch_key(task[1]))]


def _read_clip_isolated(cache: Cache, read: ReadClips, task: ClipTask) -> ErrorsByClip:
    """Read one clip in a separate process, which may crash."""
    parallel = joblib.Parallel(2, **worker_process_options())  # with one job, joblib would not start a process
    try:
        (errors,) = parallel([joblib.delayed(read)([task])])
    except BrokenExecutor:
        cache.claim_path(task[0]).unlink(missing_ok=True)
        return {task[0]: "" if cache.entry_path(task[0]).exists() else WORKER_DIED_MESSAGE}
    return errors


def _write_entries(cache: Cache, root: Path, attempt: str, tasks: list[ClipTask]) -> ErrorsByClip:
    """Write the entries of some clips, in a worker. Raises SupersededError if another attempt has begun."""
    errors: ErrorsByClip = {}
    with limit_to_one_thread():
        for clip, location, of in tasks:
            with join_build_attempt(cache.folder, attempt):
                errors[clip] = _write_entry(cache, root, clip, location, of)
    return errors


def _write_entry(cache: Cache, root: Path, clip: str, location: str, of: str) -> str:
    from personality.preprocessing.sample import read_sample

    claim = cache.claim_path(clip)
    claim.parent.mkdir(parents=True, exist_ok=True)
    claim.write_text(str(os.getpid()))
    try:
        sample = read_sample(get_clip_path_or_bytes(root, location), threads=1)
    except (MediaError, DatasetError) as error:
        return str(error)
    except Exception as error:  # an unexpected error in one clip must not stop the others
        return explain_unexpected_error(error)
    else:
        cache.write(clip, sample, of)
    finally:
        claim.unlink(missing_ok=True)
    return ""


def explain_unexpected_error(error: Exception) -> str:
    """Return the reason why a clip with an unexpected error could not be read, as one line."""
    return f"it could not be read: {type(error).__name__}: {error}".splitlines()[0]
