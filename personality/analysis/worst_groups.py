"""Search for the worst groups of up to three crossed attributes, corrected for multiple testing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from personality.analysis.corrections import holm
from personality.analysis.gaps import GAP_MEASURES
from personality.analysis.group_assignment import (
    GROUP_SEPARATOR,
    Group,
    GroupAssignment,
    clip_groups,
    format_group,
    list_attributes,
)
from personality.analysis.group_differences import GroupDifference, ModelGroupSums
from personality.analysis.groups import MIN_GROUP_CLIPS, TRAIT_MEAN
from personality.analysis.jackknife import MIN_SOURCES
from personality.predictions.predictions_table import PredictionArrays, PredictionsError, to_prediction_arrays
from personality.traits import MAX_ATTRIBUTE_VALUES, TRAIT_NAMES

MAX_CROSSED_ATTRIBUTES = 3
MAX_SEARCHED_GROUPS = 400  # per model
WORST_GROUP_COLUMNS = (
    *("model", "attributes", "group", "n", "sources", "gap", "low", "high", "p", "p_holm", "searched"),
    "measure",
)


def find_worst_groups(
    table: pd.DataFrame, attributes: Sequence[str] = (), *, measure: str = "accuracy", trait: str = TRAIT_MEAN
) -> pd.DataFrame:
    """Compare every group of one, two or three crossed attributes with all other clips, worst first.

    Parameters
    ----------
    table
        A predictions table.
    attributes
        Attributes to cross; by default every attribute with 2 to MAX_ATTRIBUTE_VALUES values.
    measure
        A key of `gaps.GAP_MEASURES`.
    trait
        One of the five traits, or `mean`.

    Returns
    -------
    pandas.DataFrame
        A row per model and group with at least MIN_GROUP_CLIPS clips and MIN_SOURCES sources: model, attributes,
        group, n, sources, gap (group minus all other clips), low and high (95 % interval, simultaneous for all groups
        of a model by Bonferroni's method), p, p_holm (adjusted over all groups of a model), searched (the number of
        those groups), measure. Sorted by the bound of the interval nearest to 0, from significantly worse to
        significantly better groups.

    Raises
    ------
    PredictionsError
        If there is no such measure or attribute, no attribute to search, or more than MAX_SEARCHED_GROUPS groups.
    """
    if measure not in GAP_MEASURES:
        raise PredictionsError(f"There is no measure {measure!r}; expected one of {', '.join(GAP_MEASURES)}.")
    scores = to_prediction_arrays(table)
    place = [*TRAIT_NAMES, TRAIT_MEAN].index(trait)
    found = [
        part
        for by, assigned in _cross_attributes(scores, attributes or searchable_attributes(scores.clips))
        for part in _compare_large_groups(scores, by, assigned, measure, place)
    ]
    rows = [
        _correct_for_search([part for part in found if part.model == model], measure, place) for model in scores.models
    ]
    return pd.concat(rows, ignore_index=True).sort_values(["certain", "gap"], kind="stable", ignore_index=True)[
        list(WORST_GROUP_COLUMNS)
    ]


@dataclass(frozen=True)
class _SearchedGroup:
    """A group that was searched, and its difference from all other clips."""

    model: str
    attributes: tuple[str, ...]
    group: Group
    difference: GroupDifference


def searchable_attributes(clips: pd.DataFrame) -> list[str]:
    """The attributes of clips with 2 to MAX_ATTRIBUTE_VALUES values."""
    return [name for name in list_attributes(clips) if 2 <= clips[name].nunique() <= MAX_ATTRIBUTE_VALUES]


def _cross_attributes(
    scores: PredictionArrays, attributes: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], GroupAssignment]]:
    if not attributes:
        raise PredictionsError(f"This table has no attribute of 2 to {MAX_ATTRIBUTE_VALUES} values to search.")
    for depth in range(1, MAX_CROSSED_ATTRIBUTES + 1):
        for by in combinations(attributes, depth):
            yield by, clip_groups(scores, by)


def _compare_large_groups(
    scores: PredictionArrays, by: tuple[str, ...], assigned: GroupAssignment, measure: str, place: int
) -> Iterator[_SearchedGroup]:
    """Yield the groups that are large enough, for each model."""
    code, count = assigned.codes, len(assigned.groups)
    sizes = np.bincount(code[code >= 0], minlength=count)
    large = np.flatnonzero((sizes >= MIN_GROUP_CLIPS) & (sizes < sizes.sum()))
    for model, name in enumerate(scores.models if len(large) else ()):
        parts = ModelGroupSums.from_predictions(scores, model, code, count, (measure,))
        for number in large:
            difference = parts.compare_group(int(number), None)
            if min(difference.sources[place], difference.sources_reference[place]) >= MIN_SOURCES:
                yield _SearchedGroup(name, by, assigned.groups[number], difference)


def _correct_for_search(found: list[_SearchedGroup], measure: str, place: int) -> pd.DataFrame:
    """The groups of one model as rows, with intervals and p-values corrected for their number."""
    if len(found) > MAX_SEARCHED_GROUPS:
        raise PredictionsError(
            f"{len(found):,} groups to search; expected at most {MAX_SEARCHED_GROUPS}. Choose fewer attributes."
        )
    kept = ("n", "sources", "gap", "low", "high", "p")
    rows = []
    for one in found:
        columns = one.difference.to_columns(measure, pairs=len(found))
        figures = {name: columns[name][place] for name in kept}
        names = {"attributes": GROUP_SEPARATOR.join(one.attributes), "group": format_group(one.group)}
        rows.append({"model": one.model, **names, **figures})
    result = pd.DataFrame(rows, columns=["model", "attributes", "group", *kept])
    certain = np.where(result["gap"] < 0, result["high"].clip(upper=0), result["low"].clip(lower=0))
    return result.assign(
        p_holm=holm(result["p"].to_numpy(float)), searched=len(found), measure=measure, certain=certain
    )
