"""The log of the app: operations and their durations, without file names, frames or scores."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("personality")


def log_to_stderr() -> None:
    """Write the log to standard error with a time on each line. Does nothing if it is already set up."""
    if not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)


@contextmanager
def log_duration(what: str) -> Iterator[None]:
    """Log the duration of the block, and the type of the exception that ended it, without its message."""
    start, how = time.perf_counter(), ""
    try:
        yield
    except BaseException as error:
        how = f", ended by {type(error).__name__}"
        raise
    finally:
        _log.info("%s: %.2f s%s", what, time.perf_counter() - start, how)
