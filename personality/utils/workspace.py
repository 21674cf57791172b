"""The workspace: the folder for runs, caches and predictions tables of the user."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from personality.utils.atomic_files import write_json
from personality.utils.locations import IMPORT_ROOT, IS_CHECKOUT
from personality.utils.untrusted_files import DamagedFileError, exists_as_file_or_link, is_text, read_json

CHOSEN_MODELS_FILE = "models.json"
WORKSPACE_VARIABLE = "PERSONALITY_WORKSPACE"


def workspace_folder() -> Path:
    """Return the workspace folder: PERSONALITY_WORKSPACE, or by default `workspace/` in the checkout, or in the current
    folder if the package is installed."""
    return Path(os.environ.get(WORKSPACE_VARIABLE) or (IMPORT_ROOT if IS_CHECKOUT else Path.cwd()) / "workspace")


def runs_folder() -> Path:
    """Return the folder of training runs."""
    return workspace_folder() / "runs"


def list_finished_caches() -> list[Path]:
    """List the finished caches below `workspace/caches`."""
    return sorted(path.parent for path in (workspace_folder() / "caches").glob("*/clips.parquet"))


def list_unfinished_caches() -> list[Path]:
    """List the caches for which `preprocess` is running or was interrupted."""
    started = {path.parent for path in (workspace_folder() / "caches").glob("*/entries")}
    return sorted(started - set(list_finished_caches()))


def read_chosen_models() -> list[str] | None:
    """Return the names of the models that new sessions start with.

    None if none were chosen, or the file is damaged (see `describe_chosen_models_error`).
    """
    try:
        return _load_chosen_models()
    except DamagedFileError:
        return None


def describe_chosen_models_error() -> str:
    """Explain why the names of the chosen models cannot be read; empty if they can."""
    try:
        _load_chosen_models()
    except DamagedFileError as error:
        return str(error)
    return ""


def _load_chosen_models() -> list[str] | None:
    """Read the names of the chosen models, or None. Raises DamagedFileError if the file is invalid."""
    path = workspace_folder() / CHOSEN_MODELS_FILE
    if not exists_as_file_or_link(path):
        return None
    names = read_json(path, list)
    if not all(map(is_text, names)):
        raise DamagedFileError(f"{path} is damaged: it contains values that are not names of models.")
    return names


def write_chosen_models(names: Sequence[str]) -> None:
    """Store the names of the models that new sessions start with."""
    workspace_folder().mkdir(parents=True, exist_ok=True)
    write_json(workspace_folder() / CHOSEN_MODELS_FILE, list(names))


def rename_chosen_model(old: str, new: str) -> None:
    """Replace the name of a model that new sessions start with; nothing if it is not one of them."""
    chosen = read_chosen_models() or []
    if old in chosen:
        write_chosen_models([new if name == old else name for name in chosen])


def list_prediction_tables() -> list[Path]:
    """List the predictions tables below `workspace/predictions`."""
    return sorted((workspace_folder() / "predictions").glob("*.parquet"))
