"""The card of a model of real people: its training data and its accuracy on people that were not in training."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn import __version__ as sklearn_version

from personality.analysis.jackknife import mean_intervals
from personality.constants import VERSION
from personality.inference.calibration import conformal_offsets, describe_labels
from personality.modalities import VOICE_TABLE
from personality.models.kernel_ensemble import KERNEL_PRESET
from personality.models.network import Network
from personality.traits import TRAIT_NAMES
from training.data.dataloader import LabelledSplit
from training.engine.model_card import measure_validation_accuracy
from training.recipes.microphone_augmentation import MicrophoneVariation, augment_microphone
from training.recipes.real_data import ClipsWithFeatures, FirstImpressionsData, predict_trait_array

REAL_MODEL_LICENCE = "CC BY-NC 4.0 (labels and transcripts of First Impressions v2); not for commercial use"
REAL_TRAINED_ON_TEXT = (
    "Trained on how {people:,} clips of {sources:,} YouTube videos of people speaking English appeared to paid raters, "
    "who compared clips in pairs (ChaLearn First Impressions v2)."
)
COMPARED_SETTINGS_COUNT = 120  # settings compared on folds of the training split, from which these were selected
COVERAGE_ATTRIBUTES = ("gender", "age_group", "ethnicity")  # as perceived by annotators
MIN_COVERAGE_GROUP_CLIPS = 30  # clips; smaller groups are left out
TEST_MICROPHONES = MicrophoneVariation(equaliser=2.0, gain=6.0)


def make_real_model_card(
    facts: dict[str, Any], data: FirstImpressionsData, *, held_out: np.ndarray, network: Network
) -> dict[str, Any]:
    """Return the card of a model.

    Parameters
    ----------
    facts : dict
        Facts that are not measured: modality, table, config, seed.
    data : FirstImpressionsData
        The training and validation data.
    held_out : ndarray, shape (N, 5)
        Out-of-fold predictions for the training split, on which the intervals are calibrated.
    network : Network
        The model with its stored weights.
    """
    training, validation = data.clips_with_features.split("training"), data.clips_with_features.split("validation")
    unseen = ~np.isin(validation.sources, training.sources)
    means, predicted = training.labels.numpy().mean(0), predict_trait_array(network, validation)
    offsets = calibrate_trait_intervals(held_out, training)
    labels, folds = data.labels("training"), measure_accuracy_with_baseline(held_out, training, means)
    return facts | {
        "preset": KERNEL_PRESET,
        "activation": "relu",  # required on every card; these networks ignore it
        "data": {"name": data.name, "fingerprint": data.fingerprint, "synthetic": False},
        "licence": REAL_MODEL_LICENCE,
        "trained_on": describe_real_training(data.name, training),
        "training_clips": len(training.clips),
        "variants_tried": COMPARED_SETTINGS_COUNT,
        "versions": library_versions(),
        "metrics": measure_validation_accuracy(
            torch.from_numpy(predicted),
            LabelledSplit(validation.clips, validation.labels, torch.ones(len(validation.labels)), 0),
        ),
        "unseen": measure_accuracy_with_baseline(predicted[unseen], validation.where(unseen), means) | {"folds": folds},
        "training_labels": {name: describe_labels(labels[name].to_numpy()) for name in TRAIT_NAMES},
        "conformal": offsets,
        "coverage": {
            "unseen": measure_interval_coverage(predicted[unseen], validation.where(unseen), offsets),
            "folds": measure_interval_coverage(held_out, training, offsets),
        },
        "spread": {name: round(float(one), 4) for name, one in zip(TRAIT_NAMES, predicted.std(0), strict=True)},
        "repeatability": {"microphones": measure_microphone_shift(network, validation)}
        if _reads_voice(network)
        else {},
    }


def describe_real_training(dataset: str, training: ClipsWithFeatures) -> dict[str, Any]:
    """Describe the training data of a model in figures and in a sentence."""
    counts = {"clips": len(training.clips), "sources": len(set(training.sources))}
    text = REAL_TRAINED_ON_TEXT.format(people=counts["clips"], sources=counts["sources"])
    return {"people": "real", "dataset": dataset, **counts, "text": text}


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries used for training."""
    return {
        "personality": VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn_version,
    }


def measure_accuracy_with_baseline(
    predicted: np.ndarray, people: ClipsWithFeatures, means: np.ndarray
) -> dict[str, Any]:
    """Measure the accuracy of predictions, (N, 5), and of the mean baseline, which always predicts `means`, (5,): mean
    of five traits and per trait, with 95 % intervals by the jackknife over sources."""
    labels = people.labels.numpy()
    columns = np.hstack([1 - np.abs(predicted - labels), 1 - np.abs(means - labels)]).astype(float)
    columns = np.column_stack([columns, columns[:, :5].mean(1), columns[:, 5:].mean(1)])
    columns = np.column_stack([columns, columns[:, -2] - columns[:, -1]])
    codes = np.unique(people.sources, return_inverse=True)[1]
    low, high = mean_intervals(columns, codes)
    share = 1 - ((predicted - labels) ** 2).sum(0) / ((means - labels) ** 2).sum(0)
    mean = columns.mean(0)

    def figures(own: int, constant: int, r2: float) -> dict[str, float]:
        values = {"accuracy": mean[own], "low": low[own], "high": high[own], "mean_baseline": mean[constant], "r2": r2}
        return {name: round(float(value), 5) for name, value in values.items()}

    gain = {"value": mean[12], "low": low[12], "high": high[12]}
    return {
        "n": len(labels),
        "sources": len(set(people.sources)),
        **figures(10, 11, share.mean()),
        "gain": {name: round(float(value), 5) for name, value in gain.items()},
        "traits": {name: figures(number, number + 5, share[number]) for number, name in enumerate(TRAIT_NAMES)},
    }


def calibrate_trait_intervals(held_out: np.ndarray, training: ClipsWithFeatures) -> dict[str, list[float]]:
    """Compute the offsets of 90 % prediction intervals by trait from out-of-fold predictions, (N, 5)."""
    residuals = (training.labels.numpy() - held_out).astype(float)
    offsets = [conformal_offsets(column, training.sources) for column in residuals.T]
    return {name: [round(bound, 4) for bound in bounds] for name, bounds in zip(TRAIT_NAMES, offsets, strict=True)}


def measure_interval_coverage(
    predicted: np.ndarray, people: ClipsWithFeatures, offsets: dict[str, list[float]]
) -> dict[str, Any]:
    """Measure the share of labels within the intervals of predictions, (N, 5): mean of five traits, over all clips and
    by group of each attribute, without groups of few clips."""
    low, high = np.array([offsets[name] for name in TRAIT_NAMES]).T
    labels = people.labels.numpy()
    inside = pd.Series(((labels >= predicted + low) & (labels <= predicted + high)).mean(1))
    found: dict[str, Any] = {"n": len(labels), "all": round(float(inside.mean()), 4)}
    for attribute in (name for name in COVERAGE_ATTRIBUTES if name in people.clips):
        groups = inside.groupby(people.clips[attribute].to_numpy()).agg(["size", "mean"])
        large = groups[groups["size"] >= MIN_COVERAGE_GROUP_CLIPS]
        rows = zip(large.index, large["size"], large["mean"], strict=True)
        found[attribute] = {str(group): {"n": int(n), "coverage": round(float(share), 4)} for group, n, share in rows}
    return found


def _reads_voice(network: Network) -> bool:
    return any(table == VOICE_TABLE for table, _ in network.needs.tables)


def measure_microphone_shift(network: Network, people: ClipsWithFeatures) -> dict[str, float]:
    """Measure how much simulated microphones change predictions (mean absolute change), and how much predictions vary
    over people (standard deviation); means over traits."""
    columns, random = people.columns(VOICE_TABLE), torch.Generator().manual_seed(0)
    varied = augment_microphone(people.batch.tables[VOICE_TABLE], columns, TEST_MICROPHONES, random).numpy()
    before, after = (
        predict_trait_array(network, people),
        predict_trait_array(network, people.with_table(VOICE_TABLE, varied)),
    )
    shift, spread = np.abs(after - before).mean(0), before.std(0)
    figures = {"shift": shift.mean(), "spread": spread.mean(), "ratio": (shift / spread).mean()}
    facts = {"equaliser_db": TEST_MICROPHONES.equaliser, "gain_db": TEST_MICROPHONES.gain}
    return facts | {name: round(float(value), 4) for name, value in figures.items()}
