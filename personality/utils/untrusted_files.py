"""Bounded reading of small files of the workspace, with validation of their structure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

MAX_JSON_BYTES = 2**24  # bytes; cards and metrics of long runs are a hundred times smaller
LOG_TAIL_BYTES, MAX_LOG_LINE_CHARACTERS = 2**16, 500  # limits of what is read from a log, and of each line
MAX_QUOTED_CHARACTERS = 60  # characters of an invalid value in a message

ValueCheck: TypeAlias = Callable[[Any], bool]
JsonType = TypeVar("JsonType", dict, list)


class DamagedFileError(ValueError):
    """A file that cannot be read or has an invalid structure."""


def is_text(value: Any) -> bool:
    """Return whether a value is a string."""
    return isinstance(value, str)


def is_number_or_nan(value: Any) -> bool:
    """Return whether a value is a number or NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > 1e300


def is_number(value: Any) -> bool:
    """Return whether a value is a number, and not NaN."""
    return is_number_or_nan(value) and value == value


def is_count(value: Any) -> bool:
    """Return whether a value is a non-negative integer."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def make_object_check(needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None) -> ValueCheck:
    """Return a check that a value is an object without errors according to `find_schema_error`."""
    return lambda value: isinstance(value, dict) and not find_schema_error(value, needed, known)


def make_map_check(check: ValueCheck) -> ValueCheck:
    """Return a check that a value is an object whose values all pass another check."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def find_schema_error(
    values: Mapping[str, Any], needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None
) -> str:
    """Describe the first error of an object.

    Parameters
    ----------
    values
        The object.
    needed
        Checks of required values, by name.
    known
        Checks of optional values, by name. Values with other names are ignored.

    Returns
    -------
    str
        Empty if there is no error.
    """
    for name, check in {**(known or {}), **needed}.items():
        if name in needed and name not in values:
            return f"{name} is missing"
        if name in values and not check(values[name]):
            return f"{name} has the invalid value {_shorten_value(values[name])}"
    return ""


def _shorten_value(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:MAX_QUOTED_CHARACTERS]


def exists_as_file_or_link(path: Path) -> bool:
    """Return whether there is a file or a link, even a broken one."""
    return os.path.lexists(path)


def read_json(path: Path, kind: type[JsonType]) -> JsonType:
    """Read a JSON object or list. Raises DamagedFileError if the file does not contain one."""
    value = _parse_json(_read_bounded_text(path), path)
    if not isinstance(value, kind):
        expected = "an object" if kind is dict else "a list"
        raise DamagedFileError(f"{path} is damaged: it contains {_shorten_value(value)}; expected {expected}.")
    return value


def read_json_object(
    path: Path, needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None = None
) -> dict[str, Any]:
    """Read a JSON object and check it by `find_schema_error`. Raises DamagedFileError if it is invalid."""
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
    """Read a file with one JSON object per line.

    Parameters
    ----------
    path
        The file; a missing file is treated as empty.
    prepare
        Applied to each object before the check.
    needed, known
        As for `find_schema_error`.

    Returns
    -------
    rows : list of dict
        The valid objects.
    error : str
        A sentence about invalid lines or an unreadable file, empty if there are none.
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
    others = f"; {len(wrong) - 1:,} more lines are invalid" if len(wrong) > 1 else ""
    return rows, f"{path} is damaged, {wrong[0]}{others}." if wrong else ""


def _parse_json_line(
    line: str, prepare: Callable[[Any], Any], needed: Mapping[str, ValueCheck], known: Mapping[str, ValueCheck] | None
) -> dict[str, Any]:
    """Parse and check a line. Raises ValueError if it is invalid."""
    try:
        row = prepare(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(row, dict):
        raise ValueError(f"it contains {_shorten_value(row)}; expected an object")
    if wrong := find_schema_error(row, needed, known):
        raise ValueError(wrong)
    return row


def read_last_log_lines(path: Path, lines: int) -> str:
    """Return the last lines of a log, shortened if they are long; see `read_log_end`."""
    return "\n".join(line[-MAX_LOG_LINE_CHARACTERS:] for line in read_log_end(path).splitlines()[-lines:])


def read_log_end(path: Path) -> str:
    """Return the last LOG_TAIL_BYTES of a log, "" if it does not exist, or an error message if it cannot be read."""
    try:
        return (
            read_bounded_bytes(path, -LOG_TAIL_BYTES).decode(errors="replace") if exists_as_file_or_link(path) else ""
        )
    except DamagedFileError as error:
        return str(error)


def read_bounded_bytes(path: Path, count: int) -> bytes:
    """Read the first `count` bytes of a file, or the last if negative. Raises DamagedFileError if that fails."""
    try:
        if not path.is_file():
            what = (
                "is missing"
                if not exists_as_file_or_link(path)
                else "is a broken link"
                if path.is_symlink()
                else "is not a file"
            )
            raise DamagedFileError(f"{path} {what}.")
        with path.open("rb") as file:
            if count < 0:
                file.seek(max(0, os.fstat(file.fileno()).st_size + count))
            return file.read(abs(count))
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read: {error.strerror}.") from error


def _read_bounded_text(path: Path) -> str:
    data = read_bounded_bytes(path, MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise DamagedFileError(f"{path} is damaged: it is larger than {MAX_JSON_BYTES // 2**20} MB.")
    return data.decode(errors="replace")


def _parse_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is damaged: it is not JSON.") from error
