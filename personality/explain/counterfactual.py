"""Counterfactuals: how predictions change if the gender, age or expression given to a model changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.constants import PREPROCESSING
from personality.preprocessing.sample import Sample
from personality.traits import EMOTIONS, GENDERS, TRAIT_NAMES

if TYPE_CHECKING:
    from personality.models.checkpoint import Model
    from personality.models.network import Network

AGE_CHANGE_YEARS = 20.0  # years by which the age is increased and decreased


def vary_handcrafted(sample: Sample) -> Iterator[tuple[str, Sample]]:
    """Yield copies of the sample with one handcrafted input changed, each with a description of the change."""
    for gender in GENDERS:
        if gender != sample.gender:
            yield f"gender: {gender}", replace(sample, gender=gender)
    if sample.age is not None:
        for years in (max(0.0, sample.age - AGE_CHANGE_YEARS), sample.age + AGE_CHANGE_YEARS):
            yield f"age: {years:.0f}", replace(sample, age=years)
    for place, emotion in enumerate(EMOTIONS):
        yield f"expression: {emotion} only", replace(sample, emotions=np.eye(len(EMOTIONS), dtype=np.float32)[place])


def compute_counterfactuals(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of changing one handcrafted input of each model, with the same faces and sound.

    Only the model's input changes; this does not simulate how the person would look.

    Parameters
    ----------
    sample : Sample
        The clip.
    models : sequence of Model
        Models without handcrafted inputs, and models that cannot predict from the clip, are skipped.

    Returns
    -------
    DataFrame
        Columns model, change, trait, value, difference (changed minus original); empty if the clip has no face.
    """
    from personality.models.batching import explain_missing_inputs

    affected = [
        model
        for model in models
        if len(sample.faces)
        and has_handcrafted_input(model.network)
        and not explain_missing_inputs(model.network.needs, sample)
    ]
    rows = [(model.name, *cells) for model in affected for cells in _compare_counterfactuals(sample, model)]
    return pd.DataFrame(rows, columns=["model", "change", "trait", "value", "difference"])


def has_handcrafted_input(network: Network) -> bool:
    """Return whether a network, or one of its branches, reads the handcrafted inputs."""
    return "handcrafted" in network.needs.inputs


def _compare_counterfactuals(sample: Sample, model: Model) -> Iterator[tuple[str, str, float, float]]:
    """Yield change, trait, value and difference for one model."""
    import torch

    from personality.models.batching import make_batch

    with torch.inference_mode():
        batch = make_batch([sample], PREPROCESSING.faces, model.network.needs.seconds).shared()
        original = model.network(batch)[0]
        for change, other in vary_handcrafted(sample):
            changed = make_batch([replace(other, faces=sample.faces[:1])], 1).handcrafted
            assert changed is not None
            values = model.network(batch.with_input("handcrafted", changed))[0]
            differences = (values - original).tolist()
            for trait, value, difference in zip(TRAIT_NAMES, values.tolist(), differences, strict=True):
                yield change, trait, value, difference
