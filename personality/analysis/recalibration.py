"""What helps: predictions corrected by group, from sources other than those that are judged.

A model that overrates a group can be corrected by what is known of other people of the group: its mistakes that are the
same for all of them can be taken away, what raters disagree on cannot. The correction needs to be told the group, so
the app never makes one for a single person.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from personality.analysis.group_assignment import ALL_CLIPS, assign_groups
from personality.analysis.model_comparison import compare_models
from personality.predictions.predictions_table import PredictionsError, check_predictions

RECALIBRATED, RECALIBRATED_BY_GROUP = "recalibrated", "recalibrated by group"  # what is added to a model's name
SHRINKAGE_CLIPS = 10  # clips that a group needs so that half of what sets it apart is believed
SOURCE_FOLDS = 2
RECALIBRATION_SEED = 0


def recalibrate(table: pd.DataFrame, by: Sequence[str], *, seed: int = RECALIBRATION_SEED) -> pd.DataFrame:
    """The table with two models more for each: corrected alike for all, and corrected by group.

    The sources are dealt into two halves, and each half is corrected by what the other shows. Of each trait, the
    ratings are regressed on the predictions; by group, each group's own line is shrunken towards the line of all
    (ridge regression, STRENGTH clips strong). Corrected predictions are kept in [0, 1].

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes, as in `group_assignment.assign_groups`; clips of no known group are corrected as all are.
    seed
        By which the sources are dealt.

    Raises
    ------
    PredictionsError
        As `check_predictions` and `assign_groups`, and where there are fewer than four sources.
    """
    table = check_predictions(table)
    sources = table["source"].unique()
    if len(sources) < 2 * SOURCE_FOLDS:
        raise PredictionsError(
            f"{len(sources)} sources; expected at least {2 * SOURCE_FOLDS}, to correct a half by another."
        )
    dealt = pd.Series(np.random.default_rng(seed).permutation(len(sources)) % SOURCE_FOLDS, sources)
    half, group = table["source"].map(dealt), pd.Series(assign_groups(table, by).codes, table.index)
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
    """What a correction changes for whom, from the table that `recalibrate` returns.

    A row per corrected model, trait and group (`all`: everyone): the columns of `compare_models` (the accuracy of the
    corrected model minus that of the one before, on the same clips, with its interval), before and group.
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
