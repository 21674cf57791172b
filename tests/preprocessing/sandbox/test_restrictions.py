"""Restrictions of a reader, tested by attempts of a process that has confined itself in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from personality.preprocessing.sandbox.restrictions import can_filter_system_calls

needs_filter = pytest.mark.skipif(not can_filter_system_calls(), reason="no filter of system calls on this machine")
TRY = """
import ctypes, errno, json, os, signal, socket, subprocess, sys, threading
from pathlib import Path
import numpy as np
from personality.preprocessing.sandbox.restrictions import confine_process

ours = socket.socketpair()[0]
outside, written = int(sys.argv[1]), open(sys.argv[2], "wb", buffering=0)
calls = ctypes.CDLL(None, use_errno=True)
confine_process()

def native(name, *given):
    if getattr(calls, name)(*given) < 0:
        raise OSError(ctypes.get_errno(), "")

tries = {
    "fork": os.fork,
    "program": lambda: os.execv("/bin/true", ["true"]),
    "spawn": lambda: subprocess.run(["/bin/true"]),
    "socket": socket.socket,
    "pair": socket.socketpair,
    "datagrams": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    "kill": lambda: os.kill(outside, signal.SIGCONT),
    "trace": lambda: native("ptrace", 16, outside, 0, 0),
    "memory of another": lambda: native("process_vm_readv", outside, None, 0, None, 0, 0),
    "io_uring": lambda: native("syscall", 425, 1, ctypes.create_string_buffer(120)),
    "write": lambda: written.write(b"a"),
    "memory": lambda: np.ones(2**28),
    "thread": lambda: (thread := threading.Thread(target=lambda: None), thread.start(), thread.join()),
    "read": lambda: Path(json.__file__).read_text(),
    "descriptors": lambda: [os.dup(1) for _ in range(100)],
}
said = {}
for name, attempt in tries.items():
    try:
        attempt()
        said[name] = ""
    except OSError as error:
        said[name] = errno.errorcode[error.errno]
    except MemoryError:
        said[name] = "memory"
os.write(1, json.dumps(said).encode())
os._exit(0)
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The error with which each attempt failed; empty if it succeeded."""
    file = tmp_path_factory.mktemp("confined") / "written"
    done = subprocess.run([sys.executable, "-c", TRY, str(os.getpid()), str(file)], capture_output=True, check=True)
    assert file.read_bytes() == b""
    return json.loads(done.stdout)


@needs_filter
@pytest.mark.parametrize("what", ["fork", "program", "spawn", "socket", "pair", "datagrams", "io_uring"])
def test_starting_processes_and_opening_sockets_is_refused(tried: dict[str, str], what: str) -> None:
    assert tried[what] == "EPERM"


@needs_filter
@pytest.mark.parametrize("what", ["kill", "trace", "memory of another"])
def test_access_to_other_processes_is_refused(tried: dict[str, str], what: str) -> None:
    assert tried[what] == "EPERM"


def test_writing_is_refused_and_descriptors_and_memory_are_limited(tried: dict[str, str]) -> None:
    assert (tried["write"], tried["descriptors"]) == ("EFBIG", "EMFILE")
    assert tried["memory"] == ("memory" if Path("/proc/self/status").exists() else "")


def test_threads_and_reading_are_allowed(tried: dict[str, str]) -> None:
    assert (tried["thread"], tried["read"]) == ("", "")
