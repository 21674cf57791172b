"""Read what strangers upload, in a process of its own for each file.

Held: a file that kills its decoder, hangs it, or fills the memory costs one sentence; nothing of the file is left on
disk, however either process ends; what comes back is plain values and arrays, never executed. NOT held: a file that
takes over its decoder acts with the rights of the server's user until its time is up; it may read that user's files and
speak to the network. Whoever serves strangers runs the server as a user who owns nothing, or in a container.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load

from personality.constants import LIMITS
from personality.preprocessing.faces import Box, Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.refusal import MediaError
from personality.preprocessing.sample import People, Piece, Sample
from personality.preprocessing.sound import Sound

ROOT = Path(__file__).parents[2]
KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Metadata, People, Face, Sound, Sample)}
ORDER = 256  # bytes of an order: JSON, filled up with spaces
MOST = 64 * 2**20  # bytes of all that comes back of one file; 60 s of sound and 16 faces, twice, are 13 MB
BEGINNING = 30.0  # seconds that the reading process may take to be ready, at most
DIED = "Reading this file ended the process that read it: it is damaged. Convert it to mp4 and try again."
SLOW = "Reading this file took more than {seconds:.0f} s. Cut it or make it smaller first."

_lock = threading.Lock()
_reader: tuple[subprocess.Popen, socket.socket] | None = None


def prepare() -> None:
    """Begin the reading process, which needs some seconds before the first file; does nothing where there is one."""
    with _lock:
        _control()


def read_apart(data: bytes, *, person: Box | None = None, seconds: float = LIMITS.reader_seconds) -> Iterator[Piece]:
    """The pieces of a file, as `sample.read_pieces`, read by a process of its own within so many seconds. Raises
    MediaError as that, and where the process dies or passes a limit."""
    with tempfile.TemporaryFile() as file:  # without a name: it is gone with the last process that has it open
        file.write(data)
        file.flush()
        connection = _order(file.fileno(), {"person": person, "seconds": seconds})
    with connection:
        yield from _receive(connection, seconds)


def _order(file: int, what: dict[str, Any]) -> Connection:
    """Ask for the open file to be read; what the pieces come through."""
    order = json.dumps(what).encode().ljust(ORDER)
    receive, send = os.pipe()
    try:
        with _lock:
            try:
                socket.send_fds(_control(), [order], [file, send])
            except OSError:  # it died since it was last looked at
                _end()
                socket.send_fds(_control(), [order], [file, send])
    finally:
        os.close(send)
    return Connection(receive, writable=False)


def _control() -> socket.socket:
    """The reading process's socket; begun anew where it has died."""
    global _reader
    if _reader is not None and _reader[0].poll() is not None:
        _end()
    if _reader is None:
        ours, its = socket.socketpair()
        command = [sys.executable, "-m", "personality.preprocessing.reader", str(its.fileno())]
        with its:
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], start_new_session=True
            )
        _reader = child, ours
    return _reader[1]


def _end() -> None:
    global _reader
    if _reader is not None:
        _reader[1].close()
        _reader[0].kill()
        _reader[0].wait()
    _reader = None


def _receive(connection: Connection, seconds: float) -> Iterator[Piece]:
    began, room = time.monotonic(), MOST
    while True:
        try:
            kind, values, size = _message(connection, room)
            room -= size
            piece = KINDS[kind](**values) if kind in KINDS else None
        except (EOFError, OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
            late = time.monotonic() - began > seconds
            raise MediaError(SLOW.format(seconds=seconds) if late else DIED) from error
        if kind == "end":
            return
        if piece is None:
            raise MediaError(str(values.get("why", DIED)))
        yield piece


def _message(connection: Connection, room: int) -> tuple[str, dict[str, Any], int]:
    """One piece of at most `room` bytes: its kind, its fields and its size. Raises OSError where it is larger. (The
    process that forked the reader ends one that is late; should it be dead itself, this does not wait for ever.)"""
    if not connection.poll(LIMITS.reader_seconds + BEGINNING):
        raise EOFError
    head = connection.recv_bytes(room)
    arrays = connection.recv_bytes(room - len(head))
    said = json.loads(head)
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in said["values"].items()}
    return said["kind"], plain | load(arrays), len(head) + len(arrays)
