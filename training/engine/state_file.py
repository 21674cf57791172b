"""Write and read the state of a `Trainer`, which is stored after every epoch; the format is the same for all models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from personality.constants import VERSION
from personality.utils.atomic_files import write_bytes
from training.data.dataloader import TrainingError

STATE_FORMAT = 2  # format 1, of development versions before 0.2.0, stored no number


@dataclass(frozen=True)
class TrainingState:
    """Tensors by name, and `facts`: all other values, which JSON can store exactly."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def select(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names start with the prefix, by the rest of their names."""
        return {name.removeprefix(prefix): one for name, one in self.tensors.items() if name.startswith(prefix)}


def write_state(path: Path, state: TrainingState, *, trains_on: str) -> None:
    """Write a state atomically. trains_on: identifier of the data and options, which `read_state` compares."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    facts = {"format": STATE_FORMAT, "version": VERSION, "trains_on": trains_on, **state.facts}
    write_bytes(path, save(tensors, {"facts": json.dumps(facts)}))


def read_state(path: Path, *, trains_on: str, otherwise: str) -> TrainingState | None:
    """Read a state; None if there is none.

    Raises TrainingError if it is damaged or has another format; and with the text `otherwise` if it was written for
    other data or options.
    """
    if not path.exists():
        return None
    tensors, metadata = read_tensors(path)
    facts = json.loads(metadata.get("facts", "{}"))
    if facts.get("format") != STATE_FORMAT:
        raise TrainingError(f"{path} was written by another version, and {VERSION} cannot resume it; start again.")
    if facts["trains_on"] != trains_on:
        raise TrainingError(otherwise)
    return TrainingState(tensors, facts)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and metadata of a safetensors file. Raises TrainingError if it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        raise TrainingError(f"{path} is damaged, so this run cannot be resumed; start a new one.") from error
