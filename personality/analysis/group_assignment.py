"""Assignment of clips to groups by their attributes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd

from personality.predictions.predictions_table import (
    BASELINE_COLUMNS,
    PREDICTION_COLUMNS,
    PredictionArrays,
    PredictionsError,
)
from personality.traits import GROUP_ORDERS

Group: TypeAlias = tuple[str, ...]  # the values of the attributes that define a group; () for all clips
ALL_CLIPS = "all"  # the name of the group of all clips
GROUP_SEPARATOR = " x "
MAX_RANGE_EDGES = 50  # edges of the ranges of one numeric attribute
MAX_TABLE_GROUPS = 1_000  # groups in one table of figures


@dataclass(frozen=True)
class GroupAssignment:
    """The group of each of N rows.

    codes: int64 (N,), the index of a row's group in `groups`, -1 where one of its attributes is missing; groups: in
    the order in which they are shown.
    """

    codes: np.ndarray
    groups: list[Group]

    @property
    def names(self) -> list[str]:
        """The name of each group, as in the column `group` of a table of figures."""
        return [format_group(group) for group in self.groups]

    def rows_of(self, group: Group) -> np.ndarray:
        """Whether each row belongs to a group, bool (N,). Raises PredictionsError if there is no such group."""
        if group not in self.groups:
            raise PredictionsError(
                f"There is no group {format_group(group)!r}; expected one of {', '.join(self.names)}."
            )
        return self.codes == self.groups.index(group)


def assign_groups(clips: pd.DataFrame, by: Sequence[str]) -> GroupAssignment:
    """Assign each row of a table to a group.

    Parameters
    ----------
    clips
        A table with a column per attribute.
    by
        Attributes. A numeric one is cut into ranges by `name:10,20`: under 10, 10 to 20, 20 and over. Without any, all
        rows are one group.

    Returns
    -------
    GroupAssignment
        Includes empty groups if there is one attribute, its values are known in advance (ranges,
        `traits.GROUP_ORDERS`), and any of them occurs.

    Raises
    ------
    PredictionsError
        If an attribute is not a column, or is given with edges and is not numeric.
    """
    if not by:
        return GroupAssignment(np.zeros(len(clips), np.int64), [()])
    columns, orders = zip(*(_attribute_values(clips, name) for name in by), strict=True)
    values = pd.concat(columns, axis=1, ignore_index=True)
    found = values.groupby(list(values), sort=False).ngroup().fillna(-1).to_numpy(np.int64)  # by first occurrence
    present = list(values[found >= 0].drop_duplicates().itertuples(index=False, name=None))
    groups = _order_groups(present, orders)
    index = {group: number for number, group in enumerate(groups)}
    return GroupAssignment(np.array([*(index[group] for group in present), -1])[found], groups)


def clip_groups(scores: PredictionArrays, by: Sequence[str], *, most: int = MAX_TABLE_GROUPS) -> GroupAssignment:
    """`assign_groups` of the clips of a table. Raises PredictionsError as it does, and for more than `most` groups."""
    assigned = assign_groups(scores.clips, by)
    if len(assigned.groups) > most:
        raise PredictionsError(
            f"{GROUP_SEPARATOR.join(by)} has {len(assigned.groups):,} groups; expected at most {most:,}. Cut numeric "
            "attributes into ranges (age:25,40), or use fewer attributes."
        )
    return assigned


def groups_by_name(table: pd.DataFrame, by: Sequence[str]) -> dict[str, Group]:
    """The groups of a predictions table by their names in the column `group` of `accuracy_by`. Raises PredictionsError
    as `assign_groups`."""
    assigned = assign_groups(table.drop_duplicates("clip"), by)
    return dict(zip(assigned.names, assigned.groups, strict=True))


def format_group(group: Group) -> str:
    """The name of a group: its values joined by ' x ', or `all` for the group of all clips.

    Names are for output and are never parsed. A value that itself contains the separator is quoted, so that no two
    groups have the same name.
    """
    if len(group) < 2:
        return group[0] if group else ALL_CLIPS
    return GROUP_SEPARATOR.join(map(_quote_ambiguous, group))


def _quote_ambiguous(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if GROUP_SEPARATOR in value or value.startswith('"') else value


def list_attributes(table: pd.DataFrame) -> list[str]:
    """The columns of a predictions table by which its clips can be grouped."""
    return [column for column in table.columns if column not in (*PREDICTION_COLUMNS, *BASELINE_COLUMNS)]


def _attribute_values(clips: pd.DataFrame, attribute: str) -> tuple[pd.Series, tuple[str, ...]]:
    """The value of an attribute in each row, missing where unknown, and the order of its values if it is known."""
    name, _, edges = (attribute, "", "") if attribute in clips else attribute.partition(":")
    if name not in clips:
        raise PredictionsError(f"There is no attribute {name}; this table has {', '.join(list_attributes(clips))}.")
    if not edges:
        return clips[name].astype("string"), GROUP_ORDERS.get(name, ())
    try:
        limits = _parse_range_edges(edges)
        labels = _range_labels(limits)
        cut = pd.cut(pd.to_numeric(clips[name]), [-np.inf, *limits, np.inf], right=False, labels=labels)
    except (ValueError, TypeError) as error:
        raise PredictionsError(
            f"{attribute} does not define ranges of numbers; expected NAME:EDGE,EDGE,... with a numeric attribute and "
            f"at most {MAX_RANGE_EDGES} edges, such as age:25,40."
        ) from error
    return cut.astype("string"), labels


def _parse_range_edges(text: str) -> list[float]:
    """The edges in a list separated by commas, ascending. Raises ValueError if one is not a finite number, or if there
    are too many."""
    edges = sorted({float(edge) for edge in text.split(",")})
    if not np.isfinite(edges).all() or len(edges) > MAX_RANGE_EDGES:
        raise ValueError(text)
    return edges


def _range_labels(edges: Sequence[float]) -> tuple[str, ...]:
    words = [f"{edge:g}" for edge in edges]
    return (f"under {words[0]}", *(f"{low} to {high}" for low, high in pairwise(words)), f"{words[-1]} and over")


def _order_groups(groups: Sequence[Group], orders: Sequence[tuple[str, ...]]) -> list[Group]:
    """Groups in the order of their values, values without a known order last."""
    known = [(value,) for value in orders[0]] if len(orders) == 1 else []
    ranks = [{value: rank for rank, value in enumerate(order)} for order in orders]

    def key(group: Group) -> list[tuple[int, str]]:
        return [(rank.get(value, len(rank)), value) for rank, value in zip(ranks, group, strict=True)]

    return sorted({*groups, *(known if set(known) & set(groups) else ())}, key=key)
