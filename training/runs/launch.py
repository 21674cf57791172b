"""Start and stop runs as separate processes, which continue if the page or the server ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from personality.utils.atomic_files import hold_lock_file
from personality.utils.locations import IMPORT_ROOT
from training.config.run_config import Config
from training.runs.run import ACTIVE_STATES, RUN_LOG_FILE, Run, list_runs, process_start_time

PRACTICE_LOCK_FILE = "practice.lock"
DRY_RUN_FOLDER_PREFIX = ".check-"  # prefix of temporary folders, which are not listed as runs
DRY_RUN_TIMEOUT_SECONDS = 300
_detached_processes: list[subprocess.Popen] = []  # referenced until they end, so that no zombie processes remain


def start_run(config: Config, *, cache: Path, runs: Path) -> Run:
    """Start a run in the background and return it. Raises CacheError as `create_run`."""
    run = create_run(config, cache=cache, runs=runs)
    _launch_run(run)
    return run


def create_run(config: Config, *, cache: Path, runs: Path) -> Run:
    """Create the folder of a run. Raises CacheError, before, if the clips or the feature table are missing."""
    from personality.preprocessing.cache import Cache

    for folder in (cache, *([Path(config.extra_cache)] if config.extra_cache else [])):
        Cache(folder).labelled_clips("training")
    if config.table is not None:
        Cache(cache).table(config.table)
    run = Run(find_free_run_folder(runs, config))
    run.create(config, cache)
    return run


def start_run_chain(configs: Sequence[Config], *, cache: Path, runs: Path) -> list[Run]:
    """Start runs that one process trains one after the other; if one fails, the remaining ones are not started."""
    started = [create_run(config, cache=cache, runs=runs) for config in configs]
    child = start_detached(
        "training", ["chain", *(str(run.folder.resolve()) for run in started)], started[0].folder / RUN_LOG_FILE
    )
    for run in started:
        run.write_status("queued", pid=child.pid, why="")
    return started


@contextmanager
def temporary_run(config: Config, *, cache: Path, runs: Path) -> Iterator[Run]:
    """A run for a dry run, in a temporary folder next to the other runs, where a fusion finds its branches."""
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=DRY_RUN_FOLDER_PREFIX, dir=runs) as folder:
        run = Run(Path(folder))
        run.create(config, cache)
        yield run


def dry_run_in_subprocess(config: Config, *, cache: Path, runs: Path) -> str:
    """The report of a dry run, made in a separate process within seconds. Raises ValueError if the run cannot
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


def resume_run(run: Run) -> None:
    """Resume a run that was stopped or killed. Raises ValueError if it is active."""
    if run.status()["state"] in ACTIVE_STATES:
        raise ValueError(f"{run.folder.name} is running; stop it first")
    _launch_run(run)


def list_chained_runs(run: Run) -> list[str]:
    """The names of the other active runs of its process, which stop with it."""
    pid = run.status().get("pid")
    others = {one.folder.name: one.status() for one in list_runs(run.folder.parent) if one.folder != run.folder}
    return [name for name, status in others.items() if status["state"] in ACTIVE_STATES and status.get("pid") == pid]


def stop_run(run: Run) -> None:
    """Stop a run and its `list_chained_runs`; if resumed, they repeat the current epoch. Does nothing if its process
    has ended."""
    status = run.status()
    pid = status.get("pid", -1)
    if (
        status["state"] in ACTIVE_STATES
        and pid != os.getpid()
        and process_start_time(pid) == status.get("process_started")
    ):
        os.kill(pid, signal.SIGTERM)


def start_practice_cache(workspace: Path) -> None:
    """Start creating a dataset of synthetic people and its cache, `workspace/caches/practice`, in the background."""
    workspace.mkdir(parents=True, exist_ok=True)
    start_detached("training", ["practice", str(workspace.resolve())], workspace / "practice.log")


def is_making_practice_cache(workspace: Path) -> bool:
    """Whether a process is creating the practice cache; False if the workspace is read-only."""
    try:
        with hold_lock_file(workspace / PRACTICE_LOCK_FILE, ""):
            return False
    except OSError:
        return False
    except ValueError:
        return True


def find_free_run_folder(runs: Path, config: Config) -> Path:
    """A folder without a started run, named after the modality: `audio`, `audio-2`, ..."""
    return next(runs / name for name in numbered_names(config.modality) if not Run(runs / name).is_taken)


def numbered_names(name: str) -> Iterator[str]:
    """Candidates for an unused name: NAME, NAME-2, NAME-3, ..."""
    return (name if n == 1 else f"{name}-{n}" for n in count(1))


def _launch_run(run: Run) -> None:
    child = start_detached("training", ["resume", str(run.folder.resolve())], run.folder / RUN_LOG_FILE)
    run.write_status("queued", pid=child.pid, why="")


def start_detached(module: str, arguments: Sequence[str], log: Path, *, prints: bool = False) -> subprocess.Popen:
    """Start a process in a new session, so that it continues if the page or the server ends. Its errors are appended to
    the log; prints: its output too (a run writes its own log)."""
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
