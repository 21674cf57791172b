"""Where a run is, on disk after every epoch: weights, the optimiser's moments and the place, in one file."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from personality.models.checkpoint import WEIGHTS, save_weights
from personality.models.network import Network
from personality.storage import write_bytes
from training.parts import Parts
from training.runs import STATE


@dataclass
class Progress:
    """Where a run is. epoch counts over all stages; best is the lowest validation loss of the run; waited counts the
    epochs of this stage since its own best."""

    stage: int = 0
    epoch: int = 0
    stage_epoch: int = 0
    best: float = math.inf
    best_epoch: int = -1
    stage_best: float = math.inf
    waited: int = 0
    ended: dict[str, str] = field(default_factory=dict)


def keep(parts: Parts, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Store the state, then the weights if they are the best so far.

    A death between the two is mended by `load_state`: the state's own weights are then the best.
    """
    save_state(parts, optimiser, progress)
    if progress.best_epoch == progress.epoch - 1:
        save_weights(parts.run.folder, parts.network)


def load_best(parts: Parts) -> None:
    """Put the stored weights of the best epoch into the network."""
    tensors = _tensors(parts.run.folder / WEIGHTS)
    _load_own(parts.network, {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})


def save_state(parts: Parts, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Weights, the optimiser's moments and where the run is, in one file."""
    tensors = {f"network.{name}": tensor for name, tensor in _own(parts.network).items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in moments.items() if value is not None}
    data = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(parts.run.folder / STATE, save(data, {"progress": json.dumps(asdict(progress))}))


def load_state(parts: Parts) -> tuple[Progress, dict[str, Tensor] | None]:
    """Where the run was, its weights put into the network, and the tensors for `restore`; None for a new run."""
    path = parts.run.folder / STATE
    if not path.exists():
        return Progress(), None
    with safe_open(path, "pt") as file:
        progress = Progress(**json.loads(file.metadata()["progress"]))
    tensors = _tensors(path)
    _load_own(parts.network, {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    if progress.best_epoch == progress.epoch - 1:
        save_weights(parts.run.folder, parts.network)
    parts.run.log(f"going on after epoch {progress.epoch}")
    return progress, tensors


def restore(optimiser: torch.optim.Optimizer, state: dict[str, Tensor] | None) -> None:
    """Give an optimiser the moments that `load_state` read."""
    if state is None:
        return
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def _own(network: Network) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("branches.")}


def _load_own(network: Network, tensors: dict[str, Tensor]) -> None:
    network.load_state_dict(tensors, strict=False)
