"""Hostile zip archives: no file is written, no clip is incomplete, errors are one sentence."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from personality.constants import LIMITS
from personality.dataset.archives import get_clip_path_or_bytes, list_zip_locations
from personality.dataset.index import DatasetError

CLIP = bytes(range(256)) * 20
OUTSIDE = (
    *(
        "../a.mp4",
        "../../a.mp4",
        "/tmp/a.mp4",
        "/etc/a.mp4",
        "a/../../a.mp4",
        "..\\a.mp4",
        "C:\\a.mp4",
        "\\\\host\\a.mp4",
    ),
    *(
        "./a.mp4",
        "a//b.mp4",
        "~/a.mp4",
        "con.mp4",
        "-rf.mp4",
        "a\nb.mp4",
        "$(id).mp4",
        "%2e%2e/a.mp4",
        "x" * 60_000 + ".mp4",
    ),
)


def archives(folder: Path) -> Iterator[Path]:
    """Forty archives; `damaged` has more."""
    for number, name in enumerate(OUTSIDE):
        yield packed(folder / f"name-{number}.zip", {name: CLIP})
        if number < 8:
            inner = packed(folder / "inner.zip", {name: CLIP}).read_bytes()
            yield packed(folder / f"deep-{number}.zip", {"../inner.zip": inner, "b.mp4": CLIP})
    yield packed(folder / "twice.zip", {"a.mp4": CLIP}, again={"a.mp4": CLIP[::-1]})
    yield packed(folder / "bomb.zip", {"a.mp4": bytes(LIMITS.zip_clip_bytes + 1)})
    bomb = packed(folder / "inner.zip", {"a.mp4": bytes(LIMITS.zip_clip_bytes + 1)}).read_bytes()
    yield packed(folder / "deep-bomb.zip", {"inner.zip": bomb})
    yield packed(folder / "many.zip", {f"{number}.mp4": b"" for number in range(LIMITS.zip_members + 1)})
    three = packed(folder / "inner.zip", {"c.zip": packed(folder / "c.zip", {"a.mp4": CLIP}).read_bytes()})
    yield packed(folder / "three.zip", {"inner.zip": three.read_bytes()})
    yield linked(folder / "link.zip")
    for number, (place, lie) in enumerate(LIES):
        yield lying(folder / f"lie-{number}.zip", place, lie)
    for number, share in enumerate((0.3, 0.9)):
        whole = packed(folder / f"torn-{number}.zip", {"a.mp4": CLIP})
        whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        yield whole


def damaged(folder: Path) -> Iterator[Path]:
    """Archives for which zipfile and its decompressors raise other errors.

    An inner archive whose offset is past the end, and members of every compression method with changed bytes.
    """
    inner = packed(folder / "inner.zip", {"a.mp4": CLIP}).read_bytes()
    with zipfile.ZipFile(folder / "past-the-end.zip", "w") as archive:
        archive.writestr("inner.zip", inner)  # stored: read in place
    yield lied(folder / "past-the-end.zip", 42, 2**20)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        for place in range(3):
            path = folder / f"method-{method}-{place}.zip"
            with zipfile.ZipFile(path, "w", method) as archive:
                archive.writestr("a.mp4", CLIP)
            raw = bytearray(path.read_bytes())
            start = 35 + place * 9
            raw[start : start + 8] = b"\xff" * 8
            path.write_bytes(raw)
            yield path


# Offsets in a member's entry of the central directory, and the values written: sizes, checksum, offset, method.
LIES = ((20, 2**31 - 1), (24, 3), (24, 2**31 - 1), (16, 0), (42, 10), (42, 2**31 - 1), (10, 0x0063_0014))


def packed(path: Path, members: dict[str, bytes], again: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*members.items(), *(again or {}).items()]:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def linked(path: Path) -> Path:
    """An archive with a member that is a symbolic link to a file outside."""
    link = zipfile.ZipInfo("a.mp4")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return path


def lying(path: Path, place: int, lie: int) -> Path:
    return lied(packed(path, {"a.mp4": CLIP}), place, lie)


def lied(path: Path, place: int, lie: int) -> Path:
    """Change four bytes of the last entry in the central directory."""
    raw = bytearray(path.read_bytes())
    start = raw.rindex(b"PK\x01\x02") + place
    raw[start : start + 4] = struct.pack("<I", lie)
    path.write_bytes(raw)
    return path


def tree(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zips_write_nothing_and_give_complete_clips_or_an_error(
    tmp_path: Path, outcome: Callable[[str, str], None]
) -> None:
    folder = tmp_path / "deep" / "in"
    folder.mkdir(parents=True)
    made, whole, refused = [*archives(folder), *damaged(folder)], 0, 0
    before = tree(tmp_path)
    for path in made:
        try:
            for location in list_zip_locations(path, (".mp4",)):
                given = get_clip_path_or_bytes(folder, location)
                assert given in (CLIP, CLIP[::-1], b"/etc/passwd"), path.name  # the target of the link, as text
            whole += 1
        except DatasetError as error:
            assert str(error) and "\n" not in str(error)
            refused += 1
    assert tree(tmp_path) == before
    assert len(made) == 50
    assert whole > 5 and refused > 5
    result = f"of {len(made)}: {refused} rejected, {whole} read completely, 0 files written, 0 partial clips"
    outcome("hostile zip archives", result)
