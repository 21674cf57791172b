"""Access to clips in files, in zip archives, and in zip archives within zip archives, without unpacking."""

from __future__ import annotations

import atexit
import getpass
import hashlib
import io
import os
import struct
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from personality.constants import LIMITS
from personality.dataset.index import DatasetError

ARCHIVE_SEPARATOR = "::"  # separates an archive from its member in a location
ZIP_PASSWORD_VARIABLE = "PERSONALITY_ZIP_PASSWORD"
ENCRYPTED_FLAG_BIT = 1  # bit in the flags of a member
HASHED_END_BYTES = 4096  # bytes at each end of a file that are hashed to identify it


def list_zip_locations(path: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the locations, relative to the archive's folder, of members with one of `suffixes`, including those in
    nested archives.

    Prompts for a password if one is required. Raises DatasetError if the archive is damaged, exceeds a limit, or is
    encrypted and the program is not interactive.
    """
    with _convert_archive_errors(path):
        for member in _list_zip_members(_open_outer_zip(path)):
            name = member.filename
            if name.lower().endswith(suffixes):
                _get_zip_password(member)
                yield f"{path.name}{ARCHIVE_SEPARATOR}{name}"
            elif name.lower().endswith(".zip"):
                inner = _list_zip_members(_open_inner_zip(path, name))
                wanted = [one for one in inner if one.filename.lower().endswith(suffixes)]
                for one in wanted[:1]:
                    _get_zip_password(one)
                yield from (f"{path.name}{ARCHIVE_SEPARATOR}{name}{ARCHIVE_SEPARATOR}{one.filename}" for one in wanted)


def get_clip_path_or_bytes(root: Path, location: str) -> Path | bytes:
    """Return the path of a clip, or its bytes if it is in an archive. Raises DatasetError if it cannot be read."""
    outer, *inner = location.split(ARCHIVE_SEPARATOR)
    path = root / outer
    if not inner:
        return path
    with _convert_archive_errors(path), _archive_lock:
        if len(inner) == 1:
            return _read_zip_member(_open_outer_zip(path), inner[0])
        return _read_zip_member(_open_inner_zip(path, inner[0]), inner[1])


def archive_batch_key(location: str) -> str:
    """Return a key by which to batch clips: the inner of two archives, which is costly to open, otherwise the location
    of the clip."""
    return location.rpartition(ARCHIVE_SEPARATOR)[0] if location.count(ARCHIVE_SEPARATOR) == 2 else location


def clip_file_signature(root: Path, location: str) -> str:
    """Compute a signature that identifies the contents of a clip's file without reading all of it.

    For a member of an archive, its size and checksum (for nested archives, those of the inner archive); for a file, its
    size and a digest of both ends, so that changes between them are not detected. Raises DatasetError if the file
    cannot be read.
    """
    outer, *inner = location.split(ARCHIVE_SEPARATOR)
    path = root / outer
    with _convert_archive_errors(path):
        if not inner:
            return _hash_file_ends(path)
        with _archive_lock:
            member = _open_outer_zip(path).getinfo(inner[0])
        return f"{member.file_size}:{member.CRC:08x}"


def _hash_file_ends(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HASHED_END_BYTES)
        file.seek(max(0, size - HASHED_END_BYTES))
        return f"{size}:{hashlib.sha256(head + file.read(HASHED_END_BYTES)).hexdigest()[:16]}"


# The last opened outer and inner archive with their files: the next clip is likely to be in the same archives, and
# reading the directory of a large one is slow.
_open_archives: dict[str, tuple[tuple, zipfile.ZipFile, IO[bytes]]] = {}
_archive_lock = threading.Lock()  # sessions of the app may read different archives


def _open_outer_zip(path: Path) -> zipfile.ZipFile:
    """Return the open archive `path`, cached until another one is opened."""
    return _open_cached_zip("outer", (path, path.stat().st_mtime_ns), lambda: path.open("rb"))


def _open_inner_zip(path: Path, name: str) -> zipfile.ZipFile:
    """Return the open archive `name` within `path`, cached until another one is opened."""
    return _open_cached_zip("inner", (path, path.stat().st_mtime_ns, name), lambda: _open_inner_file(path, name))


def _open_cached_zip(place: str, key: tuple, open_file: Callable[[], IO[bytes]]) -> zipfile.ZipFile:
    known = _open_archives.get(place)
    if known is None or known[0] != key:
        _close_cached_zip(place)
        file = open_file()
        try:
            _open_archives[place] = (key, zipfile.ZipFile(file), file)
        except BaseException:
            file.close()
            raise
    return _open_archives[place][1]


def _close_cached_zip(place: str) -> None:
    if place in _open_archives:
        _, archive, file = _open_archives.pop(place)
        archive.close()
        file.close()


@atexit.register
def _close_cached_zips() -> None:
    """Close the inner archive first, because it may read from the outer one."""
    for place in ("inner", "outer"):
        _close_cached_zip(place)


def _open_inner_file(path: Path, name: str) -> IO[bytes]:
    """Open a nested archive: in place if it is stored, otherwise decompressed to a temporary file."""
    archive = _open_outer_zip(path)
    member = archive.getinfo(name)
    if member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & ENCRYPTED_FLAG_BIT:
        return io.BufferedReader(_StoredMember(path, member))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    try:
        with _open_zip_member(archive, member) as packed:
            _copy_bounded(packed, file, LIMITS.zip_archive_bytes)
    except BaseException:
        file.close()
        raise
    return file


class _StoredMember(io.RawIOBase):
    """An uncompressed member of an archive as a seekable file."""

    def __init__(self, path: Path, member: zipfile.ZipInfo) -> None:
        self._file = path.open("rb")
        self._file.seek(member.header_offset)
        header = self._file.read(30)  # PKWARE's APPNOTE 4.3.7: the last two are the lengths of name and extra field
        self._start = member.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
        self._size, self._at = member.compress_size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(memoryview(buffer)[: max(0, self._size - self._at)])
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _list_zip_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > LIMITS.zip_members:
        raise DatasetError(f"An archive has {len(members):,} members; at most {LIMITS.zip_members:,} are read.")
    return members


def _read_zip_member(archive: zipfile.ZipFile, name: str) -> bytes:
    data = io.BytesIO()
    with _open_zip_member(archive, archive.getinfo(name)) as member:
        _copy_bounded(member, data, LIMITS.zip_clip_bytes)
    return data.getvalue()


def _copy_bounded(member: IO[bytes], to: IO[bytes], most: int) -> None:
    """Copy a member with a limit of its size, counted while reading, because the directory may be wrong."""
    while part := member.read(2**18):
        if to.tell() + len(part) > most:
            raise DatasetError(f"A member of an archive is larger than {most // 2**20} MB, the limit.")
        to.write(part)


def _open_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(member, pwd=_get_zip_password(member))
    except RuntimeError as error:  # raised by zipfile for a wrong password
        raise DatasetError(f"The password in {ZIP_PASSWORD_VARIABLE} is wrong for an archive; correct it.") from error


def _get_zip_password(member: zipfile.ZipInfo) -> bytes | None:
    """Return the password if the member is encrypted: from the environment, otherwise from a prompt. It is stored in
    the environment of this process, which worker processes inherit, and not written to disk."""
    if not member.flag_bits & ENCRYPTED_FLAG_BIT:
        return None
    if ZIP_PASSWORD_VARIABLE not in os.environ:
        if not sys.stdin or not sys.stdin.isatty():
            raise DatasetError(f"An archive is encrypted; set its password in {ZIP_PASSWORD_VARIABLE}.")
        os.environ[ZIP_PASSWORD_VARIABLE] = getpass.getpass("Password of the archives: ")
    return os.environ[ZIP_PASSWORD_VARIABLE].encode()


@contextmanager
def _convert_archive_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:  # zipfile and its decompressors raise many types for damaged archives
        if not path.exists():
            raise DatasetError(f"The file {path} does not exist; check the path.") from error
        kind = "archive" if zipfile.is_zipfile(path) or path.suffix == ".zip" else "file"
        raise DatasetError(f"The {kind} {path.name} cannot be read; download it again.") from error
