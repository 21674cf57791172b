"""Preprocessing gives the same cache, byte for byte, if it is killed, with several processes, and on a cluster."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from personality.dataset import DatasetError, load_dataset
from personality.dataset.archives import clip_file_signature, get_clip_path_or_bytes
from personality.dataset.index import Dataset
from personality.preprocessing import build_cache, worker_pools
from personality.preprocessing.build_attempt import SupersededError, begin_attempt
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache
from personality.preprocessing.media_errors import MediaSource
from personality.preprocessing.worker_pools import WORKER_DIED_MESSAGE
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]


def command(people: Path, out: Path, *options: str) -> subprocess.Popen:
    words = [sys.executable, "-m", "personality", "preprocess", str(people), "--out", str(out), *options]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def contents(cache: Path) -> dict[str, str]:
    """Return a digest of every file of a cache that preprocessing writes; other tests add tables."""
    made = (path for path in cache.rglob("*") if path.is_file() and path.name != "lock")
    files = (path for path in made if path.parent.name != "tables")
    return {str(path.relative_to(cache)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def entries(out: Path) -> int:
    return len(list(out.rglob("*.safetensors")))


def has_entries(out: Path, count: int) -> bool:
    return entries(out) >= count


@pytest.mark.trial
def test_killed_and_resumed_run_gives_cache_of_uninterrupted_run(people: Path, cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "cache"
    process = command(people, out, "--workers", "2")
    wait_for(partial(has_entries, out, 4))
    process.kill()
    process.communicate()  # its workers hold the other end, and end with it
    assert not (out / "clips.parquet").exists()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    (out / "entries" / ".half.safetensors.1.tmp").write_bytes(b"left by a writer that died")
    process = command(people, out, "--workers", "2")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert contents(out) == contents(cache.folder)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def test_claims_of_a_killed_run_are_removed(people: Path, cache: Cache, tmp_path: Path) -> None:
    """Claims: of a complete entry, of a clip that was being read, and of a clip that is no longer in the dataset."""
    copy = Cache(tmp_path / "cache")
    shutil.copytree(cache.folder, copy.folder)
    written, unread = cache.clips["clip"].iloc[:2]
    copy.entry_path(unread).unlink()
    for clip in (written, unread, "removed.mp4"):
        copy.claim_path(clip).parent.mkdir(exist_ok=True)
        copy.claim_path(clip).write_text("1")
    stamp = copy.entry_path(written).stat().st_mtime_ns
    clips = preprocess(load_dataset(people), copy.folder)
    assert clips["error"].tolist() == [""] * len(clips)
    assert contents(copy.folder) == contents(cache.folder)
    assert copy.entry_path(written).stat().st_mtime_ns == stamp


def tasks_of(dataset: Dataset, clips: int) -> dict[str, build_cache.ClipTask]:
    rows = dataset.table[["clip", "location"]].head(clips).itertuples(index=False)
    return {clip: (clip, location, clip_file_signature(dataset.root, location)) for clip, location in rows}


def test_worker_killed_after_writing_its_entry_leaves_no_claim(people: Path, tmp_path: Path) -> None:
    dataset, store = load_dataset(people), Cache(tmp_path / "c")
    todo, calls = tasks_of(dataset, 2), []

    def parallel(read: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[Any]:
        calls.append([clip for unit in units for clip, *_ in unit])
        yield read(units[0]) if len(calls) > 1 else die(read, units[0])

    def die(read: build_cache.ReadClips, unit: list[build_cache.ClipTask]) -> build_cache.ErrorsByClip:
        (clip,) = read(unit)
        store.claim_path(clip).write_text("1")
        raise BrokenExecutor

    first, second = todo
    assert build_cache._read_all_clips(store, dataset.root, begin_attempt(store.folder), todo, parallel) == {}
    assert calls == [[first, second], [second]]
    assert entries(store.folder) == 2
    assert not list(store.folder.rglob("*.reading"))


def test_worker_of_a_killed_run_does_not_write_during_the_next_run(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker reads the first clip while the next run waits; afterwards it does not read the second clip."""
    dataset, store = load_dataset(people), Cache(tmp_path / "c")
    part = type(dataset)("data", dataset.root, dataset.table.head(2))
    todo, attempt = tasks_of(dataset, 2), begin_attempt(store.folder)
    reads: list[tuple[threading.Thread, str]] = []

    def slow_read(root: Path, location: str) -> MediaSource:
        reads.append((threading.current_thread(), location))
        if threading.current_thread() is worker:
            time.sleep(0.5)
        return get_clip_path_or_bytes(root, location)

    def work() -> None:
        with pytest.raises(SupersededError):
            build_cache._write_entries(store, dataset.root, attempt, list(todo.values()))

    monkeypatch.setattr(build_cache, "get_clip_path_or_bytes", slow_read)
    worker = threading.Thread(target=work)
    worker.start()
    wait_for(lambda: len(reads) == 1)
    clips = preprocess(part, store.folder)
    worker.join()
    assert clips["error"].tolist() == ["", ""]
    locations = [location for _, location, _ in todo.values()]
    assert reads == [(worker, locations[0]), (threading.main_thread(), locations[1])]
    assert not list(store.folder.rglob("*.reading"))


@contextmanager
def readers_die(out: Path, clip: str, times: int) -> Iterator[list[int]]:
    """Kill the worker that reads `clip` as soon as its claim exists, `times` times."""
    claim, ends = Cache(out).claim_path(clip), threading.Event()
    killed: list[int] = []

    def watch() -> None:
        while len(killed) < times and not ends.is_set():
            try:
                worker = int(claim.read_text())
                if worker not in killed:
                    os.kill(worker, signal.SIGKILL)
                    killed.append(worker)
            except (OSError, ValueError):
                time.sleep(0.0005)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        ends.set()
        thread.join()


@pytest.mark.trial
def test_no_clip_is_lost_if_a_worker_is_killed(people: Path, cache: Cache, tmp_path: Path) -> None:
    clip = cache.clips["clip"].iloc[5]
    with readers_die(tmp_path / "c", clip, times=1) as killed:
        preprocess(load_dataset(people), tmp_path / "c", workers=2)
    assert len(killed) == 1
    assert contents(tmp_path / "c") == contents(cache.folder)


@pytest.mark.trial
def test_only_the_clip_that_kills_its_readers_is_lost(people: Path, cache: Cache, tmp_path: Path) -> None:
    clip = cache.clips["clip"].iloc[5]
    with readers_die(tmp_path / "c", clip, times=2) as killed:
        clips = preprocess(load_dataset(people), tmp_path / "c", workers=2)
    assert len(killed) == 2
    assert clips.loc[clips["error"] != "", ["clip", "error"]].to_numpy().tolist() == [[clip, WORKER_DIED_MESSAGE]]
    preprocess(load_dataset(people), tmp_path / "c", workers=2)
    assert contents(tmp_path / "c") == contents(cache.folder)


@pytest.mark.trial
def test_two_runs_cannot_fill_one_cache(people: Path, tmp_path: Path) -> None:
    process = command(people, tmp_path / "c", "--workers", "2")
    wait_for(partial(has_entries, tmp_path / "c", 1))
    with pytest.raises(ValueError, match="Another process is filling"):
        preprocess(load_dataset(people), tmp_path / "c")
    process.kill()
    process.communicate()


@pytest.mark.trial
def test_cluster_gives_same_cache_even_if_a_worker_dies(
    people: Path, cache: Cache, tmp_path: Path, dask: Callable[..., None], scheduler: str
) -> None:
    """Even with a single worker, the worker reads the clips and dies, not the process that submits them."""
    dask("worker", "--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "1")
    clip = cache.clips["clip"].iloc[5]
    with readers_die(tmp_path / "c", clip, times=1) as killed:
        process = command(people, tmp_path / "c", "--dask", scheduler)
        _, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert len(killed) == 1
    assert contents(tmp_path / "c") == contents(cache.folder)


def test_missing_cluster_or_workers_raise_clear_error(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    monkeypatch.setattr(worker_pools, "DASK_TIMEOUT_SECONDS", 2)
    with pytest.raises(DatasetError, match="has no workers"):
        preprocess(load_dataset(people), tmp_path / "c", dask=scheduler)
    with pytest.raises(DatasetError, match="no Dask scheduler at tcp"):
        preprocess(load_dataset(people), tmp_path / "c", dask="tcp://127.0.0.1:1")
