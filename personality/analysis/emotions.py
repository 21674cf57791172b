"""The thesis's two views of emotions: which traits go best and worst with each, and how sure the detector is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from personality.analysis.groups import MEAN
from personality.traits import EMOTIONS

CONFIDENCE_STEPS = np.linspace(0, 1, 6)


def best_and_worst(rows: pd.DataFrame, *, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Per emotion the trait and model of highest and of lowest accuracy, from `accuracy_by(table, ["emotion"])`.

    without: models that are not considered. Columns: emotion, n, best, best_model, best_accuracy, best_low,
    best_high, worst, ...; emotions without clips are left out.
    """
    kept = rows[~rows["model"].isin(without) & rows["trait"].ne(MEAN) & rows["n"].gt(0)]
    result = []
    for emotion, cell in kept.groupby("group", sort=False):
        best, worst = cell.loc[cell["accuracy"].idxmax()], cell.loc[cell["accuracy"].idxmin()]
        entry = {"emotion": emotion, "n": int(cell["n"].max())}
        for name, row in (("best", best), ("worst", worst)):
            entry |= {name: row["trait"], f"{name}_model": row["model"]}
            entry |= {f"{name}_{part}": row[part] for part in ("accuracy", "low", "high")}
        result.append(entry)
    return pd.DataFrame(result)


def confidence_histogram(clips: pd.DataFrame) -> pd.DataFrame:
    """Clips per dominant emotion and range of its confidence: columns emotion, range, n; empty cells kept."""
    labels = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(CONFIDENCE_STEPS)]
    ranges = pd.cut(clips["emotion_confidence"], CONFIDENCE_STEPS, labels=labels, include_lowest=True)
    cells = pd.MultiIndex.from_product([EMOTIONS, labels], names=["emotion", "range"])
    counts = pd.DataFrame({"emotion": clips["emotion"], "range": ranges.astype("string")}).value_counts()
    return counts.reindex(cells, fill_value=0).rename("n").reset_index()
