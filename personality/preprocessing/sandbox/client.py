"""Read what strangers upload, in a process of its own for each file.

Held: a file that kills its decoder, hangs it, or fills the memory costs one sentence; nothing of the file is left on
disk, however either process ends; a reading process that is stopped is replaced; what comes back is plain values and
arrays, never executed; a file that takes over its decoder can do only what `confine_process` leaves it. NOT held:
until its
time is up it may read, empty and delete files of the server's user, and send what it read to whoever uploaded it.
Whoever serves strangers runs the server as a user who owns nothing, or in a container.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.numpy import load

from personality.constants import upload_limits
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sample import ClipUpdate, DetectedPeople, Sample
from personality.preprocessing.sound import Sound
from personality.utils.locations import IMPORT_ROOT

UPDATE_CLASSES: dict[str, Any] = {kind.__name__: kind for kind in (Metadata, DetectedPeople, Face, Sound, Sample)}
READER_REQUEST_BYTES = 256  # bytes of an order: JSON, filled up with spaces
MAX_READER_REPLY_BYTES = (
    64 * 2**20
)  # bytes of all that comes back of one file; 60 s of sound and 16 faces, twice, are 13 MB
REPLY_SIZES_STRUCT = struct.Struct("!QQ")  # bytes of each of the two parts of a piece, before them
READER_START_SECONDS = 60.0  # seconds that the reading process may take to be ready, at most; a busy machine took 37
READER_GRACE_SECONDS = 5.0  # seconds after a file's time; who has not ended its reader by then is stopped itself
VIDEO_READER_DIED_MESSAGE = (
    "Reading this file ended the process that read it: it is damaged. Convert it to mp4 and try again."
)
VIDEO_READER_SLOW_MESSAGE = "Reading this file took more than {seconds:.0f} s. Cut it or make it smaller first."


class _ReaderProcess(NamedTuple):
    """The reading process, the socket that it gets orders by, and when it will be ready, in seconds of `monotonic`."""

    process: subprocess.Popen
    control: socket.socket
    ready: float


_reader_lock = threading.Lock()
_reader: _ReaderProcess | None = None


def start_reader_process() -> None:
    """Begin the reading process, which needs some seconds before the first file; does nothing where there is one."""
    with _reader_lock:
        _ensure_reader()


def read_clip_in_sandbox(
    data: bytes, *, person: PersonChoice = "largest", seconds: float | None = None
) -> Iterator[ClipUpdate]:
    """The pieces of a file, as `sample.read_clip_updates`, read by a process of its own within so many seconds. Raises
    MediaError as that, and where the process dies or passes a limit."""
    seconds = upload_limits().reader_seconds if seconds is None else seconds
    with tempfile.TemporaryFile() as file:  # without a name: it is gone with the last process that has it open
        file.write(data)
        file.flush()
        answer, reader = _send_request(file.fileno(), {"person": person, "seconds": seconds})
    try:
        yield from _receive_updates(answer, reader, seconds)
    finally:
        os.close(answer)


def _send_request(file: int, what: dict[str, Any]) -> tuple[int, _ReaderProcess]:
    """Ask for the open file to be read; the pipe that the pieces come through, and who was asked."""
    order = json.dumps(what).encode().ljust(READER_REQUEST_BYTES)
    receive, send = os.pipe()
    try:
        with _reader_lock:
            try:
                socket.send_fds(_ensure_reader().control, [order], [file, send])
            except OSError:  # it died since it was last looked at
                _stop_reader()
                socket.send_fds(_ensure_reader().control, [order], [file, send])
            return receive, _ensure_reader()
    except BaseException:
        os.close(receive)
        raise
    finally:
        os.close(send)


def _ensure_reader() -> _ReaderProcess:
    """The reading process, restarted if it has died."""
    global _reader
    if _reader is not None and _reader.process.poll() is not None:
        _stop_reader()
    if _reader is None:
        ours, its = socket.socketpair()
        command = [sys.executable, "-m", "personality.preprocessing.sandbox.worker", str(its.fileno())]
        with its:
            child = subprocess.Popen(
                command, cwd=IMPORT_ROOT, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], start_new_session=True
            )
        _reader = _ReaderProcess(child, ours, time.monotonic() + READER_START_SECONDS)
    return _reader


def _stop_reader() -> None:
    global _reader
    if _reader is not None:
        _reader.control.close()
        if _reader.process.poll() is None:
            os.killpg(_reader.process.pid, signal.SIGKILL)  # and those that it forked
            _reader.process.wait()
    _reader = None


def _receive_updates(answer: int, reader: _ReaderProcess, seconds: float) -> Iterator[ClipUpdate]:
    began, room = time.monotonic(), MAX_READER_REPLY_BYTES
    deadline = max(began, reader.ready) + seconds + READER_GRACE_SECONDS
    while True:
        try:
            kind, values, size = _receive_reply(answer, room, deadline)
            room -= size
            piece = UPDATE_CLASSES[kind](**values) if kind in UPDATE_CLASSES else None
        except TimeoutError as error:
            _stop_stuck_reader(reader)
            raise MediaError(VIDEO_READER_SLOW_MESSAGE.format(seconds=seconds)) from error
        except (EOFError, OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
            late = time.monotonic() - began > seconds
            raise MediaError(
                VIDEO_READER_SLOW_MESSAGE.format(seconds=seconds) if late else VIDEO_READER_DIED_MESSAGE
            ) from error
        if kind == "end":
            return
        if piece is None:
            raise MediaError(str(values.get("why", VIDEO_READER_DIED_MESSAGE)))
        yield piece


def _stop_stuck_reader(stopped: _ReaderProcess) -> None:
    """Stop a reading process that does not respond, unless it was replaced; the next request starts another."""
    with _reader_lock:
        if _reader is stopped:
            _stop_reader()


def _receive_reply(answer: int, room: int, deadline: float) -> tuple[str, dict[str, Any], int]:
    """One piece of at most `room` bytes: its kind, its fields and its size. Raises ValueError where it is larger."""
    sizes = REPLY_SIZES_STRUCT.unpack(_read_exactly(answer, REPLY_SIZES_STRUCT.size, deadline))
    if sum(sizes) > room:
        raise ValueError(f"a piece of {sum(sizes)} bytes; at most {room} are taken")
    head, arrays = (_read_exactly(answer, size, deadline) for size in sizes)
    said = json.loads(head)
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in said["values"].items()}
    return said["kind"], plain | load(arrays), sum(sizes)


def _read_exactly(answer: int, count: int, deadline: float) -> bytes:
    """So many bytes of a pipe. Raises EOFError where it ends before, TimeoutError where nothing comes in time."""
    waiting, data = select.poll(), bytearray()  # not select.select, which takes no descriptor above 1,023
    waiting.register(answer, select.POLLIN)
    while len(data) < count:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(answer, count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
