"""The stages of a run: epochs, early stopping, the weights of the best epoch, and resuming after any epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields

import torch
from torch import Tensor, nn

from personality.constants import PREPROCESSING
from personality.models.checkpoint import MODEL_WEIGHTS_FILE, save_card, save_weights
from personality.models.network import Batch, Network
from personality.traits import TRAIT_NAMES
from training import distributed
from training.config.losses import LOSS_FUNCTIONS
from training.config.run_config import Stage
from training.data.dataloader import (
    VALIDATION_FRAMES,
    ClipLoader,
    MicroBatch,
    compute_features,
    load_clip_batches,
    micro_batches_in_order,
)
from training.engine.context import RunContext
from training.engine.dry_run import perform_dry_run
from training.engine.loggers import make_loggers
from training.engine.model_card import make_run_card
from training.engine.process_memory import peak_memory_bytes
from training.engine.state_file import read_state, read_tensors, write_state
from training.engine.trainer import FitOptions, MicroBatchInputs, TrainedEpoch, Trainer
from training.runs.run import RUN_STATE_FILE, Run

HEAD_BATCH_CLIPS = 256  # clips per batch when predicting from stored features
HEARTBEAT_SECONDS = 5.0  # seconds between updates of the status within an epoch


@dataclass
class RunProgress:
    """The progress of a run, which is stored with its state.

    Attributes
    ----------
    stage : int
        Index of the current stage.
    earlier_epochs, epoch : int
        Finished epochs of earlier stages, and of the run.
    best, best_accuracy : float
        Validation loss and accuracy of the epoch whose weights are stored: the one with the lowest loss, or the last.
    best_epoch : int
        Index of this epoch; -1 before the first.
    stage_best : float
        Lowest validation loss of the current stage.
    waited : int
        Epochs of the current stage without improvement.
    ended : list of str
        Why each finished stage ended.
    """

    stage: int = 0
    earlier_epochs: int = 0
    epoch: int = 0
    best: float = math.inf
    best_accuracy: float = math.nan
    best_epoch: int = -1
    stage_best: float = math.inf
    waited: int = 0
    ended: list[str] = field(default_factory=list)

    def start_stage(self, number: int) -> None:
        """Start counting the epochs of a stage."""
        self.stage, self.earlier_epochs, self.stage_best, self.waited = number, self.epoch, math.inf, 0

    def include(self, loss: float, accuracy: float, *, kept_epoch: str) -> None:
        """Include an epoch with a validation loss and accuracy."""
        if loss < self.best or kept_epoch == "last":
            self.best, self.best_accuracy, self.best_epoch = loss, accuracy, self.epoch
        self.waited = 0 if loss < self.stage_best else self.waited + 1
        self.stage_best = min(self.stage_best, loss)
        self.epoch += 1


class StepModule(nn.Module):
    """Calls a network in a step, with clips or with their precomputed features."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Batch | Tensor) -> Tensor:
        """Return five traits (B, 5)."""
        return self.network(inputs) if isinstance(inputs, Batch) else self.network.head(inputs)


class RunTraining:
    """The training of one run: its prepared data and network, and its progress."""

    def __init__(self, run: Run, context: RunContext) -> None:
        self.run, self.context, self.progress = run, context, RunProgress()
        self._loggers = [] if distributed.rank() else make_loggers(run)
        self._trains_on = f"{context.training.digest} {context.validation.digest}"
        self._state = read_state(
            run.folder / RUN_STATE_FILE,
            trains_on=self._trains_on,
            otherwise=f"The clips or labels of {context.cache.folder} have changed since this run stopped; restore "
            "them, or start a new run.",
        )

    def train(self) -> None:
        """Train the remaining stages and write the model card."""
        try:
            self._train_stages()
            self._finish()
        finally:
            for logger in self._loggers:
                logger.close()

    def _train_stages(self) -> None:
        if self._state is None:
            self.run.log(perform_dry_run(self.context).report())
        else:
            self.progress = RunProgress(**self._state.facts["progress"])
            self.run.log(f"resumed after epoch {self.progress.epoch}")
        for number, stage in enumerate(self.context.config.stages):
            if number > self.progress.stage:
                self.progress.start_stage(number)
                self._load_best_weights()  # a stage starts from the best weights so far
            if number == self.progress.stage:
                self._train_stage(stage)

    def _train_stage(self, stage: Stage) -> None:
        patience = self.context.config.patience
        load, predict = self._use_features(stage) if stage.trains == "head" else self._use_clips(stage)
        trainer = make_trainer(self.context, stage, earlier_epochs=self.progress.earlier_epochs)
        if self._state is not None:
            trainer.restore(self._state)
            self._store_weights_if_best(trainer)  # a killed process may have stored only the state
            self._state = None
        if self.progress.waited < patience:
            for trained in trainer.train_epochs(load):
                self._evaluate_and_store(trainer, trained, predict)
                if self.progress.waited >= patience:
                    break
        stopped_early = self.progress.waited >= patience
        why = f"no better epoch in {patience}" if stopped_early else f"all {stage.epochs} epochs done"
        self.progress.ended.append(f"stage {self.progress.stage + 1} ({stage.trains}): {why}")

    def _use_clips(self, stage: Stage) -> tuple[Callable, Callable[[], Tensor]]:
        """Return functions that load the batches of an epoch, and that predict the validation split, from the clips."""
        context = self.context
        clips = ClipLoader(context.cache, context.training, context.config, context.network.needs, frames=stage.frames)

        def load(pieces: Iterator[MicroBatch], epoch: int) -> MicroBatchInputs:
            return self._beat(load_clip_batches(clips, pieces, context.device, epoch=epoch))

        return load, lambda: predict_clips(context, VALIDATION_FRAMES)

    def _use_features(self, stage: Stage) -> tuple[Callable, Callable[[], Tensor]]:
        """Return the same functions for features, computed once here; the first stage also fits the network to them."""
        network, cache, device = self.context.network, self.context.cache, self.context.device
        self.run.log("computing the features of the fixed layers once")
        features = compute_features(network, cache, self.context.training, stage.frames, device)
        validation = compute_features(network, cache, self.context.validation, VALIDATION_FRAMES, device)
        if self._state is None and self.progress.stage == 0:
            network.fit(features)

        def load(pieces: Iterator[MicroBatch], epoch: int) -> MicroBatchInputs:
            shares = ((piece, distributed.take_process_share(piece.rows)) for piece in pieces)
            return self._beat((piece, features[rows].to(device)) for piece, rows in shares)

        return load, lambda: predict_features(network, validation, device)

    def _beat(self, batches: MicroBatchInputs) -> MicroBatchInputs:
        """Yield the batches, and update the status regularly while they are used."""
        last, count = time.monotonic(), 0
        for piece, inputs in batches:
            yield piece, inputs
            count += len(piece.rows)
            if time.monotonic() - last > HEARTBEAT_SECONDS:
                self.run.write_status("running", done=count / len(self.context.training.rows))
                last = time.monotonic()

    def _evaluate_and_store(self, trainer: Trainer, trained: TrainedEpoch, predict: Callable[[], Tensor]) -> None:
        start = time.monotonic()
        with trainer.averaged_weights:
            # All processes use the predictions of the first one, so that they stop after the same epoch.
            metrics = self._evaluate(distributed.broadcast_from_first(predict()))
        seconds = trained.seconds + time.monotonic() - start
        speed = len(self.context.training.rows) / trained.seconds
        self._record_epoch({"loss": trained.loss, **metrics, "seconds": seconds, "clips_per_second": speed})
        if not distributed.rank():
            state = trainer.state(progress=asdict(self.progress))
            write_state(self.run.folder / RUN_STATE_FILE, state, trains_on=self._trains_on)
        self._store_weights_if_best(trainer)

    def _evaluate(self, predicted: Tensor) -> dict[str, float]:
        """Compute the metrics of predictions (N, 5) for the validation split, and include them in the progress."""
        labels, config = self.context.validation.labels, self.context.config
        loss = LOSS_FUNCTIONS[config.loss](predicted, labels, self.context.validation.weights).item()
        by_trait = 1 - (predicted - labels).abs().mean(0)
        accuracy = by_trait.mean().item()
        self.progress.include(loss, accuracy, kept_epoch=config.kept_epoch)
        each = zip(TRAIT_NAMES, by_trait.tolist(), strict=True)
        return {"validation_loss": loss, "accuracy": accuracy, **{f"accuracy_{trait}": value for trait, value in each}}

    def _record_epoch(self, metrics: dict[str, float]) -> None:
        """Add an epoch to the metrics, the log and the status."""
        progress, stages = self.progress, self.context.config.stages
        trains = stages[progress.stage].trains
        row = {"epoch": progress.epoch, "stage": progress.stage + 1, "trains": trains, **metrics}
        self.run.record_metrics(row)
        for logger in self._loggers:
            logger.add(row)
        summary = f"validation {metrics['validation_loss']:.4f}, accuracy {metrics['accuracy']:.4f}"
        self.run.log(f"epoch {progress.epoch}: loss {metrics['loss']:.4f}, {summary}")
        self.run.write_status(
            "running",
            epoch=progress.epoch,
            epochs=sum(stage.epochs for stage in stages),
            best_epoch=progress.best_epoch + 1,
            best_accuracy=progress.best_accuracy,
            done=0.0,  # share of the next epoch that is done
            device=distributed.device_name(self.context.device),
            memory=peak_memory_bytes(self.context.device),
        )

    def _store_weights_if_best(self, trainer: Trainer) -> None:
        """Store the weights of the last epoch if they are the best. Only the first process writes; the others wait."""
        if self.progress.best_epoch == self.progress.epoch - 1 and not distributed.rank():
            with trainer.averaged_weights:
                save_weights(self.run.folder, self.context.network)
        distributed.wait_for_processes()

    def _load_best_weights(self) -> None:
        """Load the stored half-precision weights of the best epoch into the network."""
        tensors, _ = read_tensors(self.run.folder / MODEL_WEIGHTS_FILE)
        weights = {name: one.float() if one.is_floating_point() else one for name, one in tensors.items()}
        self.context.network.load_state_dict(weights, strict=False)

    def _finish(self) -> None:
        """Write the card of the stored weights, and the final status."""
        self._load_best_weights()
        predicted = predict_clips(self.context, PREPROCESSING.faces)
        card = make_run_card(self.context, predicted, best_epoch=self.progress.best_epoch)
        if not distributed.rank():
            save_card(self.run.folder, card, self.context.branches)
        why = "; ".join(self.progress.ended)
        self.run.write_status("done", why=why, accuracy=card["metrics"]["accuracy"])
        distributed.wait_for_processes()


def make_trainer(context: RunContext, stage: Stage, *, earlier_epochs: int = 0) -> Trainer:
    """Make the trainer of a stage, and freeze the layers that the stage does not train."""
    config, network, training = context.config, context.network, context.training
    network.set_backbone_trainable(stage.trains == "all")
    if config.compile and stage.trains == "all" and network.backbone is not None:
        network.backbone.compile()

    def loss(predicted: Tensor, rows: Tensor) -> Tensor:
        labels, weights = (part[rows].to(predicted.device) for part in (training.labels, training.weights))
        return LOSS_FUNCTIONS[config.loss](predicted, labels, weights)

    common = {one.name: getattr(config, one.name) for one in fields(FitOptions) if hasattr(config, one.name)}
    return Trainer(
        StepModule(network),
        loss,
        len(training.rows),
        FitOptions(epochs=stage.epochs, rate=stage.rate, **common),
        tensors=network.stored_tensors(),
        averaged=None if stage.trains == "all" else network.head_tensors(),
        autocast=context.autocast,
        earlier_epochs=earlier_epochs,
    )


@torch.inference_mode()
def predict_features(network: Network, features: Tensor, device: torch.device) -> Tensor:
    """Predict traits (N, 5), on the CPU, from features (N, ...)."""
    network.eval()
    return torch.cat([network.head(part.to(device)).cpu() for part in features.split(HEAD_BATCH_CLIPS)])


@torch.inference_mode()
def predict_clips(context: RunContext, frames: int) -> Tensor:
    """Predict traits (N, 5), on the CPU, of the validation split with `frames` evenly spaced crops per clip."""
    network, cache, device = context.network.eval(), context.cache, context.device
    if not network.needs.inputs:
        return predict_features(network, compute_features(network, cache, context.validation, frames, device), device)
    clips = ClipLoader(cache, context.validation, context.config, network.needs, frames=frames)
    batches = load_clip_batches(clips, micro_batches_in_order(len(clips)), device, epoch=None)
    return torch.cat([distributed.gather_rows(network(batch), len(piece.rows)).cpu() for piece, batch in batches])
