"""The state of a run on disk, written after every epoch: weights, moments of the optimiser and progress."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import asdict, dataclass, field

from safetensors.torch import save
from torch import Tensor

from personality.models.checkpoint import MODEL_WEIGHTS_FILE, save_weights
from personality.utils.atomic_files import write_bytes
from training import distributed
from training.engine.context import RunContext
from training.engine.epoch import Learner
from training.engine.optimizer_state import optimiser_tensors, read_tensors, select_by_prefix
from training.runs.run import RUN_STATE_FILE


@dataclass
class RunProgress:
    """Where a run is.

    epoch counts over all stages; best is the lowest validation loss of the run (or the last, where that is kept), of
    the epoch best_epoch with best_accuracy; waited counts the epochs of this stage since its own best; averaged the
    steps that the average of the weights has seen.
    """

    stage: int = 0
    epoch: int = 0
    stage_epoch: int = 0
    best: float = math.inf
    best_epoch: int = -1
    stage_best: float = math.inf
    waited: int = 0
    best_accuracy: float = math.nan
    averaged: int = 0
    ended: dict[str, str] = field(default_factory=dict)


def save_epoch(parts: RunContext, learner: Learner, progress: RunProgress) -> None:
    """Store the state, then the weights if they are the best so far; the first process does, the others wait.

    If the process is killed between the two, `load_state` writes the best weights from the state.
    """
    if not distributed.rank():
        save_state(parts, learner, progress)
        if progress.best_epoch == progress.epoch - 1:
            with learner.averaged_weights:
                save_weights(parts.run.folder, parts.network)
    distributed.wait_for_processes()


def load_best_weights(parts: RunContext) -> None:
    """Load the stored weights of the best epoch into the network."""
    tensors, _ = read_tensors(parts.run.folder / MODEL_WEIGHTS_FILE)
    weights = {name: one.float() if one.is_floating_point() else one for name, one in tensors.items()}
    parts.network.load_state_dict(weights, strict=False)


def save_state(parts: RunContext, learner: Learner, progress: RunProgress) -> None:
    """Write weights, their average, the moments of the optimiser and the progress to one file."""
    tensors = {f"network.{name}": tensor for name, tensor in parts.network.stored_tensors().items()}
    tensors |= optimiser_tensors(learner.optimiser)
    if learner.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in learner.average.tensors.items()}
        progress.averaged = learner.average.steps
    data = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(parts.run.folder / RUN_STATE_FILE, save(data, {"progress": json.dumps(asdict(progress))}))


def load_state(parts: RunContext) -> tuple[RunProgress, dict[str, Tensor] | None]:
    """Load the weights into the network; returns the progress and the tensors for `restore_optimiser`, None for a new
    run."""
    path = parts.run.folder / RUN_STATE_FILE
    if not path.exists():
        return RunProgress(), None
    tensors, facts = read_tensors(path)
    progress = RunProgress(**json.loads(facts["progress"]))
    parts.network.load_state_dict(select_by_prefix(tensors, "network."), strict=False)
    if progress.best_epoch == progress.epoch - 1 and not distributed.rank():
        averaged_network = copy.deepcopy(parts.network)
        averaged_network.load_state_dict(select_by_prefix(tensors, "average."), strict=False)
        save_weights(parts.run.folder, averaged_network)
    parts.run.log(f"resumed after epoch {progress.epoch}")
    return progress, tensors
