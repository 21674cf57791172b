"""Log records on one line."""

from __future__ import annotations

import logging
import sys

from server.one_line_log import MAX_LOG_LINE_CHARS, format_one_line


def record(message: str, *arguments: object, error: bool = False) -> logging.LogRecord:
    return logging.LogRecord("a", logging.ERROR, "a.py", 1, message, arguments, sys.exc_info() if error else None)


def test_line_breaks_are_escaped() -> None:
    assert format_one_line(record("a %s", "b\nERROR c\x1b[0m")) == r"a b\nERROR c\x1b[0m"
    assert len(format_one_line(record("a" * 2000))) == MAX_LOG_LINE_CHARS


def test_errors_are_logged_with_type_message_and_location() -> None:
    try:
        int("no\nnumber")
    except ValueError:
        line = format_one_line(record("failed", error=True))
    assert line.startswith("failed: ValueError: invalid literal")
    assert line.endswith("(test_errors_are_logged_with_type_message_and_location, test_one_line_log.py:22)")
