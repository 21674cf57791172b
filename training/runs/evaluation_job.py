"""Evaluations that a page begins: a process of its own predicts a split with finished runs; the table joins those of
the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from personality.dataset.index import SPLITS
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import exclusive, write_json
from personality.utils.untrusted_files import DamagedFile, is_count, is_text, is_there, read_end, read_object
from training.runs.launch import detach, numbered
from training.runs.run import process_started

SAYS = {"table": is_text, "pid": is_count, "process_started": is_text}
LAST, LOG, LOCK = "evaluation.json", "evaluation.log", "evaluation.lock"
BUSY = "Another evaluation is running; wait until it is done."


@dataclass(frozen=True)
class Evaluation:
    """table: the predictions table that it writes; state: `running`, `done` or `failed`; said: its log, as a terminal
    would show it."""

    table: Path
    state: str
    said: str


def begin(folders: Sequence[Path], *, cache: Path, split: str, workspace: Path) -> None:
    """Evaluate finished runs in the background; the table is called after cache and split. Raises ValueError where an
    evaluation is running."""
    with exclusive(workspace / LOCK, BUSY):
        before = last(workspace)
        if before is not None and before.state == "running":
            raise ValueError(BUSY)
        tables = workspace.resolve() / "predictions"
        free = (tables / f"{name}.parquet" for name in numbered(f"{cache.name}-{split}"))
        table = next(path for path in free if not path.exists())
        where = ["--cache", str(cache.resolve()), "--split", split, "--out", str(table)]
        (workspace / LOG).unlink(missing_ok=True)
        runs = [str(folder.resolve()) for folder in folders]
        child = detach("personality", ["evaluate", *runs, *where], workspace / LOG, prints=True)
        started = process_started(child.pid)
        write_json(workspace / LAST, {"table": str(table), "pid": child.pid, "process_started": started})


def last(workspace: Path) -> Evaluation | None:
    """The evaluation that was begun last; None where there was none, or its file is damaged, as `damaged` says."""
    try:
        known = read_object(workspace / LAST, SAYS)
    except DamagedFile:
        return None
    table, started = Path(known["table"]), known["process_started"]
    ended = "done" if table.exists() else "failed"
    running = started and process_started(known["pid"]) == started
    return Evaluation(table, "running" if running else ended, _shown(workspace / LOG))


def damaged(workspace: Path) -> str:
    """Why the last evaluation cannot be read, as a sentence; empty where it can, or there was none."""
    try:
        if is_there(workspace / LAST):
            read_object(workspace / LAST, SAYS)
    except DamagedFile as error:
        return str(error)
    return ""


def _shown(log: Path) -> str:
    """A log as a terminal would show it: what was written over is gone."""
    return "\n".join(line.rpartition("\r")[2] for line in read_end(log).split("\n")).strip()


def labelled_splits(cache: Path) -> list[str]:
    """The splits with labels on which nothing was trained, the one that is furthest from training first."""
    clips = Cache(cache)
    return [split for split in reversed(SPLITS) if split != "training" and len(clips.rows(split))]
