"""The app's log: what happened and how long it took. Never a name of a file, a frame or a score."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("personality")


def log_to_stderr() -> None:
    """Let the log go to the standard error, each line with its time; does nothing where it does already."""
    if not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)


@contextmanager
def log_duration(what: str) -> Iterator[None]:
    """Log how long the block took, and the kind of error that ended it, if one did; not the error's words."""
    began, how = time.perf_counter(), ""
    try:
        yield
    except BaseException as error:
        how = f", ended by {type(error).__name__}"
        raise
    finally:
        _log.info("%s: %.2f s%s", what, time.perf_counter() - began, how)
