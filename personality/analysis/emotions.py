"""Results by emotion, as in the thesis: the best and worst trait of each, and the confidence of the detector."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from personality.analysis.groups import TRAIT_MEAN
from personality.traits import EMOTIONS

CONFIDENCE_BIN_EDGES = np.linspace(0, 1, 6)


def best_and_worst_traits(rows: pd.DataFrame, *, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """The trait and model with the highest and the lowest accuracy for each emotion.

    Parameters
    ----------
    rows
        `accuracy_by(table, ["emotion"])`.
    without
        Models to exclude.

    Returns
    -------
    pandas.DataFrame
        A row per emotion with clips: emotion, n, best, best_model, best_accuracy, best_low, best_high, worst, ...
    """
    kept = rows[~rows["model"].isin(without) & rows["trait"].ne(TRAIT_MEAN) & rows["n"].gt(0)]
    cells = kept.groupby("group", sort=False)
    parts = [cells["n"].max().rename_axis("emotion").reset_index()]
    for name, places in (("best", cells["accuracy"].idxmax()), ("worst", cells["accuracy"].idxmin())):
        called = {"trait": name, **{part: f"{name}_{part}" for part in ("model", "accuracy", "low", "high")}}
        parts.append(kept.loc[places, list(called)].rename(columns=called).reset_index(drop=True))
    return pd.concat(parts, axis=1)


def confidence_histogram(clips: pd.DataFrame) -> pd.DataFrame:
    """Clips per dominant emotion and range of its confidence: columns emotion, range, n. Includes empty ranges."""
    labels = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(CONFIDENCE_BIN_EDGES)]
    ranges = pd.cut(clips["emotion_confidence"], CONFIDENCE_BIN_EDGES, labels=labels, include_lowest=True)
    cells = pd.MultiIndex.from_product([EMOTIONS, labels], names=["emotion", "range"])
    counts = pd.DataFrame({"emotion": clips["emotion"], "range": ranges.astype("string")}).value_counts()
    return counts.reindex(cells, fill_value=0).rename("n").reset_index()
