"""Atomic writes, lock files and digests."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; it replaces `path` on success and is removed on failure.

    Contents and directory entry are flushed to disk, so that a crash at any time leaves either the old or the new file.
    An OSError has `path` as its file name.
    """
    temporary = path.with_name(
        f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
    )  # process ids are not unique between threads and hosts
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # not set if the disk is full
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def hold_lock_file(path: Path, sentence: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a lock until the block ends or the process dies. The contents of the lock file are not changed.

    Parameters
    ----------
    path
        The lock file; it and its folder are created if missing.
    sentence
        The message of the error.
    wait
        Seconds to wait for other holders of the lock.

    Raises
    ------
    ValueError
        With the message `sentence`, if another process still holds the lock after `wait` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    with path.open("a") as file:
        while not _try_lock(file):
            if time.monotonic() >= deadline:
                raise ValueError(sentence)
            time.sleep(0.02)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_temporary_files(folder: Path) -> None:
    """Remove temporary files below `folder` of processes that were killed within `atomic_path`."""
    for path in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path` atomically."""
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
