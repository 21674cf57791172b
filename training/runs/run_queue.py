"""The queue of runs in a folder: one run trains at a time; the status files of the others record that they wait.

A worker, one process per folder and device, trains the waiting runs in the order in which they were added, each in a
separate process. If the worker ends, for example because of a reboot, the runs keep waiting, and the next worker
continues.
"""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from personality.utils.atomic_files import hold_lock_file
from personality.utils.locations import IMPORT_ROOT
from training.runs.run import NO_PROCESS, RUN_LOG_FILE, Run, is_waiting, list_runs

WORKER_WAIT_SECONDS = 1.0  # seconds; longer than a worker takes from finding no run to its end


def enqueue_runs(runs: Sequence[Run]) -> None:
    """Add runs to the queue in this order. Runs that are added together form a group (see `list_group`)."""
    group = f"{runs[0].folder.name} {time.time():.0f}" if len(runs) > 1 else ""
    for run in runs:
        known = run.status().get("group", "")
        run.write_status("queued", pid=NO_PROCESS, why="", queued_at=time.time(), group=known or group)


def list_waiting_runs(folder: Path) -> list[Run]:
    """Return the runs that wait for a worker, in the order in which they will be trained."""
    found = [(run.status(), run) for run in list_runs(folder)]
    waiting = [(status, run) for status, run in found if is_waiting(status)]
    return [run for _, run in sorted(waiting, key=lambda pair: pair[0]["queued_at"])]


def list_group(run: Run) -> list[Run]:
    """Return the runs that were added together with a run, including itself, in their order."""
    group = run.status().get("group")
    if not group:
        return [run]
    members = [(one.status(), one) for one in list_runs(run.folder.parent)]
    own = [(status.get("queued_at", 0.0), one) for status, one in members if status.get("group") == group]
    return [one for _, one in sorted(own, key=lambda pair: pair[0])]


def work_off_queue(folder: Path) -> bool:
    """Train the waiting runs of a folder until none is left; return False if another worker already does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock_file(_lock_path(folder, "queue"), "", wait=WORKER_WAIT_SECONDS))
        except ValueError:
            return False
        while waiting := list_waiting_runs(folder):
            _train_in_process(waiting[0])
    return True


def has_worker(folder: Path) -> bool:
    """Return whether a worker trains the waiting runs of a folder."""
    try:
        with hold_lock_file(_lock_path(folder, "queue"), ""):
            return False
    except ValueError:
        return True


def _train_in_process(run: Run) -> None:
    with (run.folder / RUN_LOG_FILE).open("ab") as log:
        command = [sys.executable, "-m", "training", "resume", str(run.folder.resolve())]
        child = subprocess.Popen(
            command, cwd=IMPORT_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )
        run.write_status("queued", pid=child.pid)
        child.wait()
    status = run.status()  # of another process, or of none, if the run was stopped and resumed meanwhile
    if status["state"] == "queued" and status.get("pid") == child.pid:
        run.write_status("failed", why="the process ended before it started to train; its log has the reason")


@contextmanager
def hold_device(run: Run, *, wait: bool) -> Iterator[None]:
    """Reserve the device within the context, so that no other run of the folder trains on it. If it is reserved, wait,
    or raise ValueError. SLURM assigns the devices of its jobs, which therefore do not wait."""
    path, busy = _lock_path(run.folder.parent, "device"), f"Another run of {run.folder.parent} trains on this device"
    with ExitStack() as stack:
        if "SLURM_JOB_ID" in os.environ:
            yield
            return
        try:
            stack.enter_context(hold_lock_file(path, f"{busy}; wait until it ends, or stop it."))
        except ValueError:
            if not wait:
                raise
            run.log(f"{busy}; waiting until it ends")
            stack.enter_context(hold_lock_file(path, "", wait=math.inf))
        yield


def _lock_path(folder: Path, what: str) -> Path:
    """Return the path of a lock per machine and device, which CUDA_VISIBLE_DEVICES selects."""
    names = [what, platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES", "")]
    return folder / f".{'-'.join(filter(None, names)).replace('/', '-')}.lock"
