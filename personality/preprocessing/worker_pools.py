"""Processes that clips are read in: those of this machine, or of a Dask cluster."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any

import joblib

from personality.dataset.index import DatasetError

DASK_TIMEOUT_SECONDS = 10  # seconds to wait for a cluster
MAX_QUEUED_DASK_TASKS = 10_000  # pieces of work that a cluster is given at a time: enough for any, and for its memory
WORKER_DIED_MESSAGE = "the process that read it died; the file may be damaged, or memory too small"

ParallelRunner = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]  # the same for each unit, by one worker


def open_workers(workers: int, dask: str | None) -> AbstractContextManager[ParallelRunner]:
    """The processes of this machine, or the cluster at `dask`; a dead worker is a BrokenExecutor with either."""
    return nullcontext(_use_local_workers(workers)) if dask is None else _connect_dask_workers(dask)


def _use_local_workers(workers: int) -> ParallelRunner:
    # A new joblib.Parallel for every call: results of a call that a dead worker ended can arrive late, in the next one.
    def parallel(work: Callable[[Any], Any], units: Sequence[Any]) -> Iterable[Any]:
        processes = joblib.Parallel(workers, return_as="generator_unordered", **worker_process_options())
        return processes(joblib.delayed(work)(unit) for unit in units)

    return parallel


@contextmanager
def _connect_dask_workers(address: str) -> Iterator[ParallelRunner]:
    """Not by joblib's backend for Dask, which reads in this very process while a cluster has one core only."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise DatasetError("--dask needs the package distributed, also on the workers; install it.") from error

    def parallel(work: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[Any]:
        calls = (client.submit(work, unit, pure=False) for unit in units)
        running = as_completed(list(islice(calls, MAX_QUEUED_DASK_TASKS)))
        try:
            for done in running:
                yield done.result()
                running.update(list(islice(calls, 1)))
        except KilledWorker as death:
            running.clear()  # clips that no worker has begun yet are not to be read for this call
            raise BrokenExecutor(str(death)) from death

    try:
        client = Client(address, timeout=DASK_TIMEOUT_SECONDS)
    except OSError as error:
        raise DatasetError(f"There is no Dask scheduler at {address}; start one, docs/scale.md says how.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=DASK_TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise DatasetError(f"The Dask scheduler at {address} has no workers; start some.") from error
        yield parallel


def count_workers(workers: int) -> int:
    """Processes that a number of workers stands for; -1 is one a core."""
    return max(1, joblib.cpu_count() + 1 + workers) if workers < 0 else max(1, workers)


def worker_process_options() -> dict[str, Any]:
    """How joblib starts processes that do not outlive this one."""
    return {"backend": "loky", "initializer": _exit_with_parent, "initargs": (os.getpid(),)}


def _exit_with_parent(parent: int) -> None:
    """End this process soon after `parent` has: one that is killed cannot end its workers itself."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def limit_to_one_thread() -> Iterator[None]:
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
