"""Start and stop runs as separate processes, which continue if the page or the server ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from personality.utils.atomic_files import hold_lock_file
from personality.utils.locations import IMPORT_ROOT
from training.config.run_config import Config
from training.runs.run import ACTIVE_STATES, Run, is_on_other_host, is_waiting, process_start_time
from training.runs.run_queue import enqueue_runs, has_worker, list_waiting_runs

PRACTICE_LOCK_FILE, WORKER_LOG_FILE = "practice.lock", ".queue.log"
DRY_RUN_FOLDER_PREFIX = ".check-"  # prefix of temporary folders, which are not listed as runs
DRY_RUN_TIMEOUT_SECONDS = 300
_detached_processes: list[subprocess.Popen] = []  # referenced until they end, so that no zombie processes remain


def start_runs(configs: Sequence[Config], *, cache: Path, runs: Path) -> list[Run]:
    """Create runs and train them in the background, one after the other. Raises CacheError like `create_run`."""
    created = [create_run(config, cache=cache, runs=runs) for config in configs]
    enqueue_runs(created)
    _start_worker(runs)
    return created


def continue_queue(runs: Path) -> None:
    """Start a worker if runs are waiting and no worker is running, for example after a restart of the machine. Does
    nothing if the folder is read-only."""
    with suppress(OSError):
        if list_waiting_runs(runs) and not has_worker(runs):
            _start_worker(runs)


def _start_worker(runs: Path) -> None:
    start_detached("training", ["queue", str(runs.resolve())], runs / WORKER_LOG_FILE)


def create_run(config: Config, *, cache: Path, runs: Path) -> Run:
    """Create the folder of a run, unless clips or the feature table are missing, for which it raises CacheError."""
    from personality.preprocessing.cache import Cache

    for folder in (cache, *([Path(config.extra_cache)] if config.extra_cache else [])):
        Cache(folder).labelled_clips("training")
    if config.table is not None:
        Cache(cache).table(config.table)
    run = Run(find_free_run_folder(runs, config))
    run.create(config, cache)
    return run


@contextmanager
def temporary_run(config: Config, *, cache: Path, runs: Path) -> Iterator[Run]:
    """Create a run for a dry run in a temporary folder next to the other runs, where a fusion finds its branches."""
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=DRY_RUN_FOLDER_PREFIX, dir=runs) as folder:
        run = Run(Path(folder))
        run.create(config, cache)
        yield run


def dry_run_in_subprocess(config: Config, *, cache: Path, runs: Path) -> str:
    """Return the report of a dry run in a separate process, which takes seconds. Raises ValueError if the run cannot
    start."""
    with temporary_run(config, cache=cache, runs=runs) as run:
        command = [sys.executable, "-m", "training", "look", str(run.folder)]
        try:
            done = subprocess.run(
                command, cwd=IMPORT_ROOT, capture_output=True, text=True, timeout=DRY_RUN_TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(
                f"The dry run took more than {DRY_RUN_TIMEOUT_SECONDS} s; start the run and read its log."
            ) from error
    if done.returncode:
        raise ValueError(
            done.stderr.strip().splitlines()[-1].removeprefix("error: ") if done.stderr else "The process was killed."
        )
    return done.stdout.strip()


def resume_runs(several: Sequence[Run]) -> None:
    """Resume stopped, killed or failed runs of one folder in the background, one after the other.

    Raises ValueError if one is active.
    """
    for run in several:
        if run.status()["state"] in ACTIVE_STATES:
            raise ValueError(f"{run.folder.name} is running; stop it first")
    enqueue_runs(several)
    _start_worker(several[0].folder.parent)


def stop_run(run: Run) -> None:
    """Stop a run, which repeats the current epoch when it is resumed. Does nothing if its process has ended. Raises
    ValueError if it runs on another machine."""
    status = run.status()
    if status["state"] not in ACTIVE_STATES:
        return
    if job := status.get("job"):
        raise ValueError(f"{run.folder.name} is a job of the cluster; stop it with `scancel {job}`.")
    if is_on_other_host(status):
        raise ValueError(f"{run.folder.name} runs on {status['host']}; stop it there.")
    if is_waiting(status):
        run.write_status("stopped", why="stopped before it started; it can be resumed")
    pid, started = status.get("pid", 0), status.get("process_started")
    if pid != os.getpid() and started and process_start_time(pid) == started:
        os.kill(pid, signal.SIGTERM)


def stop_runs(several: Sequence[Run]) -> None:
    """Stop runs, starting with the last one, so that no waiting run starts."""
    for run in reversed(several):
        stop_run(run)


def start_practice_cache(workspace: Path) -> None:
    """Start creating a dataset of synthetic people and its cache, `workspace/caches/practice`, in the background."""
    workspace.mkdir(parents=True, exist_ok=True)
    start_detached("training", ["practice", str(workspace.resolve())], workspace / "practice.log")


def is_making_practice_cache(workspace: Path) -> bool:
    """Return whether a process is creating the practice cache; False if the workspace is read-only."""
    try:
        with hold_lock_file(workspace / PRACTICE_LOCK_FILE, ""):
            return False
    except OSError:
        return False
    except ValueError:
        return True


def find_free_run_folder(runs: Path, config: Config) -> Path:
    """Return a folder without a started run, named after the modality: `audio`, `audio-2`, ..."""
    return next(runs / name for name in numbered_names(config.modality) if not Run(runs / name).is_taken)


def numbered_names(name: str) -> Iterator[str]:
    """Return candidates for an unused name: NAME, NAME-2, NAME-3, ..."""
    return (name if n == 1 else f"{name}-{n}" for n in count(1))


def start_detached(module: str, arguments: Sequence[str], log: Path, *, prints: bool = False) -> subprocess.Popen:
    """Start a process in a new session, so that it continues if the page or the server ends. Its standard error is
    appended to the log. prints: whether to append its standard output too (a run writes its own log)."""
    _detached_processes[:] = [child for child in _detached_processes if child.poll() is None]
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=IMPORT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file if prints else subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    _detached_processes.append(child)
    return child
