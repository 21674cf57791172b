"""Run work on clips in several processes, on this machine or on a Dask cluster."""

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

DASK_TIMEOUT_SECONDS = 10  # seconds to wait for the scheduler, and then for its first worker
MAX_QUEUED_DASK_TASKS = 10_000  # tasks submitted at a time; enough for a large cluster, and fits in memory
WORKER_DIED_MESSAGE = "the process that read it died; the file may be damaged, or memory too small"

ParallelRunner = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]  # function, units of work


def open_workers(workers: int, dask: str | None) -> AbstractContextManager[ParallelRunner]:
    """Start processes on this machine, or connect to the cluster at `dask`. If a worker dies, both raise
    BrokenExecutor."""
    return nullcontext(_use_local_workers(workers)) if dask is None else _connect_dask_workers(dask)


def _use_local_workers(workers: int) -> ParallelRunner:
    # A new joblib.Parallel per call: after a worker has died, late results of one call could arrive in the next one.
    def parallel(work: Callable[[Any], Any], units: Sequence[Any]) -> Iterable[Any]:
        processes = joblib.Parallel(workers, return_as="generator_unordered", **worker_process_options())
        return processes(joblib.delayed(work)(unit) for unit in units)

    return parallel


@contextmanager
def _connect_dask_workers(address: str) -> Iterator[ParallelRunner]:
    """Connect to a cluster without joblib's Dask backend, which reads in this process if the cluster has one core."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise DatasetError("--dask requires the package distributed, here and on the workers; install it.") from error

    def parallel(work: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[Any]:
        calls = (client.submit(work, unit, pure=False) for unit in units)
        running = as_completed(list(islice(calls, MAX_QUEUED_DASK_TASKS)))
        try:
            for done in running:
                yield done.result()
                running.update(list(islice(calls, 1)))
        except KilledWorker as death:
            running.clear()  # cancel the clips that no worker has started
            raise BrokenExecutor(str(death)) from death

    try:
        client = Client(address, timeout=DASK_TIMEOUT_SECONDS)
    except OSError as error:
        raise DatasetError(f"There is no Dask scheduler at {address}; start one (see docs/scale.md).") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=DASK_TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise DatasetError(f"The Dask scheduler at {address} has no workers; start at least one.") from error
        yield parallel


def count_workers(workers: int) -> int:
    """Return the number of processes for `workers`; -1 means one per core."""
    return max(1, joblib.cpu_count() + 1 + workers) if workers < 0 else max(1, workers)


def worker_process_options() -> dict[str, Any]:
    """Return the options with which joblib starts processes that end with this one."""
    return {"backend": "loky", "initializer": _exit_with_parent, "initargs": (os.getpid(),)}


def _exit_with_parent(parent: int) -> None:
    """End this process soon after `parent` ends: a killed process cannot end its workers itself."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def limit_to_one_thread() -> Iterator[None]:
    """Use one thread in OpenCV and torch while the block runs, because the cores are shared by processes."""
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
