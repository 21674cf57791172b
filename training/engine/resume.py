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
from training.data.dataloader import TrainingError
from training.engine.context import RunContext
from training.engine.epoch import Learner
from training.engine.optimizer_state import optimiser_tensors, read_tensors, select_by_prefix
from training.runs.run import RUN_STATE_FILE


@dataclass
class RunProgress:
    """The progress of a run, stored with its state.

    Attributes
    ----------
    stage : int
        Index of the current stage.
    epoch, stage_epoch : int
        Finished epochs of the run and of the current stage.
    best, best_accuracy : float
        Validation loss and accuracy of the epoch whose weights are stored: the one with the lowest loss, or the last.
    best_epoch : int
        Index of this epoch; -1 before the first.
    stage_best : float
        Lowest validation loss of the current stage.
    waited : int
        Epochs of the current stage without improvement.
    averaged : int
        Steps included in the average of the weights.
    ended : dict of str to str
        Why each finished stage ended, as text.
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


def save_epoch(context: RunContext, learner: Learner, progress: RunProgress) -> None:
    """Store the state, then the weights if they are the best so far. Only the first process writes; the others wait.

    If the process is killed between the two, `load_state` writes the best weights from the state.
    """
    if not distributed.rank():
        save_state(context, learner, progress)
        if progress.best_epoch == progress.epoch - 1:
            with learner.averaged_weights:
                save_weights(context.run.folder, context.network)
    distributed.wait_for_processes()


def load_best_weights(context: RunContext) -> None:
    """Load the stored weights of the best epoch into the network."""
    tensors, _ = read_tensors(context.run.folder / MODEL_WEIGHTS_FILE)
    weights = {name: one.float() if one.is_floating_point() else one for name, one in tensors.items()}
    context.network.load_state_dict(weights, strict=False)


def save_state(context: RunContext, learner: Learner, progress: RunProgress) -> None:
    """Write weights, their average, the moments of the optimiser and the progress to one file."""
    tensors = {f"network.{name}": tensor for name, tensor in context.network.stored_tensors().items()}
    tensors |= optimiser_tensors(learner.optimiser)
    if learner.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in learner.average.tensors.items()}
        progress.averaged = learner.average.steps
    data = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = {"progress": json.dumps(asdict(progress)), "data": _data_digest(context)}
    write_bytes(context.run.folder / RUN_STATE_FILE, save(data, facts))


def _data_digest(context: RunContext) -> str:
    return f"{context.training.digest} {context.validation.digest}"


def load_state(context: RunContext) -> tuple[RunProgress, dict[str, Tensor] | None]:
    """Load the weights into the network; returns the progress and the tensors for `restore_optimiser`, None for a new
    run. Raises TrainingError if the file is damaged, or the clips or labels have changed since it was written."""
    path = context.run.folder / RUN_STATE_FILE
    if not path.exists():
        return RunProgress(), None
    tensors, facts = read_tensors(path)
    if facts.get("data", _data_digest(context)) != _data_digest(context):  # states of older versions have no digest
        raise TrainingError(
            f"The clips or labels of {context.cache.folder} have changed since this run stopped; restore them, or "
            "start a new run."
        )
    progress = RunProgress(**json.loads(facts["progress"]))
    context.network.load_state_dict(select_by_prefix(tensors, "network."), strict=False)
    if progress.best_epoch == progress.epoch - 1 and not distributed.rank():
        averaged_network = copy.deepcopy(context.network)
        averaged_network.load_state_dict(select_by_prefix(tensors, "average."), strict=False)
        save_weights(context.run.folder, averaged_network)
    context.run.log(f"resumed after epoch {progress.epoch}")
    return progress, tensors
