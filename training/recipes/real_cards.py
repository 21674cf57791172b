"""The card of a model of real people: on whom it was trained, how good it is on people it never saw."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn import __version__ as sklearn_version

from personality import __version__
from personality.analysis.jackknife import mean_intervals
from personality.inference.calibration import conformal_offsets, describe_labels
from personality.models.kernel_ensemble import PRESET
from personality.models.network import Network
from personality.traits import TRAIT_NAMES
from training.data.dataloader import Split
from training.engine.model_card import measure
from training.recipes.microphone_augmentation import Microphones, vary
from training.recipes.real_data import VOICE, FirstImpressions, People, predict

LICENCE = "CC BY-NC 4.0 (labels and transcripts of First Impressions v2); not for commercial use"
TRAINED_ON = (
    "Trained on how {people:,} clips of {sources:,} YouTube videos of people speaking English appeared to paid raters, "
    "who compared clips in pairs (ChaLearn First Impressions v2)."
)
VARIANTS = 120  # settings that were compared on folds of training before these were chosen
GROUPED = ("gender", "age_group", "ethnicity")  # as annotators perceived them
SMALLEST_GROUP = 30  # clips
MEASURED_AGAINST = Microphones(equaliser=2.0, gain=6.0)


def make_card(
    facts: dict[str, Any], data: FirstImpressions, *, held_out: np.ndarray, network: Network
) -> dict[str, Any]:
    """The card of a model.

    Parameters
    ----------
    facts : dict
        What is known without measuring: modality, table, config, seed.
    data : FirstImpressions
        What it was trained on and is measured on.
    held_out : ndarray, shape (N, 5)
        Out-of-fold predictions for the training split; intervals are calibrated on them.
    network : Network
        The model as it is stored.
    """
    training, validation = data.people.split("training"), data.people.split("validation")
    unseen = ~np.isin(validation.sources, training.sources)
    means, predicted = training.labels.numpy().mean(0), predict(network, validation)
    offsets = calibrate(held_out, training)
    labels, folds = data.labels("training"), accuracy_on(held_out, training, means)
    return facts | {
        "preset": PRESET,
        "activation": "relu",  # every card names one; these networks have none
        "data": {"name": data.name, "fingerprint": data.fingerprint, "synthetic": False},
        "licence": LICENCE,
        "trained_on": describe_training(data.name, training),
        "training_clips": len(training.clips),
        "variants_tried": VARIANTS,
        "versions": versions(),
        "metrics": measure(
            torch.from_numpy(predicted),
            Split(validation.clips, validation.labels, torch.ones(len(validation.labels)), 0),
        ),
        "unseen": accuracy_on(predicted[unseen], validation.where(unseen), means) | {"folds": folds},
        "training_labels": {name: describe_labels(labels[name].to_numpy()) for name in TRAIT_NAMES},
        "conformal": offsets,
        "coverage": {
            "unseen": coverage(predicted[unseen], validation.where(unseen), offsets),
            "folds": coverage(held_out, training, offsets),
        },
        "spread": {name: round(float(one), 4) for name, one in zip(TRAIT_NAMES, predicted.std(0), strict=True)},
        "repeatability": {"microphones": microphone_shift(network, validation)} if _hears(network) else {},
    }


def describe_training(dataset: str, training: People) -> dict[str, Any]:
    """On whom a model was trained, in figures and in a sentence."""
    counts = {"clips": len(training.clips), "sources": len(set(training.sources))}
    text = TRAINED_ON.format(people=counts["clips"], sources=counts["sources"])
    return {"people": "real", "dataset": dataset, **counts, "text": text}


def versions() -> dict[str, str]:
    """Of what the model was made with."""
    return {
        "personality": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn_version,
    }


def accuracy_on(predicted: np.ndarray, people: People, means: np.ndarray) -> dict[str, Any]:
    """How good predictions (N, 5) are for people, beside always predicting `means` (5,): mean of five traits and per
    trait, with 95 % intervals by leaving out sources."""
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


def calibrate(held_out: np.ndarray, training: People) -> dict[str, list[float]]:
    """Offsets of 90 % prediction intervals, by trait, from out-of-fold predictions (N, 5)."""
    residuals = (training.labels.numpy() - held_out).astype(float)
    offsets = [conformal_offsets(column, training.sources) for column in residuals.T]
    return {name: [round(bound, 4) for bound in bounds] for name, bounds in zip(TRAIT_NAMES, offsets, strict=True)}


def coverage(predicted: np.ndarray, people: People, offsets: dict[str, list[float]]) -> dict[str, Any]:
    """How many labels lie in the intervals around predictions (N, 5): mean of five traits, of all clips and by group of
    each attribute, those of fewer than SMALLEST_GROUP clips left out."""
    low, high = np.array([offsets[name] for name in TRAIT_NAMES]).T
    labels = people.labels.numpy()
    inside = pd.Series(((labels >= predicted + low) & (labels <= predicted + high)).mean(1))
    found: dict[str, Any] = {"n": len(labels), "all": round(float(inside.mean()), 4)}
    for attribute in (name for name in GROUPED if name in people.clips):
        groups = inside.groupby(people.clips[attribute].to_numpy()).agg(["size", "mean"])
        large = groups[groups["size"] >= SMALLEST_GROUP]
        rows = zip(large.index, large["size"], large["mean"], strict=True)
        found[attribute] = {str(group): {"n": int(n), "coverage": round(float(share), 4)} for group, n, share in rows}
    return found


def _hears(network: Network) -> bool:
    return any(table == VOICE for table, _ in network.needs.tables)


def microphone_shift(network: Network, people: People) -> dict[str, float]:
    """How far predictions move when each voice is recorded by another microphone, beside how far they differ between
    people; means over traits."""
    columns, random = people.columns(VOICE), torch.Generator().manual_seed(0)
    varied = vary(people.batch.tables[VOICE], columns, MEASURED_AGAINST, random).numpy()
    before, after = predict(network, people), predict(network, people.with_table(VOICE, varied))
    shift, spread = np.abs(after - before).mean(0), before.std(0)
    figures = {"shift": shift.mean(), "spread": spread.mean(), "ratio": (shift / spread).mean()}
    facts = {"equaliser_db": MEASURED_AGAINST.equaliser, "gain_db": MEASURED_AGAINST.gain}
    return facts | {name: round(float(value), 4) for name, value in figures.items()}
