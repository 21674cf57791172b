import subprocess
import sys
from pathlib import Path

import pytest

from personality.utils.atomic_files import atomic_path, file_sha256, remove_temporary_files, write_bytes

ROOT = Path(__file__).parents[2]


def test_failed_write_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_of_abc(tmp_path: Path) -> None:
    write_bytes(tmp_path / "abc", b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


DYING = """
import os, sys
from pathlib import Path
from personality.utils import atomic_files

path, point, calls = Path(sys.argv[1]), int(sys.argv[2]), 0

def dying(function, last_words=lambda *_: None):
    def call(*given, **named):
        global calls
        calls += 1
        if calls == point:
            last_words(*given)
            os._exit(9)
        return function(*given, **named)
    return call

def half(place, data):
    with open(place, "wb") as file:
        file.write(data[: len(data) // 2])

for name in ("open", "fsync", "close", "replace"):
    setattr(os, name, dying(getattr(os, name)))
Path.write_bytes = dying(Path.write_bytes, half)
atomic_files.write_bytes(path, b"new" * 1000)
"""


def test_process_killed_during_write_leaves_old_or_new_file(tmp_path: Path) -> None:
    path, found = tmp_path / "a.bin", []
    for point in range(1, 20):
        path.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", DYING, str(path), str(point)], cwd=ROOT)
        found.append(path.read_bytes())
        assert found[-1] in (b"old", b"new" * 1000)
        if done.returncode == 0:
            break
        remove_temporary_files(tmp_path)
        assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]
    else:
        pytest.fail("the write never ended")
    assert len(found) > 6  # it died before, within and after the bytes, the flushes and the change of names
    assert found == sorted(found, reverse=True)  # old, until it is new
