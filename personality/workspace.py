"""Where a person's own runs, caches and tables lie, beside the demo that ships."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIABLE = "PERSONALITY_WORKSPACE"


def workspace() -> Path:
    """The folder for what a person makes: `workspace/` here, or what PERSONALITY_WORKSPACE says."""
    return Path(os.environ.get(VARIABLE) or ROOT / "workspace")


def runs_folder() -> Path:
    """Training runs."""
    return workspace() / "runs"


def caches() -> list[Path]:
    """Finished caches below `workspace/caches`."""
    return sorted(path.parent for path in (workspace() / "caches").glob("*/clips.parquet"))


def unfinished_caches() -> list[Path]:
    """Caches that `preprocess` is filling, or was when it was interrupted."""
    begun = {path.parent for path in (workspace() / "caches").glob("*/entries")}
    return sorted(begun - set(caches()))


def prediction_tables() -> list[Path]:
    """Predictions tables below `workspace/predictions`."""
    return sorted((workspace() / "predictions").glob("*.parquet"))
