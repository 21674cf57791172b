"""Small files of the workspace, read as untrusted: bounded, of a known shape, or one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

LARGEST = 2**24  # bytes; cards and the metrics of a long run have a hundredth
TAIL_BYTES, WIDEST = 2**16, 500  # of a log: what is read of its end, and characters of a line
SAID = 60  # characters of a wrong value that are said again

Check: TypeAlias = Callable[[Any], bool]
Kind = TypeVar("Kind", dict, list)


class DamagedFile(ValueError):
    """A file that cannot be read; the message names it and says what is wrong."""


def is_text(value: Any) -> bool:
    """Whether it is a string."""
    return isinstance(value, str)


def is_figure(value: Any) -> bool:
    """Whether it is a number, or NaN where there was none to compute."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > 1e300


def is_number(value: Any) -> bool:
    """Whether it is a number."""
    return is_figure(value) and value == value


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def is_object(needed: Mapping[str, Check], known: Mapping[str, Check] | None = None) -> Check:
    """A check that a value is an object that `wrong_with` finds nothing wrong with."""
    return lambda value: isinstance(value, dict) and not wrong_with(value, needed, known)


def is_map_of(check: Check) -> Check:
    """A check that a value is an object whose values all pass another."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def wrong_with(values: Mapping[str, Any], needed: Mapping[str, Check], known: Mapping[str, Check] | None = None) -> str:
    """The first thing that is wrong with an object, in words; empty where it has all that is needed, and all that is
    known passes its check. What is neither is let be."""
    for name, check in {**(known or {}), **needed}.items():
        if name in needed and name not in values:
            return f"it does not say {name}"
        if name in values and not check(values[name]):
            return f"its {name} is {_short(values[name])}"
    return ""


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:SAID]


def is_there(path: Path) -> bool:
    """Whether there is a file, or a link that was to lead to one."""
    return os.path.lexists(path)


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """The JSON object or list in a file. Raises DamagedFile where there is none."""
    value = _parsed(_text(path), path)
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise DamagedFile(f"{path} is damaged: it holds {_short(value)}; wanted {wanted}.")
    return value


def read_object(path: Path, needed: Mapping[str, Check], known: Mapping[str, Check] | None = None) -> dict[str, Any]:
    """The JSON object in a file. Raises DamagedFile where there is none, or `wrong_with` finds something."""
    values = read_json(path, dict)
    if wrong := wrong_with(values, needed, known):
        raise DamagedFile(f"{path} is damaged: {wrong}.")
    return values


def read_rows(
    path: Path, prepare: Callable[[Any], Any], needed: Mapping[str, Check], known: Mapping[str, Check] | None = None
) -> tuple[list[dict], str]:
    """The objects in a file of one JSON object a line, and what is wrong with the file, as a sentence or empty.

    Lines that are no JSON or, as `prepare` returns them, no such object are left out; of a file that cannot be read,
    all. A file that is not there has none, and nothing is wrong with that.
    """
    if not is_there(path):
        return [], ""
    try:
        lines = _text(path).splitlines()
    except DamagedFile as error:
        return [], str(error)
    rows, wrong = [], []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_row(line, prepare, needed, known))
        except ValueError as error:
            wrong.append(f"line {number:,}: {error}")
    others = f"; {len(wrong) - 1:,} more lines are left out" if len(wrong) > 1 else ""
    return rows, f"{path} is damaged, {wrong[0]}{others}." if wrong else ""


def _row(
    line: str, prepare: Callable[[Any], Any], needed: Mapping[str, Check], known: Mapping[str, Check] | None
) -> dict[str, Any]:
    """Raises ValueError."""
    try:
        row = prepare(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(row, dict):
        raise ValueError(f"it holds {_short(row)}; wanted an object")
    if wrong := wrong_with(row, needed, known):
        raise ValueError(wrong)
    return row


def read_tail(path: Path, lines: int) -> str:
    """The last lines of a log, however long it and its lines are, as `read_end`."""
    return "\n".join(line[-WIDEST:] for line in read_end(path).splitlines()[-lines:])


def read_end(path: Path) -> str:
    """The end of a log, however long it is; empty where there is none, and why it cannot be read where that is so."""
    try:
        return _bytes(path, -TAIL_BYTES).decode(errors="replace") if is_there(path) else ""
    except DamagedFile as error:
        return str(error)


def _bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, or the last for a negative count. Raises DamagedFile where there is no file."""
    try:
        if not path.is_file():
            what = "is missing" if not is_there(path) else "leads nowhere" if path.is_symlink() else "is no file"
            raise DamagedFile(f"{path} {what}.")
        with path.open("rb") as file:
            if count < 0:
                file.seek(max(0, os.fstat(file.fileno()).st_size + count))
            return file.read(abs(count))
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read: {error.strerror}.") from error


def _text(path: Path) -> str:
    data = _bytes(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise DamagedFile(f"{path} is damaged: it is larger than {LARGEST // 2**20} MB.")
    return data.decode(errors="replace")


def _parsed(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is damaged: it is not JSON.") from error
