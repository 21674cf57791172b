"""What tests of training share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from personality.preprocessing.cache import Cache
from training.config.run_config import Config
from training.engine.train_run import train_run
from training.runs.run import Run


def run_to_end(folder: Path, cache: Cache, config: Config) -> Run:
    run = Run(folder)
    run.create(config, cache.folder)
    train_run(run)
    return run


@contextmanager
def dying_after(epochs: int) -> Iterator[None]:
    """A run that records an epoch after so many dies before it is recorded; the death is expected."""
    record = Run.record_metrics

    def die(self: Run, metrics: dict[str, Any]) -> None:
        if metrics["epoch"] > epochs:
            raise Death
        record(self, metrics)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "record_metrics", die)
        with pytest.raises(Death):
            yield


class Death(BaseException):
    """The process dies here, as far as anything that is caught can tell."""
