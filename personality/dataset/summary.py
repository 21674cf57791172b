"""Summarize a table of clips: counts per split, labels, attributes, sources shared by splits, problems."""

from __future__ import annotations

from itertools import permutations

import pandas as pd

from personality.dataset.index import BASE_COLUMNS, PREPROCESSING_COLUMNS, SPLITS
from personality.traits import GROUP_ORDERS, MAX_ATTRIBUTE_VALUES, TRAIT_LABELS, TRAIT_NAMES

UNKNOWN_GROUP = "unknown"
LABEL_BINS = 20  # bins of the label distribution, each 0.05 wide
# Numeric columns, which have no groups.
UNGROUPED_COLUMNS = ("age", "emotion_confidence")


def list_splits(clips: pd.DataFrame) -> list[str]:
    """Return the splits that occur, in the order of SPLITS."""
    present = set(clips["split"])
    return [split for split in SPLITS if split in present]


def split_counts(clips: pd.DataFrame) -> pd.DataFrame:
    """Count per split of a cache: clips, sources, and labelled (all five traits), unread, faceless and silent clips. A
    clip that could not be read counts as neither faceless nor silent."""
    read = clips["error"] == ""
    counts = clips.assign(
        labelled=clips[list(TRAIT_NAMES)].notna().all(axis=1),
        unread=~read,
        faceless=read & (clips["faces"] == 0),
        silent=read & (clips["audio_seconds"] == 0),
    ).groupby("split")
    table = counts[["labelled", "unread", "faceless", "silent"]].sum()
    table.insert(0, "sources", counts["source"].nunique())
    table.insert(0, "clips", counts.size())
    return table.loc[list_splits(clips)].reset_index()


def shared_sources(clips: pd.DataFrame) -> pd.DataFrame:
    """Count, for every ordered pair of splits, the sources of `split` that also occur in `other`, and the number and
    share of the clips of `split` from these sources. Columns split, other, sources, clips, share."""
    rows = []
    for split, other in permutations(list_splits(clips), 2):
        here = clips[clips["split"] == split]
        both = here[here["source"].isin(clips.loc[clips["split"] == other, "source"])]
        rows.append((split, other, both["source"].nunique(), len(both), len(both) / len(here)))
    return pd.DataFrame(rows, columns=["split", "other", "sources", "clips", "share"])


def label_distribution(clips: pd.DataFrame) -> pd.DataFrame:
    """Compute the share of each split's labelled clips in each range of 0.05, per trait.

    Columns split, trait (label), value (the middle of the range), share, n, mean (of the split's labels).
    """
    tall = clips[["split", *TRAIT_NAMES]].melt(["split"], list(TRAIT_NAMES), "trait", "label").dropna(subset="label")
    place = (tall["label"] * LABEL_BINS).astype(int).clip(0, LABEL_BINS - 1)
    tall = tall.assign(value=(place + 0.5) / LABEL_BINS)
    groups = tall.groupby(["split", "trait"])["label"]
    tall = tall.assign(all=groups.transform("size"), mean=groups.transform("mean"))
    counts = tall.groupby(["split", "trait", "value", "all", "mean"], as_index=False).size()
    counts = counts.rename(columns={"size": "n"}).assign(share=counts["size"] / counts["all"])
    return counts.assign(trait=counts["trait"].map(TRAIT_LABELS)).drop(columns="all")


def grouping_attributes(clips: pd.DataFrame) -> list[str]:
    """Return the categorical attributes with few values, those with a known order first."""
    possible = [
        name for name in clips.columns if name not in (*BASE_COLUMNS, *PREPROCESSING_COLUMNS, *UNGROUPED_COLUMNS)
    ]
    found = [name for name in possible if 0 < clips[name].nunique() <= MAX_ATTRIBUTE_VALUES]
    return sorted(found, key=lambda name: name not in GROUP_ORDERS)


def find_one_sided_splits(clips: pd.DataFrame, attribute: str) -> dict[str, str]:
    """The splits in which all clips of a known group are of the same group, with that group.

    Parameters
    ----------
    clips
        The table of a cache.
    attribute
        A column of groups, such as `gender`.

    Returns
    -------
    dict of str to str
        In the order of SPLITS; empty if there is no such column.
    """
    if attribute not in clips:
        return {}
    groups = {split: clips.loc[clips["split"] == split, attribute].dropna().unique() for split in list_splits(clips)}
    return {split: str(found[0]) for split, found in groups.items() if len(found) == 1}


def attribute_counts(clips: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Count clips per group and split: columns group, split, n, share (of the split). Missing values are `unknown`."""
    group = clips[attribute].astype("string").fillna(UNKNOWN_GROUP)
    counts = clips.assign(group=group).groupby(["split", "group"], as_index=False).size().rename(columns={"size": "n"})
    counts["share"] = counts["n"] / counts.groupby("split")["n"].transform("sum")
    known = GROUP_ORDERS.get(attribute, ())
    order = [*known, *sorted(set(group) - {*known, UNKNOWN_GROUP}), UNKNOWN_GROUP]
    counts["place"] = counts["group"].map(order.index)
    return counts.sort_values(["place", "split"]).drop(columns="place")


def count_problems(clips: pd.DataFrame) -> pd.DataFrame:
    """Count problems, most frequent first: columns what (`not read` or `lacking`), reason, n, example (a clip).

    Reasons that differ only in counts or seconds, such as `3 of 16 moments` and `4 of 16 moments`, are combined.
    """
    failed = clips.loc[clips["error"] != "", ["clip", "error"]].rename(columns={"error": "reason"})
    lacking = clips.loc[clips["error"] == "", ["clip", "warnings"]].rename(columns={"warnings": "reason"})
    lacking = lacking.assign(reason=lacking["reason"].str.split("; ")).explode("reason")
    lacking = lacking[lacking["reason"].fillna("") != ""]
    both = pd.concat([failed.assign(what="not read"), lacking.assign(what="lacking")])
    both["reason"] = both["reason"].str.replace(r"\d+(\.\d+)?(?= of| s)", "…", regex=True)
    table = both.groupby(["what", "reason"], as_index=False).agg(n=("clip", "size"), example=("clip", "first"))
    return table.sort_values(["what", "n"], ascending=[False, False], ignore_index=True)
