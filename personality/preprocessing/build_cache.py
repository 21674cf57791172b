"""A dataset becomes a cache: every clip that has no entry yet is read, on one machine's processes or a cluster's."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from personality.dataset.archives import archive_of, identity, read_clip
from personality.dataset.index import Dataset, DatasetError
from personality.preprocessing.build_attempt import begin_attempt, participate
from personality.preprocessing.cache import Cache, CacheError, finish
from personality.preprocessing.media_errors import MediaError
from personality.utils.atomic_files import exclusive

CONNECTING = 10  # seconds to wait for a cluster
AHEAD = 10_000  # pieces of work that a cluster is given at a time: enough for any, and for its memory
MISSING = "the file is missing"
DIED = "the process that read it died; the file may be damaged, or memory too small"

Task = tuple[str, str, str]  # a clip, its location, and what tells its file from another
Errors = dict[str, str]  # what went wrong, in words, by clip; empty where nothing did
Read = Callable[[list[Task]], Errors]
Parallel = Callable[[Read, list[list[Task]]], Iterable[Errors]]  # the same for each list, by one worker each


def preprocess(
    dataset: Dataset,
    out: Path,
    *,
    workers: int = 1,
    dask: str | None = None,
    remake: bool = False,
    whole_sound: bool = False,
) -> pd.DataFrame:
    """Fill the cache `out` with what is missing and return its table of clips.

    A clip that cannot be read is a row with its `error`; it is tried again by the next run. One worker is this very
    process, -1 is one a core; a clip that kills one is read apart by the next run. With `dask` clips are read by the
    cluster at that address, whose workers see the same paths. With `whole_sound` the sound after the first 5 s
    is kept too, some 32 kB a second; a cache that keeps it goes on to. Raises CacheError where entries were made with
    other constants, of other files or without the sound that is wanted, unless `remake` asks for new ones, and
    ValueError where another process fills the same cache, or the workers of a killed one do not end, DatasetError where
    `distributed`, the scheduler or its workers are missing, and CacheError where workers die before they read anything.
    """
    out, dataset = out.resolve(), replace(dataset, root=dataset.root.resolve())  # workers may stand elsewhere
    cache = Cache(out, whole_sound=whole_sound or Cache(out).keeps_whole_sound)
    with exclusive(out / "lock", f"Another process is filling {out}; wait for it, or choose another folder."):
        attempt = begin_attempt(out)
        cache.sweep()
        todo, errors = _compare(cache, dataset, remake)
        with _workers(workers, dask) as parallel:
            errors |= _read_all(cache, dataset.root, attempt, todo, parallel)
        card = {
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "root": str(dataset.root),
            "synthetic": (dataset.root / "truth.json").is_file(),
        }
        return finish(cache, dataset.table, errors, card)


def _compare(cache: Cache, dataset: Dataset, remake: bool) -> tuple[dict[str, Task], Errors]:
    """The clips that have to be read, by name, and what is wrong with those that cannot be.

    Entries that have to be made again are removed, so that from here on an entry that is there is a good one.
    """
    todo: dict[str, Task] = {}
    errors: Errors = {}
    stale: dict[str, str] = {}
    for clip, location in dataset.table[["clip", "location"]].itertuples(index=False):
        try:
            of = identity(dataset.root, location) if location else None
        except DatasetError as error:
            errors[clip] = str(error)
            continue
        state, why = cache.state(clip, of)
        if state == "present":  # also where the file has gone since
            continue
        if of is None:
            errors[clip] = MISSING
            continue
        todo[clip] = (clip, location, of)
        if state == "stale":
            stale[clip] = why
    if stale and not remake:
        reasons = "; ".join(sorted(set(stale.values())))
        raise CacheError(f"{len(stale):,} entries of {cache.folder} are stale: {reasons}; --remake makes them again.")
    for clip in todo:
        cache.entry(clip).unlink(missing_ok=True)
    return todo, errors


def _read_all(cache: Cache, root: Path, attempt: str, todo: dict[str, Task], parallel: Parallel) -> Errors:
    """Read all clips of `todo`, whatever happens to the workers.

    Where one dies, the clips that were being read are read again, each in a process of its own, and the rest goes
    on: a clip that kills its reader costs itself only.
    """
    errors: Errors = {}
    with tqdm(total=len(todo), desc="preprocess", unit="clip") as progress:
        cache.remove_claims(except_of=todo)
        while todo:
            read = partial(_read, cache, root, attempt)
            for clip in [clip for clip in todo if cache.claim(clip).exists()]:
                errors |= _read_alone(cache, read, todo.pop(clip))
            before = len(todo)
            try:
                for done in parallel(read, _units(todo.values())):
                    for clip in done:
                        del todo[clip]
                    errors |= done
                    progress.update(progress.total - len(todo) - progress.n)
            except BrokenExecutor as death:
                attempt = begin_attempt(cache.folder)  # other workers may still be writing
                todo = {clip: task for clip, task in todo.items() if not cache.entry(clip).exists()}
                cache.remove_claims(except_of=todo)
                if len(todo) == before and not any(cache.claim(clip).exists() for clip in todo):
                    raise CacheError("The workers die before they read anything; is there enough memory?") from death
    return {clip: error for clip, error in errors.items() if error}


def _units(tasks: Iterable[Task]) -> list[list[Task]]:
    """What one worker reads in a row: one clip, or all clips of an archive that has to be opened for them."""
    ordered = sorted(tasks, key=lambda task: archive_of(task[1]))
    return [list(group) for _, group in groupby(ordered, key=lambda task: archive_of(task[1]))]


def _workers(workers: int, dask: str | None) -> AbstractContextManager[Parallel]:
    """The processes of this machine, or the cluster at `dask`; a dead worker is a BrokenExecutor with either."""
    return nullcontext(_this_machine(workers)) if dask is None else _cluster(dask)


def _this_machine(workers: int) -> Parallel:
    # A new joblib.Parallel for every call: results of a call that a dead worker ended can arrive late, in the next one.
    def parallel(read: Read, units: list[list[Task]]) -> Iterable[Errors]:
        processes = joblib.Parallel(workers, return_as="generator_unordered", **_processes())
        return processes(joblib.delayed(read)(unit) for unit in units)

    return parallel


@contextmanager
def _cluster(address: str) -> Iterator[Parallel]:
    """Not by joblib's backend for Dask, which reads in this very process while a cluster has one core only."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise DatasetError("--dask needs the package distributed, also on the workers; install it.") from error

    def parallel(read: Read, units: list[list[Task]]) -> Iterator[Errors]:
        calls = (client.submit(read, unit, pure=False) for unit in units)
        running = as_completed(list(islice(calls, AHEAD)))
        try:
            for done in running:
                yield done.result()
                running.update(list(islice(calls, 1)))
        except KilledWorker as death:
            running.clear()  # clips that no worker has begun yet are not to be read for this call
            raise BrokenExecutor(str(death)) from death

    try:
        client = Client(address, timeout=CONNECTING)
    except OSError as error:
        raise DatasetError(f"There is no Dask scheduler at {address}; start one, docs/scale.md says how.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECTING)
        except TimeoutError as error:
            raise DatasetError(f"The Dask scheduler at {address} has no workers; start some.") from error
        yield parallel


def _processes() -> dict[str, Any]:
    return {"backend": "loky", "initializer": _die_with, "initargs": (os.getpid(),)}


def _die_with(parent: int) -> None:
    """End this process soon after `parent` has: one that is killed cannot end its workers itself."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _read_alone(cache: Cache, read: Read, task: Task) -> Errors:
    """Read one clip in a process that may die of it."""
    parallel = joblib.Parallel(2, **_processes())  # with one job joblib would not make a process
    try:
        (errors,) = parallel([joblib.delayed(read)([task])])
    except BrokenExecutor:
        cache.claim(task[0]).unlink(missing_ok=True)
        return {task[0]: "" if cache.entry(task[0]).exists() else DIED}
    return errors


def _read(cache: Cache, root: Path, attempt: str, tasks: list[Task]) -> Errors:
    """Write the entries of some clips; runs in a worker. Raises SupersededError where another attempt has begun."""
    errors: Errors = {}
    with one_thread():
        for clip, location, of in tasks:
            with participate(cache.folder, attempt):
                errors[clip] = _read_one(cache, root, clip, location, of)
    return errors


def _read_one(cache: Cache, root: Path, clip: str, location: str, of: str) -> str:
    from personality.preprocessing.sample import read_sample

    claim = cache.claim(clip)
    claim.parent.mkdir(parents=True, exist_ok=True)
    claim.write_text(str(os.getpid()))
    try:
        sample = read_sample(read_clip(root, location), threads=1)
    except (MediaError, DatasetError) as error:
        return str(error)
    except Exception as error:  # one strange clip shall not cost the others
        return f"it could not be read: {type(error).__name__}: {error}".splitlines()[0]
    else:
        cache.write(clip, sample, of)
    finally:
        claim.unlink(missing_ok=True)
    return ""


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes, not threads, share the cores; one that goes on to something else has its threads again."""
    import cv2
    import torch

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
