import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from personality.constants import LIMITS
from personality.dataset import archives
from personality.dataset.archives import (
    ZIP_PASSWORD_VARIABLE,
    archive_batch_key,
    clip_file_signature,
    get_clip_path_or_bytes,
    list_zip_locations,
)
from personality.dataset.index import DatasetError

CLIP = os.urandom(5000)
KINDS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def encrypt(data: bytes, password: bytes, check: int) -> bytes:
    """Encrypt with PKWARE's traditional encryption (APPNOTE 6.1), which zipfile can read but not write."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def turn(byte: int) -> None:
        keys[0] = zlib.crc32(bytes([byte]), keys[0] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = zlib.crc32(bytes([keys[1] >> 24]), keys[2] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def mask() -> int:
        low = (keys[2] | 2) & 0xFFFF
        return (low * (low ^ 1) >> 8) & 255

    for byte in password:
        turn(byte)
    out = bytearray()
    for byte in [*bytes(11), check, *data]:
        out.append(byte ^ mask())
        turn(byte)
    return bytes(out)


def encrypted_zip(path: Path, name: str, data: bytes, password: bytes) -> Path:
    """Write a zip with one encrypted, stored member: written unencrypted, then bytes and flags are replaced."""
    crc = zlib.crc32(data)
    secret = encrypt(data, password, crc >> 24)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, secret)
    raw = bytearray(path.read_bytes())
    for signature, flags, sum_at, size_at in ((b"PK\x03\x04", 6, 14, 22), (b"PK\x01\x02", 8, 16, 24)):
        start = raw.index(signature)
        raw[start + flags] |= 1
        raw[start + sum_at : start + sum_at + 4] = crc.to_bytes(4, "little")
        raw[start + size_at : start + size_at + 4] = len(data).to_bytes(4, "little")
    path.write_bytes(raw)
    return path


def nested(folder: Path, outer_kind: int, inner_kind: int) -> Path:
    with zipfile.ZipFile(folder / "inner.zip", "w", inner_kind) as inner:
        for number in range(3):
            inner.writestr(f"training80_01/-{number}.000.mp4", CLIP + bytes([number]))
        inner.writestr("../escape.txt", b"no")
    with zipfile.ZipFile(folder / "outer.zip", "w", outer_kind) as outer:
        outer.writestr("readme.txt", b"hello " * 1000)
        outer.write(folder / "inner.zip", "training80_01.zip")
        outer.writestr("validation80_01/z.000.mp4", CLIP)
    (folder / "inner.zip").unlink()
    return folder / "outer.zip"


@pytest.mark.parametrize("inner", KINDS)
@pytest.mark.parametrize("outer", KINDS)
def test_clips_in_nested_zips_are_read_in_place(tmp_path: Path, outer: int, inner: int) -> None:
    found = list(list_zip_locations(nested(tmp_path, outer, inner), (".mp4",)))
    assert found == [
        *(f"outer.zip::training80_01.zip::training80_01/-{number}.000.mp4" for number in range(3)),
        "outer.zip::validation80_01/z.000.mp4",
    ]
    for number in (2, 0, 1):
        assert get_clip_path_or_bytes(tmp_path, found[number]) == CLIP + bytes([number])
    assert get_clip_path_or_bytes(tmp_path, found[3]) == CLIP
    assert [path.name for path in tmp_path.iterdir()] == ["outer.zip"]
    assert archive_batch_key(found[0]) == archive_batch_key(found[1]) != archive_batch_key(found[3])


def test_an_inner_archive_is_opened_once_for_many_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []
    copy = archives._copy_bounded

    def counted(member: Any, to: Any, most: int) -> Any:
        copied.append(most)
        return copy(member, to, most)

    monkeypatch.setattr(archives, "_copy_bounded", counted)
    found = list(list_zip_locations(nested(tmp_path, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED), (".mp4",)))
    for number in (0, 1, 2, 1):
        get_clip_path_or_bytes(tmp_path, found[number])
    assert copied.count(LIMITS.zip_archive_bytes) == 1


def test_several_visitors_read_different_archives_at_once(tmp_path: Path) -> None:
    for name in "ab":
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("clip.mp4", name.encode() * 100_000)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: get_clip_path_or_bytes(tmp_path, f"{name}.zip::clip.mp4"), "ab" * 100))
    assert found == [b"a" * 100_000, b"b" * 100_000] * 100


def test_replaced_file_of_same_name_has_different_signature(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(CLIP * 2)
    before = clip_file_signature(tmp_path, "a.mp4")
    os.utime(tmp_path / "a.mp4", (1, 1))
    assert clip_file_signature(tmp_path, "a.mp4") == before
    (tmp_path / "a.mp4").write_bytes(CLIP * 2 + b"x")
    longer = clip_file_signature(tmp_path, "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"y" + CLIP * 2)
    assert len({before, longer, clip_file_signature(tmp_path, "a.mp4")}) == 3
    nested(tmp_path, *KINDS)
    first = clip_file_signature(tmp_path, "outer.zip::training80_01.zip::training80_01/-0.000.mp4")
    nested(tmp_path, KINDS[0], KINDS[0])
    assert clip_file_signature(tmp_path, "outer.zip::training80_01.zip::training80_01/-0.000.mp4") != first


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Write a zip that contains an encrypted nested zip."""
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("test80_01/a.000.mp4", CLIP)
    encrypted_zip(tmp_path / "test-1e.zip", "test80_01.zip", (tmp_path / "inner.zip").read_bytes(), b"open")
    (tmp_path / "inner.zip").unlink()
    return tmp_path / "test-1e.zip"


def test_the_password_comes_from_the_environment(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ZIP_PASSWORD_VARIABLE, "open")
    (location,) = list_zip_locations(secret, (".mp4",))
    assert get_clip_path_or_bytes(secret.parent, location) == CLIP


def test_password_is_prompted_once_at_a_terminal(
    secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ZIP_PASSWORD_VARIABLE, "so that it is restored")
    monkeypatch.delenv(ZIP_PASSWORD_VARIABLE)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "open"

    monkeypatch.setattr("getpass.getpass", answer)
    (location,) = list_zip_locations(secret, (".mp4",))
    assert get_clip_path_or_bytes(secret.parent, location) == CLIP
    assert len(asked) == 1
    assert "open" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("password", "sentence"), [(None, f"encrypted.*{ZIP_PASSWORD_VARIABLE}"), ("x", ZIP_PASSWORD_VARIABLE)]
)
def test_missing_and_wrong_password_raise_clear_error(
    secret: Path, monkeypatch: pytest.MonkeyPatch, password: str | None, sentence: str
) -> None:
    monkeypatch.delenv(ZIP_PASSWORD_VARIABLE, raising=False)
    if password:
        monkeypatch.setenv(ZIP_PASSWORD_VARIABLE, password)
    with pytest.raises(DatasetError, match=sentence) as caught:
        list(list_zip_locations(secret, (".mp4",)))
    assert password is None or password not in str(caught.value).split()


def test_zip_bomb_is_refused_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LIMITS", type(LIMITS)(zip_clip_bytes=2**20))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.000.mp4", bytes(3 * 2**20))
    with pytest.raises(DatasetError, match="1 MB"):
        get_clip_path_or_bytes(tmp_path, "a.zip::a.000.mp4")


def test_truncated_archive_raises_clear_error(tmp_path: Path) -> None:
    path = nested(tmp_path, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"outer\.zip cannot be read"):
        list(list_zip_locations(path, (".mp4",)))
    with pytest.raises(DatasetError, match=r"gone\.zip"):
        get_clip_path_or_bytes(tmp_path, "gone.zip::a.mp4")
