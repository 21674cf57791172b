"""Train a run in this process, with its lock, signals and final status."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import AbstractContextManager, nullcontext, suppress

from personality.utils.atomic_files import hold_lock_file
from training import distributed
from training.data.dataloader import TrainingError
from training.engine.context import prepare_run
from training.engine.stages import RunTraining
from training.runs.run import ReadOnlyRun, Run


class StopRequested(BaseException):
    """A request to stop the run; a BaseException, so that error handlers do not catch it."""


def train_run(run: Run) -> None:
    """Start or resume a run and train it to the end.

    With several processes, each of them calls this function within `distributed.process_group`.

    Parameters
    ----------
    run : Run
        A folder with a configuration; its status, metrics, log, state and checkpoint are written during training.

    Raises
    ------
    ValueError
        Another process is training this run.
    TrainingError
        The run cannot continue, for example because the disk is full. The status is then `failed`, as it is after the
        errors of `prepare_run`.
    """
    handlers = {number: signal.signal(number, _raise_stop_requested) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _lock_run(run):
            _train_with_status(ReadOnlyRun(run.folder) if distributed.rank() else run)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _lock_run(run: Run) -> AbstractContextManager:
    """Return the lock of a run, which only the first of its processes holds."""
    if distributed.rank():
        return nullcontext()
    return hold_lock_file(run.folder / "lock", f"Another process is writing {run.folder}; stop it first.")


def _train_with_status(run: Run) -> None:
    try:
        run.write_status("running", why="", job=os.environ.get("SLURM_JOB_ID", ""))
        RunTraining(run, prepare_run(run)).train()
    except StopRequested:
        run.write_status("stopped", why="stopped on request; it can be resumed")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            _write_failed_status(run, error)
            raise
        full = TrainingError(
            f"The disk of {run.folder} is full; free some space and resume. The last complete epoch is stored."
        )
        _write_failed_status(run, full)
        raise full from error
    except Exception as error:
        _write_failed_status(run, error)
        raise


def _write_failed_status(run: Run, error: Exception) -> None:
    with suppress(OSError):  # for example, the disk is full; without a heartbeat, the run is shown as stale
        run.write_status("failed", why=str(error) or type(error).__name__)


def _raise_stop_requested(*_: object) -> None:
    raise StopRequested
