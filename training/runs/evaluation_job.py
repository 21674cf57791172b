"""Start evaluations from a page: a separate process predicts a split with finished runs and adds the table of the
predictions to the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from personality.dataset.index import SPLITS
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import hold_lock_file, write_json
from personality.utils.untrusted_files import (
    DamagedFileError,
    exists_as_file_or_link,
    is_count,
    is_text,
    read_json_object,
    read_log_end,
)
from training.runs.launch import numbered_names, start_detached
from training.runs.run import process_start_time

EVALUATION_FIELDS = {"table": is_text, "pid": is_count, "process_started": is_text}
EVALUATION_FILE, EVALUATION_LOG_FILE, EVALUATION_LOCK_FILE = "evaluation.json", "evaluation.log", "evaluation.lock"
EVALUATION_BUSY_MESSAGE = "Another evaluation is running; wait until it is done."


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation. table: the predictions table that it writes; state: `running`, `done` or `failed`; log_text: its
    log, as a terminal shows it."""

    table: Path
    state: str
    log_text: str


def start_evaluation(folders: Sequence[Path], *, cache: Path, split: str, workspace: Path) -> None:
    """Evaluate finished runs in the background; the table is named after the cache and the split. Raises ValueError if
    another evaluation is running."""
    with hold_lock_file(workspace / EVALUATION_LOCK_FILE, EVALUATION_BUSY_MESSAGE):
        before = read_last_evaluation(workspace)
        if before is not None and before.state == "running":
            raise ValueError(EVALUATION_BUSY_MESSAGE)
        tables = workspace.resolve() / "predictions"
        free = (tables / f"{name}.parquet" for name in numbered_names(f"{cache.name}-{split}"))
        table = next(path for path in free if not path.exists())
        where = ["--cache", str(cache.resolve()), "--split", split, "--out", str(table)]
        (workspace / EVALUATION_LOG_FILE).unlink(missing_ok=True)
        runs = [str(folder.resolve()) for folder in folders]
        child = start_detached("personality", ["evaluate", *runs, *where], workspace / EVALUATION_LOG_FILE, prints=True)
        started = process_start_time(child.pid)
        write_json(workspace / EVALUATION_FILE, {"table": str(table), "pid": child.pid, "process_started": started})


def read_last_evaluation(workspace: Path) -> EvaluationJob | None:
    """Return the last evaluation; None if there was none, or its file is damaged (`describe_evaluation_damage`)."""
    try:
        known = read_json_object(workspace / EVALUATION_FILE, EVALUATION_FIELDS)
    except DamagedFileError:
        return None
    table, started = Path(known["table"]), known["process_started"]
    ended = "done" if table.exists() else "failed"
    running = started and process_start_time(known["pid"]) == started
    return EvaluationJob(table, "running" if running else ended, _read_log_as_shown(workspace / EVALUATION_LOG_FILE))


def describe_evaluation_damage(workspace: Path) -> str:
    """Return why the last evaluation cannot be read, as a sentence; empty if it can, or if there was none."""
    try:
        if exists_as_file_or_link(workspace / EVALUATION_FILE):
            read_json_object(workspace / EVALUATION_FILE, EVALUATION_FIELDS)
    except DamagedFileError as error:
        return str(error)
    return ""


def _read_log_as_shown(log: Path) -> str:
    """Return a log as a terminal shows it, without overwritten text."""
    return "\n".join(line.rpartition("\r")[2] for line in read_log_end(log).split("\n")).strip()


def labelled_splits(cache: Path) -> list[str]:
    """Return the splits with labels that are not used for training, test before validation."""
    clips = Cache(cache)
    return [split for split in reversed(SPLITS) if split != "training" and len(clips.labelled_clips(split))]
