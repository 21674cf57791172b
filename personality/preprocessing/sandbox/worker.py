"""The process that reads uploads: `python -m personality.preprocessing.sandbox.worker FD`, started by `client`.

It has loaded all that reading needs, and forks a child for every file: that child starts in milliseconds, may use so
much time and memory, and no other process fails when it dies.
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
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import cv2
import numpy as np
import torch
from safetensors.numpy import save

from personality.preprocessing.media_errors import OUT_OF_MEMORY_MESSAGE, MediaError
from personality.preprocessing.people import PersonChoice
from personality.preprocessing.sample import read_clip_updates, warm_up_preprocessing
from personality.preprocessing.sandbox.client import READER_REQUEST_BYTES, REPLY_SIZES_STRUCT
from personality.preprocessing.sandbox.restrictions import can_filter_system_calls, confine_process

CHILD_POLL_SECONDS = 0.1  # seconds between two looks at the children
DECODER_THREADS = 8  # of the decoder, which then has as many frames ready while a face is looked for


def serve_read_requests(control: socket.socket) -> None:
    """Fork a child for each order that comes through `control`, kill those that take too long; until the server at the
    other end has gone."""
    children: dict[int, float] = {}  # each with when it must have ended
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
            os.kill(pid, signal.SIGKILL)  # it is our child and not waited for yet: the number is still its own
        if os.waitpid(pid, os.WNOHANG)[0]:
            del children[pid]


def _read_in_child(order: dict[str, Any], file: int, pipe: int) -> NoReturn:
    """Read one file and send its pieces; in the child, which ends here whatever happens."""
    try:
        confine_process()
        with suppress(BrokenPipeError), os.fdopen(pipe, "wb") as answer:  # broken: the client has stopped waiting
            _send_updates(answer, Path(f"/dev/fd/{file}"), order["person"])
    except BaseException:
        traceback.print_exc()  # in the server's log: places in our code, nothing of the file
    finally:
        os._exit(0)


def _send_updates(answer: BinaryIO, file: Path, person: PersonChoice) -> None:
    try:
        for piece in read_clip_updates(file, threads=DECODER_THREADS, person=person):
            _send_reply(answer, type(piece).__name__, {one.name: getattr(piece, one.name) for one in fields(piece)})
        _send_reply(answer, "end", {})
    except MediaError as error:
        _send_reply(answer, "error", {"why": str(error)})
    except MemoryError:
        _send_reply(answer, "error", {"why": OUT_OF_MEMORY_MESSAGE})


def _send_reply(answer: BinaryIO, kind: str, values: dict[str, Any]) -> None:
    """A piece: two sizes, its plain values as JSON, its arrays as safetensors. Nothing that a reader of them would
    execute, whatever has become of this process."""
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    head = json.dumps({"kind": kind, "values": plain}).encode()
    body = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    for part in (REPLY_SIZES_STRUCT.pack(len(head), len(body)), head, body):
        answer.write(part)
    answer.flush()


if __name__ == "__main__":
    # One thread before the forks: a child would wait for ever for threads that only its parent has. And after them: a
    # face's small network is no slower so, but two threads wait for each other where cores are busy with the decoder
    # or with other people's clips, up to five times as long.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    warm_up_preprocessing()
    if not can_filter_system_calls():
        print("personality: this machine filters no system calls: a file's reader may open sockets", file=sys.stderr)
    serve_read_requests(socket.socket(fileno=int(sys.argv[1])))
