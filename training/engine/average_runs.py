"""Average runs that differ in their seed, as one model whose spread is calibrated on the validation split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from personality.constants import PREPROCESSING
from personality.models.checkpoint import Model, load_model, save_card, save_weights
from personality.models.factory import build_network
from personality.models.kernel_ensemble import KERNEL_PRESET, BranchBlend
from personality.models.network import Network
from personality.network_options import NetworkDesign
from training.data.dataloader import LabelledSplit, TrainingError, compute_features
from training.engine.context import RunContext, prepare_run
from training.engine.model_card import make_run_card
from training.runs.run import Run

STRETCH_BOUNDS = (0.5, 2.0)  # limits of the calibration factor; with a small split it could be negative


def average_runs(folders: Sequence[Path], out: Path) -> dict[str, float]:
    """Write the average of finished runs as a model that joins them.

    The average of regularized networks varies too little. Therefore, deviations from the training mean are multiplied
    by the factor that fits the validation labels best (least squares), separately for each trait.

    Parameters
    ----------
    folders : sequence of Path
        Two or more runs whose options and data are the same except for the seed.
    out : Path
        Folder of the model, which refers to the runs by relative paths.

    Returns
    -------
    dict of str to float
        Validation accuracy of the average, as `average`, and of each run by name.

    Raises
    ------
    TrainingError
        There are fewer than two runs, or they differ in more than the seed.
    """
    models, context = _load_runs(folders)
    labels = context.validation.labels
    predicted = torch.stack([_predict(model.network, context, context.validation) for model in models])
    means = context.training.labels.mean(0)
    stretch = fit_stretch(predicted.mean(0) - means, labels - means)
    network = build_network(
        "fusion", preset=KERNEL_PRESET, activation="relu", branches={_name(one): one.network for one in models}
    )
    assert isinstance(network, BranchBlend)
    network.set_output_layer(means, [stretch / len(models)] * len(models))
    save_weights(out, network)
    averaged = (means + stretch * (predicted.mean(0) - means)).clamp(0, 1)
    _write_card(out, context, averaged, stretch, models)
    each = {model.name: one for model, one in zip(models, predicted, strict=True)}
    return {name: 1 - (one - labels).abs().mean().item() for name, one in {"average": averaged, **each}.items()}


def fit_stretch(deviations: Tensor, labels: Tensor) -> Tensor:
    """Return the factor (5,) with which deviations from the mean (N, 5) fit those of the labels best, within limits."""
    factor = (deviations * labels).sum(0) / deviations.square().sum(0).clamp(min=1e-9)
    return factor.clamp(*STRETCH_BOUNDS)


def _load_runs(folders: Sequence[Path]) -> tuple[list[Model], RunContext]:
    if len(set(folders)) < 2:
        raise TrainingError(f"An average requires two or more runs; got {len(set(folders))}.")
    models = [load_model(folder) for folder in folders]
    first = models[0].card
    for model in models[1:]:
        options = model.card["config"] | {"seed": first["seed"]}
        if (options, model.card["data"]) != (first["config"], first["data"]):
            raise TrainingError(f"{model.name} and {models[0].name} differ in more than the seed.")
    return models, prepare_run(Run(folders[0]))


def _name(model: Model) -> str:
    return f"seed_{model.card['seed']}"


@torch.inference_mode()
def _predict(network: Network, context: RunContext, split: LabelledSplit) -> Tensor:
    network.to(context.device).eval()
    features = compute_features(network, context.cache, split, PREPROCESSING.faces, context.device)
    predicted = network.head(features.to(context.device)).cpu()
    network.cpu()
    return predicted


def _write_card(out: Path, context: RunContext, predicted: Tensor, stretch: Tensor, models: Sequence[Model]) -> None:
    own: dict[str, Any] = {
        "modality": "fusion",
        "preset": KERNEL_PRESET,
        "activation": "relu",
        "table": None,
        "tables": {},
    }
    own |= {"design": asdict(NetworkDesign()), "calibration": {"stretch": stretch.tolist(), "split": "validation"}}
    card = make_run_card(context, predicted, best_epoch=0) | own
    save_card(out, card, {_name(model): model for model in models})
