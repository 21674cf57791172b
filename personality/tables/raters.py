"""Average of several ratings per clip, and the agreement of raters."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RaterAgreement:
    """ICC(1,1) and ICC(1,k) by trait, NaN if undefined, and the mean number of ratings per clip."""

    ratings_per_clip: float
    single_rater_icc: dict[str, float]
    mean_rating_icc: dict[str, float]

    def describe_agreement(self) -> str:
        """The agreement as one line of text."""
        parts = [
            f"{trait} {self.single_rater_icc[trait]:.2f} and {self.mean_rating_icc[trait]:.2f}"
            for trait in self.single_rater_icc
        ]
        return (
            f"{self.ratings_per_clip:.3g} ratings per clip were averaged; agreement of raters, ICC(1,1) and ICC(1,k): "
            f"{', '.join(parts)}"
        )


def average_ratings(table: pd.DataFrame, traits: list[str]) -> tuple[pd.DataFrame, RaterAgreement | None]:
    """Average the ratings of each clip.

    Parameters
    ----------
    table
        A row per clip and rater: clip, traits (float64), other columns.
    traits
        The columns to average.

    Returns
    -------
    table : pandas.DataFrame
        A row per clip: means of the traits, first values of other columns.
    agreement : RaterAgreement or None
        None if every clip has one row.
    """
    if not table["clip"].duplicated().any():
        return table, None
    groups = table.groupby("clip", sort=False)
    single, averaged = {}, {}
    for trait in traits:
        single[trait], averaged[trait] = intraclass_correlations(table["clip"], table[trait])
    means = groups[traits].mean()
    others = [name for name in table.columns if name not in ("clip", *traits)]
    rows = means.join(groups[others].first()).reset_index()[list(table.columns)]
    return rows, RaterAgreement(len(table) / groups.ngroups, single, averaged)


def intraclass_correlations(clips: pd.Series, ratings: pd.Series) -> tuple[float, float]:
    """ICC(1,1) and ICC(1,k) of ratings, for raters that may differ between clips.

    One-way random effects: with the mean squares between clips B and within clips W, ICC(1,1) = (B - W) / (B + (k - 1)
    W) and ICC(1,k) = (B - W) / B. If clips have different numbers of ratings, k is their mean minus the variance of the
    numbers divided by their sum. NaN if there are fewer than two clips, or no clip has two ratings.

    References
    ----------
    Shrout, P. E. and Fleiss, J. L. (1979): Intraclass correlations: uses in assessing rater reliability. Psychological
    Bulletin 86, 420-428. Unequal numbers: Snedecor, G. W. and Cochran, W. G. (1980), Statistical Methods, 7th edition,
    section 13.7.
    """
    rated = pd.DataFrame({"clip": clips, "rating": ratings}).dropna()
    groups = rated.groupby("clip")["rating"]
    total, count = len(rated), groups.ngroups
    if not 1 < count < total:
        return float("nan"), float("nan")
    sizes = groups.count()
    within = float(((rated["rating"] - groups.transform("mean")) ** 2).sum()) / (total - count)
    between = float((sizes * (groups.mean() - rated["rating"].mean()) ** 2).sum()) / (count - 1)
    k = (total - float((sizes**2).sum()) / total) / (count - 1)
    if between == 0:
        return float("nan"), float("nan")
    return (between - within) / (between + (k - 1) * within), (between - within) / between
