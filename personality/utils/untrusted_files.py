"""Small files of the workspace, read as untrusted: bounded, of a known shape, or one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

MAX_JSON_BYTES = 2**24  # bytes; cards and the metrics of a long run have a hundredth
LOG_TAIL_BYTES, MAX_LOG_LINE_CHARACTERS = 2**16, 500  # of a log: what is read of its end, and characters of a line
MAX_QUOTED_CHARACTERS = 60  # characters of a wrong value that are said again

ValueCheck: TypeAlias = Callable[[Any], bool]
JsonType = TypeVar("JsonType", dict, list)


class DamagedFileError(ValueError):
    """A file that cannot be read; the message names it and says what is wrong."""


def is_text(value: Any) -> bool:
    """Whether it is a string."""
    return isinstance(value, str)


def is_number_or_nan(value: Any) -> bool:
    """Whether it is a number, or NaN where there was none to compute."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > 1e300


def is_number(value: Any) -> bool:
    """Whether it is a number."""
    return is_number_or_nan(value) and value == value


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def make_object_check(needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None) -> ValueCheck:
    """A check that a value is an object that `find_schema_error` finds nothing wrong with."""
    return lambda value: isinstance(value, dict) and not find_schema_error(value, needed, known)


def make_map_check(check: ValueCheck) -> ValueCheck:
    """A check that a value is an object whose values all pass another."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def find_schema_error(
    values: Mapping[str, Any], needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None
) -> str:
    """The first thing that is wrong with an object, in words; empty where it has all that is needed, and all that is
    known passes its check. What is neither is let be."""
    for name, check in {**(known or {}), **needed}.items():
        if name in needed and name not in values:
            return f"it does not say {name}"
        if name in values and not check(values[name]):
            return f"its {name} is {_shorten_value(values[name])}"
    return ""


def _shorten_value(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:MAX_QUOTED_CHARACTERS]


def exists_as_file_or_link(path: Path) -> bool:
    """Whether there is a file, or a link that was to lead to one."""
    return os.path.lexists(path)


def read_json(path: Path, kind: type[JsonType]) -> JsonType:
    """The JSON object or list in a file. Raises DamagedFile where there is none."""
    value = _parse_json(_read_bounded_text(path), path)
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise DamagedFileError(f"{path} is damaged: it holds {_shorten_value(value)}; wanted {wanted}.")
    return value


def read_json_object(
    path: Path, needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None
) -> dict[str, Any]:
    """The JSON object in a file. Raises DamagedFile where there is none, or `find_schema_error` finds something."""
    values = read_json(path, dict)
    if wrong := find_schema_error(values, needed, known):
        raise DamagedFileError(f"{path} is damaged: {wrong}.")
    return values


def read_json_lines(
    path: Path,
    prepare: Callable[[Any], Any],
    needed: Mapping[str, ValueCheck],
    known: Mapping[str, ValueCheck] | None = None,
) -> tuple[list[dict], str]:
    """The objects in a file of one JSON object a line, and what is wrong with the file, as a sentence or empty.

    Lines that are no JSON or, as `prepare` returns them, no such object are left out; of a file that cannot be read,
    all. A file that is not there has none, and nothing is wrong with that.
    """
    if not exists_as_file_or_link(path):
        return [], ""
    try:
        lines = _read_bounded_text(path).splitlines()
    except DamagedFileError as error:
        return [], str(error)
    rows, wrong = [], []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_parse_json_line(line, prepare, needed, known))
        except ValueError as error:
            wrong.append(f"line {number:,}: {error}")
    others = f"; {len(wrong) - 1:,} more lines are left out" if len(wrong) > 1 else ""
    return rows, f"{path} is damaged, {wrong[0]}{others}." if wrong else ""


def _parse_json_line(
    line: str, prepare: Callable[[Any], Any], needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None
) -> dict[str, Any]:
    """Raises ValueError."""
    try:
        row = prepare(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(row, dict):
        raise ValueError(f"it holds {_shorten_value(row)}; wanted an object")
    if wrong := find_schema_error(row, needed, known):
        raise ValueError(wrong)
    return row


def read_last_log_lines(path: Path, lines: int) -> str:
    """The last lines of a log, however long it and its lines are, as `read_log_end`."""
    return "\n".join(line[-MAX_LOG_LINE_CHARACTERS:] for line in read_log_end(path).splitlines()[-lines:])


def read_log_end(path: Path) -> str:
    """The end of a log, however long it is; empty where there is none, and why it cannot be read where that is so."""
    try:
        return (
            _read_bounded_bytes(path, -LOG_TAIL_BYTES).decode(errors="replace") if exists_as_file_or_link(path) else ""
        )
    except DamagedFileError as error:
        return str(error)


def _read_bounded_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, or the last for a negative count. Raises DamagedFile where there is no file."""
    try:
        if not path.is_file():
            what = (
                "is missing"
                if not exists_as_file_or_link(path)
                else "leads nowhere"
                if path.is_symlink()
                else "is no file"
            )
            raise DamagedFileError(f"{path} {what}.")
        with path.open("rb") as file:
            if count < 0:
                file.seek(max(0, os.fstat(file.fileno()).st_size + count))
            return file.read(abs(count))
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read: {error.strerror}.") from error


def _read_bounded_text(path: Path) -> str:
    data = _read_bounded_bytes(path, MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise DamagedFileError(f"{path} is damaged: it is larger than {MAX_JSON_BYTES // 2**20} MB.")
    return data.decode(errors="replace")


def _parse_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is damaged: it is not JSON.") from error
