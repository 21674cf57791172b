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

from personality.utils.atomic_files import exclusive
from personality.utils.locations import IMPORT_ROOT
from training.config.run_config import Config
from training.runs.run import ACTIVE, LOG, Run, list_runs, process_started

PRACTICE_LOCK = "practice.lock"
UNSEEN = ".check-"  # begins the names of folders that are no runs of anybody
CHECKING = 300  # seconds
_children: list[subprocess.Popen] = []  # kept until they end, so that the kernel can forget them


def start(config: Config, *, cache: Path, runs: Path) -> Run:
    """Begin a run in the background and return it."""
    run = Run(free_folder(runs, config))
    run.create(config, cache)
    _launch(run)
    return run


def start_all(configs: Sequence[Config], *, cache: Path, runs: Path) -> list[Run]:
    """Begin runs that one process trains one after the other; where one does not end well, the rest is not begun."""
    begun = []
    for config in configs:
        run = Run(free_folder(runs, config))
        run.create(config, cache)
        begun.append(run)
    child = detach("training", ["chain", *(str(run.folder.resolve()) for run in begun)], begun[0].folder / LOG)
    for run in begun:
        run.say("queued", pid=child.pid, why="")
    return begun


@contextmanager
def unseen(config: Config, *, cache: Path, runs: Path) -> Iterator[Run]:
    """A run that nobody starts, in a folder of its own beside the runs, where a fusion looks for what it joins."""
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNSEEN, dir=runs) as folder:
        run = Run(Path(folder))
        run.create(config, cache)
        yield run


def check(config: Config, *, cache: Path, runs: Path) -> str:
    """What can be known of a run before its first step, in words; takes some seconds, in a process of its own. Raises
    ValueError where the run could not begin."""
    with unseen(config, cache=cache, runs=runs) as run:
        command = [sys.executable, "-m", "training", "look", str(run.folder)]
        try:
            done = subprocess.run(command, cwd=IMPORT_ROOT, capture_output=True, text=True, timeout=CHECKING)
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"Looking took more than {CHECKING} s; start it and read its log.") from error
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1].removeprefix("error: ") if done.stderr else "It died.")
    return done.stdout.strip()


def resume(run: Run) -> None:
    """Go on with a run that was stopped or died. Raises ValueError where it is active."""
    if run.status()["state"] in ACTIVE:
        raise ValueError(f"{run.folder.name} is running; stop it first")
    _launch(run)


def companions(run: Run) -> list[str]:
    """The names of the other active runs that its process trains, one after the other, and that stop with it."""
    pid = run.status().get("pid")
    beside = {one.folder.name: one.status() for one in list_runs(run.folder.parent) if one.folder != run.folder}
    return [name for name, status in beside.items() if status["state"] in ACTIVE and status.get("pid") == pid]


def stop(run: Run) -> None:
    """Ask a run, and its `companions`, to leave; resumed, they begin anew the epoch that they were in. Does nothing
    where its process is gone."""
    status = run.status()
    pid = status.get("pid", -1)
    if status["state"] in ACTIVE and pid != os.getpid() and process_started(pid) == status.get("process_started"):
        os.kill(pid, signal.SIGTERM)


def make_practice_cache(workspace: Path) -> None:
    """Begin making a dataset of synthetic people and its cache, `workspace/caches/practice`, in the background."""
    workspace.mkdir(parents=True, exist_ok=True)
    detach("training", ["practice", str(workspace.resolve())], workspace / "practice.log")


def is_making_practice(workspace: Path) -> bool:
    """Whether a process is making the practice cache now; none is where the workspace cannot be written."""
    try:
        with exclusive(workspace / PRACTICE_LOCK, ""):
            return False
    except OSError:
        return False
    except ValueError:
        return True


def free_folder(runs: Path, config: Config) -> Path:
    """A folder named after the modality that holds no begun run: `audio`, `audio-2`, ..."""
    return next(runs / name for name in numbered(config.modality) if not Run(runs / name).taken)


def numbered(name: str) -> Iterator[str]:
    """What something may be called where others have the name already: NAME, NAME-2, NAME-3, ..."""
    return (name if n == 1 else f"{name}-{n}" for n in count(1))


def _launch(run: Run) -> None:
    child = detach("training", ["resume", str(run.folder.resolve())], run.folder / LOG)
    run.say("queued", pid=child.pid, why="")


def detach(module: str, arguments: Sequence[str], log: Path, *, prints: bool = False) -> subprocess.Popen:
    """A process in a session of its own: it survives the page, the browser and the server. What goes wrong is appended
    to the log; prints: and what it prints (a run writes that there itself)."""
    _children[:] = [child for child in _children if child.poll() is None]
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=IMPORT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file if prints else subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    _children.append(child)
    return child
