"""Attempts at filling a cache: no worker of an earlier attempt writes while a later one runs.

A worker can outlive the process that started it: the workers of a killed run for half a second, those of a cluster
until their clip ends. Each attempt therefore has a random name, kept in `entries/lock`. A worker holds that file's
shared lock while it reads a clip, and first compares the name with that of its own attempt. A new attempt writes its
name, so that older workers stop before their next clip, then waits for the exclusive lock, that is, for the clips
that they are reading.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from personality.utils.atomic_files import hold_lock_file

WORKER_EXIT_TIMEOUT_SECONDS = 120.0  # seconds to wait for workers of an earlier attempt; a clip takes about one


class SupersededError(RuntimeError):
    """A worker's attempt is over; no process waits for its result."""


def begin_attempt(folder: Path) -> str:
    """End every earlier attempt at filling the cache `folder`, and name a new one.

    When this returns no worker of an earlier attempt writes an entry or a claim, now or later. The caller holds the
    lock of the whole cache, so attempts do not overlap.

    Raises
    ------
    ValueError : a worker of an earlier attempt still reads a clip after `WORKER_EXIT_TIMEOUT_SECONDS` seconds.
    """
    path, name = _attempt_lock_file(folder), secrets.token_hex(8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    sentence = f"Workers of an earlier run still write to {folder}; wait for them or end them, then start again."
    with hold_lock_file(path, sentence, wait=WORKER_EXIT_TIMEOUT_SECONDS):
        return name


@contextmanager
def join_build_attempt(folder: Path, attempt: str) -> Iterator[None]:
    """Take part in the attempt of this name while the block runs; called by workers.

    Raises
    ------
    SupersededError : a later attempt has begun.
    """
    with _attempt_lock_file(folder).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if file.read() != attempt:
            raise SupersededError(f"Another attempt at filling {folder} has begun.")
        yield


def _attempt_lock_file(folder: Path) -> Path:
    return folder / "entries" / "lock"
