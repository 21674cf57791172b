"""What tests of training share."""

from pathlib import Path

from personality.preprocessing.cache import Cache
from training.config.run_config import Config
from training.engine.trainer import train_run
from training.runs.run import Run


def run_to_end(folder: Path, cache: Cache, config: Config) -> Run:
    run = Run(folder)
    run.create(config, cache.folder)
    train_run(run)
    return run


class Death(BaseException):
    """The process dies here, as far as anything that is caught can tell."""
