"""Each event is one line of the log, whatever a stranger sends: no traceback, no line that is somebody else's text."""

from __future__ import annotations

import logging
import traceback
from typing import Any

MAX_LOG_LINE_CHARS = 500  # characters of a line, at most


def use_one_line_log_records() -> None:
    """From now on every record of the process is one line; an error is its kind, its words and where it arose."""
    make = logging.getLogRecordFactory()

    def fold(*given: Any, **named: Any) -> logging.LogRecord:
        record = make(*given, **named)
        record.msg, record.args, record.exc_info, record.stack_info = format_one_line(record), (), None, None
        return record

    logging.setLogRecordFactory(fold)


def format_one_line(record: logging.LogRecord) -> str:
    """The message of a record and the error that goes with it, with line ends and the like spelled out."""
    words = record.getMessage().strip()
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = "".join(f" ({frame.name}, {frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in last)
        words += f": {type(error).__name__}: {error}{where}"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in words[:MAX_LOG_LINE_CHARS])
