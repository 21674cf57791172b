"""Attempts to fill a cache: workers of an earlier attempt cannot write while a later one runs.

A worker can outlive the process that started it: by half a second if that process was killed, until the end of its
clip on a cluster. Therefore each attempt has a random name, stored in `entries/lock`. A worker takes the shared lock of
this file before it reads a clip, and compares the name with that of its own attempt. A new attempt writes its name, so
that earlier workers stop before their next clip, and then waits for the exclusive lock, that is, for the clips that
they are reading.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from personality.utils.atomic_files import hold_lock_file

WORKER_EXIT_TIMEOUT_SECONDS = 120.0  # seconds to wait for workers of an earlier attempt; a clip takes about 1 s


class SupersededError(RuntimeError):
    """The attempt of a worker has ended; no process waits for its result."""


def begin_attempt(folder: Path) -> str:
    """End all earlier attempts to fill the cache `folder`, and return the name of a new one.

    After the return, no worker of an earlier attempt writes an entry or a claim. The caller must hold the lock of the
    whole cache, so that attempts do not overlap.

    Raises
    ------
    ValueError
        A worker of an earlier attempt is still reading a clip after `WORKER_EXIT_TIMEOUT_SECONDS`.
    """
    path, name = _attempt_lock_file(folder), secrets.token_hex(8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    sentence = f"Workers of an earlier run still write to {folder}; wait for them or end them, then try again."
    with hold_lock_file(path, sentence, wait=WORKER_EXIT_TIMEOUT_SECONDS):
        return name


@contextmanager
def join_build_attempt(folder: Path, attempt: str) -> Iterator[None]:
    """Take part in the attempt named `attempt` while the block runs; called by workers.

    Raises
    ------
    SupersededError
        A later attempt has begun.
    """
    with _attempt_lock_file(folder).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if file.read() != attempt:
            raise SupersededError(f"Another attempt to fill {folder} has begun.")
        yield


def _attempt_lock_file(folder: Path) -> Path:
    return folder / "entries" / "lock"
