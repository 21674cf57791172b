import errno
import os
from pathlib import Path

import pytest

from personality.cli.main import main
from personality.utils.atomic_files import atomic_path, write_bytes
from personality.utils.error_messages import OS_ERROR_ADVICE, describe_error


def caught(path: Path, data: bytes) -> OSError:
    with pytest.raises(OSError) as found:
        path.write_bytes(data)
    return found.value


def test_system_errors_state_problem_file_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert describe_error(caught(Path("/dev/full"), b"x")).startswith(OS_ERROR_ADVICE[errno.ENOSPC][0])
    for path, number in ((tmp_path, errno.EISDIR), (tmp_path / "file" / "a", errno.ENOTDIR)):
        words = describe_error(caught(path, b""))
        assert (
            OS_ERROR_ADVICE[number][0] in words and str(path) in words and "Errno" not in words and words.endswith(".")
        )


def test_full_disk_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    with pytest.raises(OSError) as found, atomic_path(path):
        Path("/dev/full").write_bytes(b"x")
    assert str(path) in describe_error(found.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError) as found:
        write_bytes(tmp_path / "nowhere" / "a", b"x")
    assert f": {tmp_path}/nowhere/a;" in describe_error(found.value)


def test_other_errors_keep_their_message() -> None:
    assert describe_error(ValueError("batch wants two clips")) == "batch wants two clips"
    assert describe_error(FileExistsError("a holds a run already")) == "a holds a run already"
    assert "try again" in describe_error(OSError(os.EX_IOERR, "strange"))


def test_command_line_prints_the_same_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert main(["synthesize", str(tmp_path / "file" / "people"), "--people", "3"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {OS_ERROR_ADVICE[errno.ENOTDIR][0]}")
    assert "Errno" not in said
