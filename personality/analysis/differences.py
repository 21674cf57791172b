"""How much better one model is than another on the same clips, with an interval that pairs them."""

from __future__ import annotations

import pandas as pd

from personality.analysis.groups import PredictionsError, absolute_errors
from personality.analysis.intervals import DRAWS, SEED, mean_intervals, source_weights


def differences(table: pd.DataFrame, reference: str, *, draws: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """One row per other model and trait (the five and `mean`): its accuracy minus that of the model `reference`.

    Only clips on which both speak count. Columns: model, trait, n, sources, difference, low, high; the 95 % interval
    draws whole sources, and takes the difference within each draw. Raises PredictionsError where the table has no
    such model, or no other.
    """
    errors, source = absolute_errors(table)
    models = list(dict.fromkeys(errors.columns.get_level_values("model")))
    if reference not in models or len(models) < 2:
        raise PredictionsError(f"There is nothing to compare with {reference!r}; this table has {', '.join(models)}.")
    weights = source_weights(int(source.max()) + 1, draws=draws, seed=seed)
    parts = []
    for model in models:
        if model != reference:
            better = errors[reference] - errors[model]
            low, high = mean_intervals(better.to_numpy(), source, weights)
            present = better.notna()
            counts = {
                "n": present.sum().to_numpy(),
                "sources": [len(set(source[column])) for column in present.to_numpy().T],
            }
            figures = {**counts, "difference": better.mean().to_numpy(), "low": low, "high": high}
            parts.append(pd.DataFrame({"model": model, "trait": list(better.columns), **figures}))
    return pd.concat(parts, ignore_index=True)
