"""Loading librosa: of several processes, one compiles it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import librosa
import pytest

from personality.preprocessing.compiled_librosa import load_librosa

COMPUTE = """
import numpy as np
from personality.preprocessing.voice_descriptors import compute_voice_descriptors
print(compute_voice_descriptors(np.sin(np.arange(100_000) / 20).astype(np.float32)).tobytes().hex())
"""
TRACK_PITCH = """
import numpy as np
from personality.preprocessing.prosody import compute_prosody
print(compute_prosody(np.sin(np.arange(32_000) / 20).astype(np.float32), [(0.0, 2.0)]))
"""


def test_loading_waits_for_a_process_that_compiles() -> None:
    """`load_librosa.__wrapped__`: this process may have loaded it already."""
    loading = threading.Thread(target=load_librosa.__wrapped__)
    folder = os.open(Path(librosa.__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        loading.start()
        loading.join(1)
        assert loading.is_alive()
    finally:
        os.close(folder)
    loading.join(60)
    assert not loading.is_alive()


def run_at_once(code: str, processes: int, cache: Path) -> list[str]:
    """Run code in several processes with one new cache of numba; returns what each prints, with what numba logs."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_DEBUG_CACHE": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * processes
    return outputs


@pytest.mark.trial
def test_one_of_four_processes_compiles(tmp_path: Path) -> None:
    """With four that compile at the same time, one function's code can be stored under the name of another."""
    outputs = run_at_once(COMPUTE, 4, tmp_path)
    assert sorted("data saved" in output for output in outputs) == [False, False, False, True]
    assert len({output.splitlines()[-1] for output in outputs}) == 1


@pytest.mark.trial
def test_each_part_of_pyin_is_compiled_by_one_of_three_processes(tmp_path: Path) -> None:
    """Which process compiles a part varies."""
    outputs = run_at_once(TRACK_PITCH, 3, tmp_path)
    saved = [line for output in outputs for line in output.splitlines() if "data saved" in line]
    assert any("viterbi" in line for line in saved)
    assert len(saved) == len({*saved})
    assert len({output.splitlines()[-1] for output in outputs}) == 1
