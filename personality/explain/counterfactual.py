"""What a model would say if it had been told another gender, age or expression of the same person."""

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

AGE_CHANGE_YEARS = 20.0  # by how much the age is changed, both ways


def vary_handcrafted(sample: Sample) -> Iterator[tuple[str, Sample]]:
    """The sample with one handcrafted input changed at a time, each with what was changed, in words."""
    for gender in GENDERS:
        if gender != sample.gender:
            yield f"gender: {gender}", replace(sample, gender=gender)
    if sample.age is not None:
        for years in (max(0.0, sample.age - AGE_CHANGE_YEARS), sample.age + AGE_CHANGE_YEARS):
            yield f"age: {years:.0f}", replace(sample, age=years)
    for place, emotion in enumerate(EMOTIONS):
        yield f"expression: {emotion} only", replace(sample, emotions=np.eye(len(EMOTIONS), dtype=np.float32)[place])


def compute_counterfactuals(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """What changes in each model's traits when one handcrafted input is changed, faces and sound being the same:
    columns model, change, trait, value, difference. Models that take no handcrafted inputs, or
    cannot speak on this clip, are left out, and all of them where no face was found.

    Only what a model is told changes: nothing here says how the person would look.
    """
    from personality.models.batching import explain_missing_inputs

    able = [model for model in models if len(sample.faces) and not explain_missing_inputs(model.network.needs, sample)]
    told_so = [model for model in able if has_handcrafted_input(model.network)]
    rows = [(model.name, *cells) for model in told_so for cells in _compare_counterfactuals(sample, model)]
    return pd.DataFrame(rows, columns=["model", "change", "trait", "value", "difference"])


def has_handcrafted_input(network: Network) -> bool:
    """Whether a network, or a branch of it, is told the handcrafted inputs."""
    return "handcrafted" in network.needs.inputs


def _compare_counterfactuals(sample: Sample, model: Model) -> Iterator[tuple[str, str, float, float]]:
    """Change, trait, value and difference of one model."""
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
