"""Audit of a predictions table: figures, gaps, worst groups, and answers to the questions of an auditor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from personality.analysis.consistency_checks import count_attribute_origins
from personality.analysis.findings import describe_gaps
from personality.analysis.gaps import MAX_COMPARED_GROUPS, available_measures, compare_measures
from personality.analysis.groups import MIN_GROUP_CLIPS, TRAIT_MEAN, accuracy_by
from personality.analysis.jackknife import CONFIDENCE_LEVEL, INTERVAL_METHOD, MIN_SOURCES
from personality.analysis.worst_groups import find_worst_groups
from personality.constants import VERSION
from personality.predictions.predictions_table import SOURCE_IN_TRAINING

AUDIT_MEASURES = ("gain", "accuracy", "signed_error", "concordance")
AUDIT_QUESTIONS = {
    "gain": "Is the gain over the mean baseline smaller for some groups?",
    "accuracy": "Is a model less accurate for some groups?",
    "signed_error": "Does a model overrate or underrate some groups?",
    "concordance": "Does a model agree less with the raters on some groups?",
    "actual_mean": "Did the raters rate some groups higher? This is a result about people, not about a model.",
}
MAX_LISTED_GROUPS = 10  # rows in the table of the worst groups


@dataclass(frozen=True)
class AttributeAudit:
    """The results by one attribute.

    rows: rows of `accuracy_by` for the mean of the traits; answers: sentences by question; verdicts: every gap of the
    mean; estimated_clips: number of clips whose attribute was estimated.
    """

    name: str
    rows: pd.DataFrame
    answers: dict[str, list[str]]
    verdicts: pd.DataFrame
    estimated_clips: int


@dataclass(frozen=True)
class Audit:
    """An audit of a predictions table; see `audit_predictions`."""

    name: str
    facts: dict[str, str]
    overall: pd.DataFrame
    traits: pd.DataFrame
    gain_verdicts: list[str]
    attributes: list[AttributeAudit]
    worst: pd.DataFrame
    training_overlap: pd.DataFrame | None


def audit_predictions(table: pd.DataFrame, by: Sequence[str], *, name: str) -> Audit:
    """Compute everything that a report contains.

    Parameters
    ----------
    table
        A predictions table.
    by
        Attributes. Each is analysed separately; the search for the worst groups crosses them.
    name
        The name of what was audited, for the title.

    Raises
    ------
    PredictionsError
        As `accuracy_by` and `compare_measures`.
    """
    rows = accuracy_by(table)
    overall = rows[rows["trait"].eq(TRAIT_MEAN)]
    measure = available_measures(table)[0]
    worst = find_worst_groups(table, by, measure=measure)
    return Audit(
        name=name,
        facts=_list_audit_facts(table),
        overall=overall,
        traits=rows[rows["trait"].ne(TRAIT_MEAN)],
        gain_verdicts=[_describe_gain(row) for row in overall.to_dict("records")],
        attributes=[_audit_attribute(table, attribute) for attribute in by],
        worst=worst.head(MAX_LISTED_GROUPS),
        training_overlap=_accuracy_by_overlap(table),
    )


def _list_audit_facts(table: pd.DataFrame) -> dict[str, str]:
    clips = table.drop_duplicates("clip")
    splits = clips["split"].value_counts()
    return {
        "Clips": f"{len(clips):,} of {clips['source'].nunique():,} sources (videos)",
        "Split": ", ".join(f"{split} ({n:,})" for split, n in splits.items()),
        "Models": ", ".join(map(str, table["model"].unique())),
        "Digest of the predictions (sha256)": digest_predictions(table),
        "Intervals": f"{CONFIDENCE_LEVEL:.0%}, {INTERVAL_METHOD}; deterministic",
        "Tests": "cluster-robust t between and within sources, Holm's correction over traits x groups",
        "Created": f"{datetime.now(UTC).date().isoformat()} by personality {VERSION}",
    }


def digest_predictions(table: pd.DataFrame) -> str:
    """The sha256 of the predictions and labels of a table, independent of the order of rows and of the file format."""
    kept = table[["clip", "source", "split", "model", "trait", "predicted", "actual"]]
    rows = kept.astype({"clip": str, "model": str}).sort_values(["clip", "model", "trait"])
    return hashlib.sha256(rows.to_csv(index=False, float_format="%.9g").encode()).hexdigest()


def _describe_gain(row: dict) -> str:
    """Whether a model is better than the mean baseline."""
    if row["gain"] != row["gain"]:
        return f"{row['model']}: unknown, because the table has no training mean."
    size = f"by {row['gain']:.4f} [{row['gain_low']:.4f}, {row['gain_high']:.4f}]"
    if row["gain_low"] > 0:
        return f"{row['model']}: yes, {size}."
    answer = "no, it is significantly worse" if row["gain_high"] < 0 else "no significant difference"
    return f"{row['model']}: {answer}, {size}."


def _audit_attribute(table: pd.DataFrame, attribute: str) -> AttributeAudit:
    rows = accuracy_by(table, [attribute])
    known = [measure for measure in (*AUDIT_MEASURES, "actual_mean") if measure in available_measures(table)]
    found = compare_measures(table, [attribute], known)
    answers = {
        AUDIT_QUESTIONS[measure]: [_strip_bold(words) for words in describe_gaps(found[measure].gaps)]
        for measure in known
    }
    verdicts = pd.concat([found[measure].gaps for measure in known], ignore_index=True)
    return AttributeAudit(
        name=attribute,
        rows=rows[rows["trait"].eq(TRAIT_MEAN) & rows["n"].gt(0)],
        answers=answers,
        verdicts=verdicts[verdicts["trait"].eq(TRAIT_MEAN) & verdicts["n"].gt(0)],
        estimated_clips=count_attribute_origins(table, attribute).get("estimated", 0),
    )


def _strip_bold(words: str) -> str:
    return words.replace("**", "")


def _accuracy_by_overlap(table: pd.DataFrame) -> pd.DataFrame | None:
    """Accuracy on sources with other clips in the training data, and on sources without."""
    if SOURCE_IN_TRAINING not in table or table[SOURCE_IN_TRAINING].nunique() < 2:
        return None
    rows = accuracy_by(table, [SOURCE_IN_TRAINING])
    return rows[rows["trait"].eq(TRAIT_MEAN)].replace({"group": {"yes": "in training", "no": "not in training"}})


AUDIT_CAVEATS = (
    f"Groups with fewer than {MIN_GROUP_CLIPS} clips are marked. Groups with fewer than {MIN_SOURCES} sources have no "
    f"interval and are not tested. At most {MAX_COMPARED_GROUPS} groups are compared.",
    "Tests have a family-wise error rate of 5 % over all traits and groups of a model. A result that is not "
    "significant does not show that there is no difference: each answer gives the minimum detectable difference at "
    "80 % power.",
    "Intervals and tests are clustered by source, because clips of one video are not independent. They do not account "
    "for errors of the labels: if raters are biased, a model that reproduces their bias is counted as accurate.",
    "If gender, age or expression were estimated from faces, errors of the estimates affect the results by group. "
    "These errors are larger for children and young people.",
)
