"""The process that reads uploads: `python -m personality.preprocessing.sandbox.worker FD`, started by `client`.

It loads everything that reading requires, and forks a child for every file. A child starts in milliseconds and has
limited time and memory; if it crashes, no other process is affected.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import cv2
import numpy as np
import torch
from safetensors.numpy import save

from personality.preprocessing.media_errors import OUT_OF_MEMORY_MESSAGE, MediaError
from personality.preprocessing.sample import ClipUpdate, read_clip_updates, read_wideband, warm_up_preprocessing
from personality.preprocessing.sandbox.client import (
    READER_REQUEST_BYTES,
    REPLY_SIZES_STRUCT,
    SNAPSHOTS_TASK,
    WIDEBAND_TASK,
)
from personality.preprocessing.sandbox.restrictions import can_filter_system_calls, confine_process
from personality.preprocessing.snapshots import find_faces_in_snapshots

CHILD_POLL_SECONDS = 0.1  # seconds between checks of the children
DECODER_THREADS = 8  # threads of the decoder, which decodes as many frames ahead while a face is searched


def serve_read_requests(control: socket.socket) -> None:
    """Fork a child for each request received through `control`, and kill children that exceed their time, until the
    server closes the other end."""
    children: dict[int, float] = {}  # deadline of each process id, in seconds of `time.monotonic`
    while True:
        _reap_children(children)
        if not select.select([control], [], [], CHILD_POLL_SECONDS)[0]:
            continue
        message, descriptors, *_ = socket.recv_fds(control, READER_REQUEST_BYTES, 2)
        if not message:
            break
        order = json.loads(message)
        pid = os.fork()
        if pid == 0:
            control.close()
            _read_in_child(order, *descriptors)
        children[pid] = time.monotonic() + order["seconds"]
        for descriptor in descriptors:
            os.close(descriptor)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _reap_children(children: dict[int, float]) -> None:
    for pid, deadline in list(children.items()):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)  # a child that was not waited for: its process id cannot be reused yet
        if os.waitpid(pid, os.WNOHANG)[0]:
            del children[pid]


def _read_in_child(order: dict[str, Any], file: int, pipe: int) -> NoReturn:
    """Read one file and send its pieces; runs in the child, which ends here in any case."""
    try:
        confine_process()
        with suppress(BrokenPipeError), os.fdopen(pipe, "wb") as answer:  # broken if the client stopped waiting
            _send_updates(answer, _read_pieces(order, Path(f"/dev/fd/{file}")))
    except BaseException:
        traceback.print_exc()  # to the server's log: lines of this program, no contents of the file
    finally:
        os._exit(0)


def _read_pieces(order: dict[str, Any], file: Path) -> Iterator[ClipUpdate]:
    if order["task"] == SNAPSHOTS_TASK:
        return find_faces_in_snapshots(file)
    if order["task"] == WIDEBAND_TASK:
        return iter([read_wideband(file)])
    return read_clip_updates(file, threads=DECODER_THREADS, person=order["person"], faces=order["faces"])


def _send_updates(answer: BinaryIO, pieces: Iterator[ClipUpdate]) -> None:
    try:
        for piece in pieces:
            _send_reply(answer, type(piece).__name__, {one.name: getattr(piece, one.name) for one in fields(piece)})
        _send_reply(answer, "end", {})
    except MediaError as error:
        _send_reply(answer, "error", {"why": str(error)})
    except MemoryError:
        _send_reply(answer, "error", {"why": OUT_OF_MEMORY_MESSAGE})


def _send_reply(answer: BinaryIO, kind: str, values: dict[str, Any]) -> None:
    """Send a piece: two sizes, its plain values as JSON, its arrays as safetensors. A receiver executes neither, even
    if this process was taken over."""
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    head = json.dumps({"kind": kind, "values": plain}).encode()
    body = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    for part in (REPLY_SIZES_STRUCT.pack(len(head), len(body)), head, body):
        answer.write(part)
    answer.flush()


if __name__ == "__main__":
    # One thread before the forks, because a child would wait forever for threads that exist only in its parent. One
    # after them too: the small networks for faces are not slower with it, whereas two threads wait for each other, and
    # take up to five times as long, if the cores are busy with the decoder or with other clips.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    warm_up_preprocessing()
    if not can_filter_system_calls():
        print("personality: no filter of system calls on this machine: readers can open sockets", file=sys.stderr)
    serve_read_requests(socket.socket(fileno=int(sys.argv[1])))
