"""The test process and all Python processes that it starts can connect to this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = "192.0.2.1"  # of RFC 5737, nobody's


def test_this_process_cannot_connect_to_other_hosts() -> None:
    with socket.socket() as caller, pytest.raises(PermissionError, match="this machine only"):
        caller.connect((OUTSIDE, 443))
    with pytest.raises(PermissionError, match="this machine only"):
        socket.getaddrinfo("example.org", 443)
    with socket.socket() as server, socket.socket() as caller:
        server.bind(("127.0.0.1", 0))
        server.listen()
        caller.connect(server.getsockname())


def test_child_processes_cannot_connect_to_other_hosts() -> None:
    script = f"import socket; socket.create_connection(('{OUTSIDE}', 443), 1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "PermissionError" in done.stderr
    assert "this machine only" in done.stderr


def test_age_network_runtime_does_not_connect(tmp_path: Path) -> None:
    """Without this, it would create an identity and a queue of events below HOME, and a log below TMPDIR."""
    code = "from personality.preprocessing.sample import warm_up_preprocessing; warm_up_preprocessing()"
    apart = {
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "MPLCONFIGDIR": "/dev/null",
    }
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **apart}, check=True)
    assert [path for path in tmp_path.rglob("*") if "mat-debug" in path.name or "onnxruntime" in str(path)] == []
