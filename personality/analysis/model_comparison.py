"""Paired comparison of the accuracy of models on the same clips."""

from __future__ import annotations

import numpy as np
import pandas as pd

from personality.analysis.groups import TRAIT_MEAN
from personality.analysis.jackknife import mean_intervals
from personality.analysis.metrics import append_trait_mean
from personality.predictions.predictions_table import PredictionsError, to_prediction_arrays
from personality.traits import TRAIT_NAMES


def compare_models(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Compare the accuracy of every other model with that of a reference model.

    Parameters
    ----------
    table
        A predictions table.
    reference
        The name of a model.

    Returns
    -------
    pandas.DataFrame
        A row per other model and trait (the five and `mean`): model, trait, n, sources, difference (its accuracy minus
        that of the reference, on clips with predictions of both), low, high (95 % interval of the paired differences,
        clustered by source).

    Raises
    ------
    PredictionsError
        If the table does not have the model, or no other model.
    """
    scores = to_prediction_arrays(table)
    if reference not in scores.models or len(scores.models) < 2:
        raise PredictionsError(
            f"Cannot compare with the model {reference!r}; expected one of at least two models, this table has "
            f"{', '.join(scores.models)}."
        )
    errors = np.abs(scores.predicted - scores.actual[:, None])
    known = errors[:, scores.models.index(reference)]
    parts = []
    for number, model in enumerate(scores.models):
        if model != reference:
            better = append_trait_mean(known - errors[:, number])
            low, high = mean_intervals(better, scores.source_codes)
            present = ~np.isnan(better)
            counts = {
                "n": present.sum(0),
                "sources": [len(np.unique(scores.source_codes[column])) for column in present.T],
            }
            with np.errstate(invalid="ignore"):  # 0 / 0 for two models without clips in common
                mean = np.nansum(better, axis=0) / present.sum(0)
            figures = {**counts, "difference": mean, "low": low, "high": high}
            parts.append(pd.DataFrame({"model": model, "trait": [*TRAIT_NAMES, TRAIT_MEAN], **figures}))
    return pd.concat(parts, ignore_index=True)
