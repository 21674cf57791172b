"""Baselines that use neither image nor sound: the training mean, and the labels of other clips of the same source."""

from __future__ import annotations

import pandas as pd

from personality.dataset.index import SPLITS
from personality.traits import TRAIT_NAMES


def training_means(clips: pd.DataFrame) -> dict[str, float]:
    """Return the mean label per trait over the training split, which the mean baseline always predicts."""
    training = clips[clips["split"].eq("training")]
    return {trait: float(training[trait].mean()) for trait in TRAIT_NAMES}


def same_source_baseline(clips: pd.DataFrame, split: str) -> pd.DataFrame:
    """Predict the clips of a split from the labels of other clips of the same source.

    The labels used are those of the splits before this one, or of the other training clips for the training split. The
    mean of the n labels of a source is shrunken towards the training mean with the weight n / (n + k), where k is the
    variance within sources divided by the variance between sources. A source without labels gets the training mean.

    Parameters
    ----------
    clips
        All clips: clip, source, split and five traits (NaN without labels).
    split
        The split to predict.

    Returns
    -------
    pandas.DataFrame
        Five traits, indexed by clip.

    References
    ----------
    Efron, B. and Morris, C. (1975): Data analysis using Stein's estimator and its generalizations. Journal of the
    American Statistical Association 70, 311-319.
    """
    labelled = clips.dropna(subset=list(TRAIT_NAMES))
    before = SPLITS[: max(1, SPLITS.index(split))] if split in SPLITS else SPLITS[:1]
    known = labelled[labelled["split"].isin(before)]
    target = clips[clips["split"].eq(split)]
    means, result = training_means(clips), {}
    for trait in TRAIT_NAMES:
        by_source = known.groupby("source")[trait]
        total = target["source"].map(by_source.sum()).fillna(0.0)
        count = target["source"].map(by_source.count()).fillna(0.0)
        if split in before:  # exclude the label of the clip itself
            own = target[trait].notna()
            total, count = total - target[trait].where(own, 0.0), count - own
        k = _shrinkage(known, trait)
        result[trait] = (total + k * means[trait]) / (count + k)
    return pd.DataFrame(result).set_axis(target["clip"], axis=0)


def _shrinkage(known: pd.DataFrame, trait: str) -> float:
    """Variance within sources divided by variance between sources, by one-way analysis of variance; large if sources
    do not differ."""
    groups = known.groupby("source")[trait]
    n, count = len(known), groups.ngroups
    if not 1 < count < n:
        return 1.0
    within = float(((known[trait] - groups.transform("mean")) ** 2).sum() / (n - count))
    sizes = groups.count()
    between = float((sizes * (groups.mean() - known[trait].mean()) ** 2).sum() / (count - 1))
    typical = (n - float((sizes**2).sum()) / n) / (count - 1)
    return within / max((between - within) / typical, 1e-6) if within > 0 else 1e-6
