"""The card of a trained model: its options, its training data, and its accuracy on validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from personality.analysis.jackknife import mean_intervals
from personality.constants import VERSION
from personality.dataset.dataset_card import default_dataset_card
from personality.inference.calibration import conformal_offsets, describe_labels
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from training.data.dataloader import LabelledSplit
from training.data.encoder_tables import describe_encoder_tables
from training.data.joined_cache import JoinedCache
from training.engine.context import RunContext, read_feature_columns


def make_run_card(context: RunContext, predicted: Tensor, *, best_epoch: int) -> dict[str, Any]:
    """Return the card of a model whose predictions for the validation split are `predicted` (N, 5)."""
    return {
        "modality": context.config.modality,
        "preset": context.config.preset,
        "activation": context.config.activation,
        "config": context.config.as_dict(),
        "seed": context.config.seed,
        "table": read_feature_columns(context.config, context.cache),
        "tables": describe_encoder_tables(context.config, context.cache),
        "design": asdict(context.config.design),
        "data": _describe_data(context),
        "licence": join_licences(context.cache),
        "training_clips": len(context.training.rows),
        "epoch": best_epoch + 1,
        "versions": {"personality": VERSION, "torch": torch.__version__, "numpy": np.__version__},
        "metrics": measure_validation_accuracy(predicted, context.validation),
        "training_labels": _per_trait(context.training.labels, describe_labels),
        "conformal": _conformal_offsets_by_trait(context, predicted),
    }


def _describe_data(context: RunContext) -> dict[str, Any]:
    """Return the facts of the datasets of the clips; `synthetic` is True only if all of them are."""
    facts = [_describe_dataset(cache) for cache in _list_caches(context.cache)]
    return {**facts[0], "synthetic": all(one["synthetic"] for one in facts), "extra": facts[1:]}


def join_licences(cache: Cache) -> str:
    """Return the license of the training data; caches made before version 0.2 did not record one."""
    cards = [one.card for one in _list_caches(cache)]
    each = [card.get("licence") or default_dataset_card(synthetic=card["synthetic"]).licence for card in cards]
    return " and ".join(dict.fromkeys(each))


def _list_caches(cache: Cache) -> list[Cache]:
    extra = cache.extra if isinstance(cache, JoinedCache) else None
    return [cache] if extra is None else [cache, extra]


def _describe_dataset(cache: Cache) -> dict[str, Any]:
    card = cache.card
    return {"name": card["dataset"], "fingerprint": card["fingerprint"], "synthetic": card["synthetic"]}


def _per_trait(values: Tensor, describe: Callable[[np.ndarray], list[float]]) -> dict[str, list[float]]:
    return {trait: describe(column) for trait, column in zip(TRAIT_NAMES, values.double().numpy().T, strict=True)}


def _conformal_offsets_by_trait(context: RunContext, predicted: Tensor) -> dict[str, list[float]]:
    """Return offsets of prediction intervals by trait, from validation clips whose sources are not in training."""
    sources = context.validation.sources
    unseen = ~np.isin(sources, context.training.sources)
    residuals = (context.validation.labels - predicted)[torch.from_numpy(unseen)]
    return _per_trait(residuals, lambda one: [round(bound, 4) for bound in conformal_offsets(one, sources[unseen])])


def measure_validation_accuracy(predicted: Tensor, validation: LabelledSplit) -> dict[str, Any]:
    """Validation accuracy: mean and per trait, with n, sources and a 95 % interval by leaving out sources; and R2."""
    errors = (predicted - validation.labels).abs().double().numpy()
    columns = np.column_stack([errors, errors.mean(1)])
    codes = np.unique(validation.sources, return_inverse=True)[1]
    low, high = mean_intervals(columns, codes)
    names = [*TRAIT_NAMES, "mean"]
    explained = compute_r2(predicted.double().numpy(), validation.labels.double().numpy())
    cells = zip(names, 1 - columns.mean(0), 1 - high, 1 - low, [*explained, explained.mean()], strict=True)
    traits = {
        name: {"accuracy": float(a), "low": _nan_to_none(b), "high": _nan_to_none(c), "r2": _nan_to_none(d)}
        for name, a, b, c, d in cells
    }
    facts = {"split": "validation", "n": len(errors), "sources": int(codes.max() + 1)}
    return {**facts, "accuracy": traits["mean"]["accuracy"], "traits": traits}


def compute_r2(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the share of the variance of labels (N, 5) that predictions explain, (5,); NaN if all labels are equal."""
    deviations = ((labels - labels.mean(0)) ** 2).sum(0)
    residuals = ((labels - predicted) ** 2).sum(0)
    return 1 - np.divide(residuals, deviations, out=np.full_like(residuals, np.nan), where=deviations > 0)


def _nan_to_none(value: float) -> float | None:
    """Return a number for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)
