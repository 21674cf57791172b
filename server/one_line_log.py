"""Log each event on one line, so that visitors cannot inject lines or tracebacks into the log."""

from __future__ import annotations

import logging
import traceback
from typing import Any

MAX_LOG_LINE_CHARS = 500


def use_one_line_log_records() -> None:
    """Format every log record of the process as one line, with the type, message and location of an exception."""
    make_record = logging.getLogRecordFactory()

    def make_one_line_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.msg, record.args, record.exc_info, record.stack_info = format_one_line(record), (), None, None
        return record

    logging.setLogRecordFactory(make_one_line_record)


def format_one_line(record: logging.LogRecord) -> str:
    """Return the message of a record and its exception, with line breaks and other control characters escaped."""
    text = record.getMessage().strip()
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = "".join(f" ({frame.name}, {frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in last)
        text += f": {type(error).__name__}: {error}{where}"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[:MAX_LOG_LINE_CHARS])
