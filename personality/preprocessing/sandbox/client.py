"""Read untrusted uploads, each in a separate process.

Guaranteed: a file that crashes its decoder, hangs it or exhausts the memory causes only an error message; no part of
the file remains on disk, however either process ends; a reader process that was stopped is replaced; replies are plain
values and arrays, which are never executed; a file that takes control of its decoder can do only what
`confine_process` permits. NOT prevented: until its time limit, it can read, truncate and delete files of the server's
user, and send what it read to the person who uploaded it. A public server should therefore run as a user who owns no
files, or in a container.
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
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from personality.constants import upload_limits
from personality.preprocessing.faces import Face
from personality.preprocessing.media import Metadata
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sample import ClipUpdate, DetectedPeople, Sample
from personality.preprocessing.snapshots import pack_snapshots
from personality.preprocessing.sound import Sound, WidebandSound
from personality.utils.locations import IMPORT_ROOT

UPDATE_CLASSES: dict[str, Any] = {
    kind.__name__: kind for kind in (Metadata, DetectedPeople, Face, Sound, Sample, WidebandSound)
}
CLIP_TASK, SNAPSHOTS_TASK, WIDEBAND_TASK = "clip", "snapshots", "wideband"  # what a request asks for
SNAPSHOT_SECONDS = 5.0  # time limit for the pictures of a live camera, which take about 0.1 s
READER_REQUEST_BYTES = 256  # bytes of a request: JSON, padded with spaces
MAX_READER_REPLY_BYTES = (
    64 * 2**20
)  # bytes of all replies for one file; 60 s of sound and 16 faces, each sent twice, are 13 MB
REPLY_SIZES_STRUCT = struct.Struct("!QQ")  # header of a reply: bytes of its JSON and of its arrays
READER_START_SECONDS = 60.0  # seconds in which the reader process must be ready; a busy machine took 37
READER_GRACE_SECONDS = 5.0  # seconds after a file's time limit; a reader process that has not replied then is killed
VIDEO_READER_DIED_MESSAGE = (
    "Reading this file ended the process that read it; the file may be damaged. Convert it to mp4 and try again."
)
VIDEO_READER_SLOW_MESSAGE = "Reading this file took more than {seconds:.0f} s. Cut it or reduce its resolution first."


class _ReaderProcess(NamedTuple):
    """The reader process, the socket for its requests, and when it must be ready, in seconds of `time.monotonic`."""

    process: subprocess.Popen
    control: socket.socket
    ready: float


_reader_lock = threading.Lock()
_reader: _ReaderProcess | None = None


def start_reader_process() -> None:
    """Start the reader process if it is not running; it takes some seconds to be ready for the first file."""
    with _reader_lock:
        _ensure_reader()


def read_clip_in_sandbox(
    data: bytes, *, person: PersonChoice = "largest", seconds: float | None = None, faces: bool = True
) -> Iterator[ClipUpdate]:
    """Yield the pieces of a file like `sample.read_clip_updates`, read in a separate process within `seconds`. Raises
    MediaError if the file cannot be read, or if the process dies or exceeds a limit."""
    seconds = upload_limits().reader_seconds if seconds is None else seconds
    yield from _read_in_sandbox(data, {"task": CLIP_TASK, "person": person, "seconds": seconds, "faces": faces})


def find_faces_in_sandbox(pictures: Sequence[bytes], *, seconds: float = SNAPSHOT_SECONDS) -> list[Face]:
    """Return the faces in a few pictures of a live camera like `snapshots.find_faces_in_snapshots`, found in a separate
    process within `seconds`. Raises MediaError like `read_clip_in_sandbox`."""
    pieces = _read_in_sandbox(pack_snapshots(pictures), {"task": SNAPSHOTS_TASK, "seconds": seconds})
    return [piece for piece in pieces if isinstance(piece, Face)]


def read_wideband_in_sandbox(data: bytes) -> np.ndarray:
    """Return the samples of `sample.read_wideband`, read in a separate process. Raises MediaError like
    `read_clip_in_sandbox`."""
    (sound,) = _read_in_sandbox(data, {"task": WIDEBAND_TASK, "seconds": upload_limits().reader_seconds})
    assert isinstance(sound, WidebandSound)
    return sound.samples


def _read_in_sandbox(data: bytes, request: dict[str, Any]) -> Iterator[ClipUpdate]:
    with tempfile.TemporaryFile() as file:  # has no name: it is deleted when the last process closes it or ends
        file.write(data)
        file.flush()
        answer, reader = _send_request(file.fileno(), request)
    seconds = request["seconds"]
    try:
        yield from _receive_updates(answer, reader, seconds)
    finally:
        os.close(answer)


def _send_request(file: int, what: dict[str, Any]) -> tuple[int, _ReaderProcess]:
    """Request the open file to be read; return the pipe for the replies, and the reader process."""
    order = json.dumps(what).encode().ljust(READER_REQUEST_BYTES)
    receive, send = os.pipe()
    try:
        with _reader_lock:
            try:
                socket.send_fds(_ensure_reader().control, [order], [file, send])
            except OSError:  # it has died since the last check
                _stop_reader()
                socket.send_fds(_ensure_reader().control, [order], [file, send])
            return receive, _ensure_reader()
    except BaseException:
        os.close(receive)
        raise
    finally:
        os.close(send)


def _ensure_reader() -> _ReaderProcess:
    """Return the reader process, restarted if it has died."""
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
            os.killpg(_reader.process.pid, signal.SIGKILL)  # includes its forked children
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
    """Stop a reader process that does not respond, unless it was replaced; the next request starts a new one."""
    with _reader_lock:
        if _reader is stopped:
            _stop_reader()


def _receive_reply(answer: int, room: int, deadline: float) -> tuple[str, dict[str, Any], int]:
    """Receive a piece; return its kind, fields and size. Raises ValueError if it is larger than `room` bytes."""
    sizes = REPLY_SIZES_STRUCT.unpack(_read_exactly(answer, REPLY_SIZES_STRUCT.size, deadline))
    if sum(sizes) > room:
        raise ValueError(f"a piece of {sum(sizes)} bytes; expected at most {room}")
    head, arrays = (_read_exactly(answer, size, deadline) for size in sizes)
    said = json.loads(head)
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in said["values"].items()}
    return said["kind"], plain | load(arrays), sum(sizes)


def _read_exactly(answer: int, count: int, deadline: float) -> bytes:
    """Read `count` bytes from a pipe. Raises EOFError if it ends earlier, TimeoutError if `deadline` passes."""
    waiting, data = select.poll(), bytearray()  # select.select does not accept descriptors above 1,023
    waiting.register(answer, select.POLLIN)
    while len(data) < count:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(answer, count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
