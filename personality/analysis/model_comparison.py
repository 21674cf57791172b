"""How much better one model is than another on the same clips, with an interval that pairs them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from personality.analysis.groups import TRAIT_MEAN
from personality.analysis.jackknife import mean_intervals
from personality.analysis.metrics import append_trait_mean
from personality.predictions.predictions_table import PredictionsError, to_prediction_arrays
from personality.traits import TRAIT_NAMES


def compare_models(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """One row per other model and trait (the five and `mean`): its accuracy minus that of the model `reference`.

    Only clips on which both speak count. Columns: model, trait, n, sources, difference, low, high; the 95 % interval
    is that of the differences of clips, by leaving out sources. Raises PredictionsError where the table has no such
    model, or no other.
    """
    scores = to_prediction_arrays(table)
    if reference not in scores.models or len(scores.models) < 2:
        raise PredictionsError(
            f"There is nothing to compare with {reference!r}; this table has {', '.join(scores.models)}."
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
            with np.errstate(invalid="ignore"):  # 0 of 0 where two models speak on no clip in common
                mean = np.nansum(better, axis=0) / present.sum(0)
            figures = {**counts, "difference": mean, "low": low, "high": high}
            parts.append(pd.DataFrame({"model": model, "trait": [*TRAIT_NAMES, TRAIT_MEAN], **figures}))
    return pd.concat(parts, ignore_index=True)
