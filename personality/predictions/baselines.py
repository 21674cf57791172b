"""What a system that sees neither picture nor sound would say: the constant, and a lookup of the same source."""

from __future__ import annotations

import pandas as pd

from personality.dataset.index import SPLITS
from personality.traits import TRAIT_NAMES


def training_means(clips: pd.DataFrame) -> dict[str, float]:
    """The mean label per trait over the training split: what the constant baseline always says."""
    training = clips[clips["split"].eq("training")]
    return {trait: float(training[trait].mean()) for trait in TRAIT_NAMES}


def same_source_baseline(clips: pd.DataFrame, split: str) -> pd.DataFrame:
    """For each clip of a split what people said of other clips of its source, shrunken towards the training mean:
    five traits, indexed by clip.

    clips: clip, source, split and five traits (NaN without labels). Known are the labelled clips of the splits before
    this one; of the training split, the other training clips. The mean of a source's n known labels counts n / (n + k)
    with k the variance within sources by that between them (empirical Bayes, as in Efron and Morris 1975): a source
    without known clips is given the training mean.
    """
    labelled = clips.dropna(subset=list(TRAIT_NAMES))
    # A lookup knows the splits before the one that it is asked about.
    before = SPLITS[: max(1, SPLITS.index(split))] if split in SPLITS else SPLITS[:1]
    known = labelled[labelled["split"].isin(before)]
    asked = clips[clips["split"].eq(split)]
    means, result = training_means(clips), {}
    for trait in TRAIT_NAMES:
        by_source = known.groupby("source")[trait]
        total = asked["source"].map(by_source.sum()).fillna(0.0)
        count = asked["source"].map(by_source.count()).fillna(0.0)
        if split in before:  # the clip itself is among the known ones
            own = asked[trait].notna()
            total, count = total - asked[trait].where(own, 0.0), count - own
        k = _shrinkage(known, trait)
        result[trait] = (total + k * means[trait]) / (count + k)
    return pd.DataFrame(result).set_axis(asked["clip"], axis=0)


def _shrinkage(known: pd.DataFrame, trait: str) -> float:
    """Variance within sources by variance between them, from one analysis of variance; large where sources do not
    differ."""
    groups = known.groupby("source")[trait]
    n, count = len(known), groups.ngroups
    if not 1 < count < n:
        return 1.0
    within = float(((known[trait] - groups.transform("mean")) ** 2).sum() / (n - count))
    sizes = groups.count()
    between = float((sizes * (groups.mean() - known[trait].mean()) ** 2).sum() / (count - 1))
    typical = (n - float((sizes**2).sum()) / n) / (count - 1)
    return within / max((between - within) / typical, 1e-6) if within > 0 else 1e-6
