"""Where a person's own runs, caches and tables lie, beside the demo that ships."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from personality.utils.atomic_files import write_json
from personality.utils.locations import IMPORT_ROOT, IS_CHECKOUT
from personality.utils.untrusted_files import DamagedFile, is_text, is_there, read_json

MODELS = "models.json"  # which models predict
VARIABLE = "PERSONALITY_WORKSPACE"


def workspace() -> Path:
    """The folder for your runs, caches and tables: PERSONALITY_WORKSPACE, or `workspace/` in the checkout; where the
    package is installed, in the current folder."""
    return Path(os.environ.get(VARIABLE) or (IMPORT_ROOT if IS_CHECKOUT else Path.cwd()) / "workspace")


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


def remembered_models() -> list[str] | None:
    """The names of the models that predict, as they were last chosen; None where nobody has chosen, or the file is
    damaged, as `damaged_choice` says."""
    try:
        return _read_choice()
    except DamagedFile:
        return None


def damaged_choice() -> str:
    """Why the names of the models that predict cannot be read, as a sentence; empty where they can."""
    try:
        _read_choice()
    except DamagedFile as error:
        return str(error)
    return ""


def _read_choice() -> list[str] | None:
    """Raises DamagedFile."""
    path = workspace() / MODELS
    if not is_there(path):
        return None
    names = read_json(path, list)
    if not all(map(is_text, names)):
        raise DamagedFile(f"{path} is damaged: it holds other things than names of models.")
    return names


def remember_models(names: Sequence[str]) -> None:
    """Keep them for other sessions and the next start."""
    workspace().mkdir(parents=True, exist_ok=True)
    write_json(workspace() / MODELS, list(names))


def prediction_tables() -> list[Path]:
    """Predictions tables below `workspace/predictions`."""
    return sorted((workspace() / "predictions").glob("*.parquet"))
