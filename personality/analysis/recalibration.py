"""Recalibration of predictions by group, cross-fitted over sources.

If a model overrates a group, labelled clips of other people in the group can be used to correct errors that they have
in common; disagreement of the raters remains. The correction requires the group of a person, so the app does not apply
it to single persons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from personality.analysis.group_assignment import ALL_CLIPS, assign_groups
from personality.analysis.model_comparison import compare_models
from personality.predictions.predictions_table import PredictionsError, check_predictions

RECALIBRATED, RECALIBRATED_BY_GROUP = "recalibrated", "recalibrated by group"  # suffixes of the names of models
SHRINKAGE_CLIPS = 10  # ridge penalty: a group with this many clips is shrunken by half
SOURCE_FOLDS = 2
RECALIBRATION_SEED = 0


def recalibrate(table: pd.DataFrame, by: Sequence[str], *, seed: int = RECALIBRATION_SEED) -> pd.DataFrame:
    """Recalibrate every model, once with one correction for all clips and once with one per group.

    Sources are split at random into two halves, and each half is corrected by regressions fitted on the other. For each
    trait, the ratings are regressed on the predictions; the lines of groups are shrunken towards the line of all clips
    (ridge regression with the penalty SHRINKAGE_CLIPS). Corrected predictions are clipped to [0, 1].

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes, as for `accuracy_by`. Clips of unknown group get the correction for all clips.
    seed
        Seed of the split of the sources.

    Returns
    -------
    pandas.DataFrame
        The predictions table with two more models for each, named `NAME (recalibrated)` and `NAME (recalibrated by
        group)`.

    Raises
    ------
    PredictionsError
        If the table is invalid, an attribute is not in it, or it has fewer than four sources.
    """
    table = check_predictions(table)
    sources = table["source"].unique()
    if len(sources) < 2 * SOURCE_FOLDS:
        raise PredictionsError(
            f"The table has {len(sources)} sources; recalibration requires at least {2 * SOURCE_FOLDS}."
        )
    fold_of_source = pd.Series(np.random.default_rng(seed).permutation(len(sources)) % SOURCE_FOLDS, sources)
    half, group = table["source"].map(fold_of_source), pd.Series(assign_groups(table, by).codes, table.index)
    added = []
    for name, groups in ((RECALIBRATED, pd.Series(-1, table.index)), (RECALIBRATED_BY_GROUP, group)):
        predicted = pd.Series(np.nan, table.index)
        for _, rows in table.groupby(["model", "trait", half], sort=False):
            others = table[table["model"].eq(rows["model"].iloc[0]) & table["trait"].eq(rows["trait"].iloc[0])]
            others = others.drop(rows.index)
            line = _fit_calibration_lines(others, groups[others.index])
            predicted[rows.index] = _apply_calibration_lines(rows, groups[rows.index], line)
        added.append(table.assign(model=table["model"].astype(str) + f" ({name})", predicted=predicted.clip(0, 1)))
    return pd.concat([table, *added], ignore_index=True)


def _fit_calibration_lines(rows: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """The regression of the ratings on the predictions: level and slope of all clips (the row -1, for clips of no
    known group), and of each group by its code, as the difference from those of all."""
    p, a = rows["predicted"].to_numpy(), rows["actual"].to_numpy()
    centre, spread = p.mean(), p.std()
    z = (p - centre) / (spread if spread > 0 else 1.0)
    codes = [code for code in groups.unique() if code >= 0]
    own = [np.where(groups.eq(code), 1.0, 0.0) for code in codes]
    x = np.column_stack([np.ones_like(z), z, *(column for one in own for column in (one, one * z))])
    penalty = np.diag([0.0, 0.0 if spread > 0 else 1.0, *[float(SHRINKAGE_CLIPS)] * (2 * len(codes))])
    found = np.linalg.solve(x.T @ x + penalty, x.T @ a).reshape(-1, 2)
    lines = pd.DataFrame(found, index=[-1, *codes], columns=["level", "slope"])
    return lines.assign(centre=centre, spread=spread if spread > 0 else 1.0)


def _apply_calibration_lines(rows: pd.DataFrame, groups: pd.Series, lines: pd.DataFrame) -> np.ndarray:
    every = lines.loc[-1]
    own = lines.drop(index=-1).reindex(groups)[["level", "slope"]].fillna(0.0).to_numpy()
    z = (rows["predicted"].to_numpy() - every["centre"]) / every["spread"]
    return every["level"] + own[:, 0] + (every["slope"] + own[:, 1]) * z


def recalibration_effects(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The effect of recalibration per group.

    Parameters
    ----------
    table
        The result of `recalibrate`.
    by
        The attributes that it was called with.

    Returns
    -------
    pandas.DataFrame
        A row per recalibrated model, trait and group (`all` for all clips): the columns of `compare_models` (accuracy
        minus that of the original model on the same clips), before (the name of the original model) and group.
    """
    names = table["model"].unique()
    assigned = assign_groups(table, by)
    parts = [(name, table[assigned.codes == code]) for code, name in enumerate(assigned.names)]
    rows = []
    for name, part in [(ALL_CLIPS, table), *parts]:
        for model in names:
            pair = part[part["model"].isin([model, f"{model} ({RECALIBRATED})", f"{model} ({RECALIBRATED_BY_GROUP})"])]
            if len(set(pair["model"])) > 1:
                rows.append(compare_models(pair, model).assign(before=model, group=name))
    return pd.concat(rows, ignore_index=True)
