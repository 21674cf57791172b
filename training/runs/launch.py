"""Runs as processes of their own, which outlive the page and the server that began them."""

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
DRY_RUN_FOLDER_PREFIX = ".check-"  # begins the names of folders that are no runs of anybody
DRY_RUN_TIMEOUT_SECONDS = 300  # seconds
_detached_processes: list[subprocess.Popen] = []  # kept until they end, so that the kernel can forget them


def start_run(config: Config, *, cache: Path, runs: Path) -> Run:
    """Begin a run in the background and return it."""
    run = Run(find_free_run_folder(runs, config))
    run.create(config, cache)
    _launch_run(run)
    return run


def start_run_chain(configs: Sequence[Config], *, cache: Path, runs: Path) -> list[Run]:
    """Begin runs that one process trains one after the other; where one does not end well, the rest is not begun."""
    begun = []
    for config in configs:
        run = Run(find_free_run_folder(runs, config))
        run.create(config, cache)
        begun.append(run)
    child = start_detached(
        "training", ["chain", *(str(run.folder.resolve()) for run in begun)], begun[0].folder / RUN_LOG_FILE
    )
    for run in begun:
        run.write_status("queued", pid=child.pid, why="")
    return begun


@contextmanager
def temporary_run(config: Config, *, cache: Path, runs: Path) -> Iterator[Run]:
    """A run that nobody starts, in a folder of its own beside the runs, where a fusion looks for what it joins."""
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=DRY_RUN_FOLDER_PREFIX, dir=runs) as folder:
        run = Run(Path(folder))
        run.create(config, cache)
        yield run


def dry_run_in_subprocess(config: Config, *, cache: Path, runs: Path) -> str:
    """What can be known of a run before its first step, in words; takes some seconds, in a process of its own. Raises
    ValueError where the run could not begin."""
    with temporary_run(config, cache=cache, runs=runs) as run:
        command = [sys.executable, "-m", "training", "look", str(run.folder)]
        try:
            done = subprocess.run(
                command, cwd=IMPORT_ROOT, capture_output=True, text=True, timeout=DRY_RUN_TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(
                f"Looking took more than {DRY_RUN_TIMEOUT_SECONDS} s; start it and read its log."
            ) from error
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1].removeprefix("error: ") if done.stderr else "It died.")
    return done.stdout.strip()


def resume_run(run: Run) -> None:
    """Go on with a run that was stopped or died. Raises ValueError where it is active."""
    if run.status()["state"] in ACTIVE_STATES:
        raise ValueError(f"{run.folder.name} is running; stop it first")
    _launch_run(run)


def list_chained_runs(run: Run) -> list[str]:
    """The names of the other active runs that its process trains, one after the other, and that stop with it."""
    pid = run.status().get("pid")
    beside = {one.folder.name: one.status() for one in list_runs(run.folder.parent) if one.folder != run.folder}
    return [name for name, status in beside.items() if status["state"] in ACTIVE_STATES and status.get("pid") == pid]


def stop_run(run: Run) -> None:
    """Ask a run, and its `list_chained_runs`, to leave; resumed, they begin anew the epoch that they were in. Does
    nothing
    where its process is gone."""
    status = run.status()
    pid = status.get("pid", -1)
    if (
        status["state"] in ACTIVE_STATES
        and pid != os.getpid()
        and process_start_time(pid) == status.get("process_started")
    ):
        os.kill(pid, signal.SIGTERM)


def start_practice_cache(workspace: Path) -> None:
    """Begin making a dataset of synthetic people and its cache, `workspace/caches/practice`, in the background."""
    workspace.mkdir(parents=True, exist_ok=True)
    start_detached("training", ["practice", str(workspace.resolve())], workspace / "practice.log")


def is_making_practice_cache(workspace: Path) -> bool:
    """Whether a process is making the practice cache now; none is where the workspace cannot be written."""
    try:
        with hold_lock_file(workspace / PRACTICE_LOCK_FILE, ""):
            return False
    except OSError:
        return False
    except ValueError:
        return True


def find_free_run_folder(runs: Path, config: Config) -> Path:
    """A folder named after the modality that holds no begun run: `audio`, `audio-2`, ..."""
    return next(runs / name for name in numbered_names(config.modality) if not Run(runs / name).is_taken)


def numbered_names(name: str) -> Iterator[str]:
    """What something may be called where others have the name already: NAME, NAME-2, NAME-3, ..."""
    return (name if n == 1 else f"{name}-{n}" for n in count(1))


def _launch_run(run: Run) -> None:
    child = start_detached("training", ["resume", str(run.folder.resolve())], run.folder / RUN_LOG_FILE)
    run.write_status("queued", pid=child.pid, why="")


def start_detached(module: str, arguments: Sequence[str], log: Path, *, prints: bool = False) -> subprocess.Popen:
    """A process in a session of its own: it survives the page, the browser and the server. What goes wrong is appended
    to the log; prints: and what it prints (a run writes that there itself)."""
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
