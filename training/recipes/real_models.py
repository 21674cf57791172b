"""Train the models of real people on First Impressions: `python -m training real-models FOLDER`.

`voice` uses 26 voice descriptors, `words` the transcript, and `voice_words` is a weighted sum of both. All three are
trained on the training split. Their settings were selected by cross-validation within it, grouped by source; the
validation split is used only for the reported figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from sklearn.model_selection import GroupKFold

from personality.modalities import TEXT_TABLE, VOICE_TABLE
from personality.models.checkpoint import MODEL_WEIGHTS_FILE, Model, load_model, save_card, save_weights
from personality.models.factory import build_network
from personality.models.kernel_ensemble import KERNEL_PRESET, BranchBlend, KernelEnsemble
from personality.models.network import Network
from personality.predictions.assemble import build_predictions_table
from personality.predictions.prediction_files import write_predictions
from personality.traits import TRAIT_NAMES
from training.recipes.kernel_ridge import KernelRidgeSettings, fit_kernel_ridge
from training.recipes.microphone_augmentation import MicrophoneVariation, augment_microphone
from training.recipes.real_cards import make_real_model_card
from training.recipes.real_data import (
    ClipsWithFeatures,
    FirstImpressionsData,
    predict_trait_array,
    read_real_training_data,
)

REAL_MODEL_FOLDS = 5
BLEND_MODEL_NAME = "voice_words"
TRAINING_MICROPHONES = MicrophoneVariation(equaliser=4.0, gain=10.0)  # augmentation of the voice model


@dataclass(frozen=True)
class BranchRecipe:
    """A model of one table: its modality, table, settings, and augmentation."""

    modality: str
    table: str
    settings: KernelRidgeSettings
    microphones: MicrophoneVariation | None = None


BRANCH_RECIPES = {
    "voice": BranchRecipe(
        "features", VOICE_TABLE, KernelRidgeSettings(0.01, 1.0, {"": 100.0}, ("",), copies=4), TRAINING_MICROPHONES
    ),
    "words": BranchRecipe(
        "text", TEXT_TABLE, KernelRidgeSettings(0.03, 9.4, {"embedding": 15_000.0, "words": 470.0}, ("words",))
    ),
}


def train_real_models(folder: Path, out: Path, *, seed: int = 0, predictions: Path | None = None) -> list[str]:
    """Train and store the three models.

    Parameters
    ----------
    folder : Path
        The folder of First Impressions; see `read_real_training_data`.
    out : Path
        The folder in which a folder per model is written or replaced.
    seed : int
        Seed of the random Fourier features and of the microphones.
    predictions : Path or None
        A file (parquet) for a predictions table of the official validation split.

    Returns
    -------
    list of str
        A line of figures per model.

    Raises
    ------
    ValueError
        If the data cannot be read.
    """
    data = read_real_training_data(folder)
    models = make_real_models(data, out, seed)
    if predictions is not None:
        validation = data.clips_with_features.split("validation")
        predicted = {name: predict_trait_array(model.network, validation) for name, model in models.items()}
        write_predictions(make_predictions_table(predicted, validation, data.clips), predictions)
    return [format_model_figures(model) for model in models.values()]


def make_real_models(data: FirstImpressionsData, out: Path, seed: int) -> dict[str, Model]:
    """Fit, evaluate and store all models; return the loaded models by name."""
    training = data.clips_with_features.split("training")
    held_out = {name: predict_out_of_fold(name, training, seed) for name in BRANCH_RECIPES}
    models: dict[str, Model] = {}
    for name in BRANCH_RECIPES:
        fitted, facts = fit_branch(name, training, seed), _branch_card_facts(name, training, seed)
        models[name] = store_real_model(data, out / name, fitted, facts, held_out[name], {})
    weights, summed = predict_blend_out_of_fold(held_out, training)
    joined = blend_branches({name: models[name].network for name in BRANCH_RECIPES}, training, weights)
    facts = {"modality": "fusion", "table": None, "seed": seed}
    facts["config"] = {"weights": dict(zip(BRANCH_RECIPES, weights, strict=True))}
    return models | {BLEND_MODEL_NAME: store_real_model(data, out / BLEND_MODEL_NAME, joined, facts, summed, models)}


def _branch_card_facts(name: str, people: ClipsWithFeatures, seed: int) -> dict[str, Any]:
    branch = BRANCH_RECIPES[name]
    config = asdict(branch.settings) | {"microphones": branch.microphones and asdict(branch.microphones)}
    table = (branch.table, people.columns(branch.table))
    return {"modality": branch.modality, "table": table, "config": config, "seed": seed}


def store_real_model(
    data: FirstImpressionsData,
    folder: Path,
    network: Network,
    facts: dict[str, Any],
    held_out: np.ndarray,
    branches: dict[str, Model],
) -> Model:
    """Store a network with its card, whose figures are measured with the stored, half-precision weights."""
    save_weights(folder, network)
    network.load_state_dict(load_file(folder / MODEL_WEIGHTS_FILE), strict=False)
    card = make_real_model_card(facts, data, held_out=held_out, network=network)
    save_card(folder, card, branches)
    return load_model(folder)


def fit_branch(name: str, people: ClipsWithFeatures, seed: int) -> KernelEnsemble:
    """Fit a model of BRANCH_RECIPES."""
    branch = BRANCH_RECIPES[name]
    columns = people.columns(branch.table)
    network = build_network(branch.modality, preset=KERNEL_PRESET, activation="relu", table=(branch.table, columns))
    assert isinstance(network, KernelEnsemble)
    against = branch.microphones

    def varied(features: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        return augment_microphone(features, columns, against, random) if against else features

    fit_kernel_ridge(network, people.batch.tables[branch.table], people.labels, branch.settings, seed=seed, vary=varied)
    return network.eval()


def blend_branches(branches: dict[str, Network], people: ClipsWithFeatures, weights: tuple[float, ...]) -> BranchBlend:
    """Return the weighted sum of trained branches."""
    network = BranchBlend(branches)
    network.set_output_layer(people.labels.mean(0), weights)
    return network.eval()


def split_into_source_folds(people: ClipsWithFeatures) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield masks, bool (N,), of the training and test clips of each fold, which share no source."""
    for _, part in GroupKFold(REAL_MODEL_FOLDS, shuffle=True, random_state=0).split(
        people.sources, groups=people.sources
    ):
        held_out = np.isin(np.arange(len(people.sources)), part)
        yield ~held_out, held_out


def predict_out_of_fold(name: str, people: ClipsWithFeatures, seed: int) -> np.ndarray:
    """Predict each clip, (N, 5), with a branch that is trained on the other folds."""
    predicted = np.zeros((len(people.clips), len(TRAIT_NAMES)), np.float32)
    for used, held_out in split_into_source_folds(people):
        predicted[held_out] = predict_trait_array(fit_branch(name, people.where(used), seed), people.where(held_out))
    return predicted


def predict_blend_out_of_fold(
    held_out: dict[str, np.ndarray], people: ClipsWithFeatures
) -> tuple[tuple[float, ...], np.ndarray]:
    """Fit the weights of the branches by least squares to their out-of-fold predictions. Return the weights and the
    out-of-fold predictions, (N, 5), of the weighted sum, with weights from the other folds."""
    labels = people.labels.numpy()
    means = labels.mean(0)
    deviations = np.stack([predicted - means for predicted in held_out.values()], 2)  # (N, 5, branches)
    summed = np.zeros_like(labels)
    for used, left in split_into_source_folds(people):
        summed[left] = means + deviations[left] @ _fit_blend_weights(deviations[used], labels[used] - means)
    return tuple(round(float(weight), 3) for weight in _fit_blend_weights(deviations, labels - means)), summed.clip(
        0, 1
    )


def _fit_blend_weights(deviations: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(deviations.reshape(-1, deviations.shape[2]), targets.ravel(), rcond=None)[0]


def make_predictions_table(
    predicted: dict[str, np.ndarray], people: ClipsWithFeatures, clips: pd.DataFrame
) -> pd.DataFrame:
    """Return a predictions table of predictions, (N, 5) by model, on the clips of one split."""
    wide = [
        pd.DataFrame(values, columns=list(TRAIT_NAMES)).assign(clip=people.clips["clip"], model=name)
        for name, values in predicted.items()
    ]
    return build_predictions_table(pd.concat(wide, ignore_index=True), people.clips, clips)


def format_model_figures(model: Model) -> str:
    """Return the figures of a model as a line of text."""
    official, unseen = model.card["metrics"], model.card["unseen"]
    interval = f"[{unseen['low']:.4f}, {unseen['high']:.4f}]"
    known = f"{unseen['folds']['accuracy']:.4f} on folds (mean {unseen['folds']['mean_baseline']:.4f})"
    return (
        f"{model.name}: validation {official['accuracy']:.4f}; unseen sources {unseen['accuracy']:.4f} {interval} "
        f"(mean {unseen['mean_baseline']:.4f}, R2 {unseen['r2']:.3f}); {known}"
    )
