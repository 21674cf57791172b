"""Identification of columns by common names, and of categories by synonyms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from personality.tables.errors import TableError
from personality.traits import TRAIT_NAMES

EMOTIONAL_STABILITY = "emotional_stability"
# Names as `normalize_column_name` returns them. First Impressions of 2016 misspells one trait.
TRAIT_COLUMN_NAMES = {
    "openness": ("openness", "opennesstoexperience", "open", "opn", "ope", "o"),
    "conscientiousness": ("conscientiousness", "conscientious", "cons", "con", "csn", "c"),
    "extraversion": ("extraversion", "extroversion", "extr", "ext", "extra", "e"),
    "agreeableness": ("agreeableness", "agreeable", "agr", "agre", "a"),
    EMOTIONAL_STABILITY: ("emotionalstability", "emotstability", "stability", "emot", "es", "nonneuroticism", "nonneu"),
}
# Read as emotional stability, as in First Impressions; `--reversed` inverts columns that contain neuroticism.
NEUROTICISM_COLUMN_NAMES = ("neuroticism", "neurotisicm", "neurotism", "neurotic", "neuro", "neur", "neu", "n")
IGNORED_NAME_WORDS = {
    "value",
    "values",
    "predicted",
    "prediction",
    "pred",
    "preds",
    "score",
    "scores",
    "mean",
    "avg",
    "average",
}
IGNORED_NAME_WORDS |= {"trait", "rating", "big5", "bfi", "tipi"}  # without label and true, which are not predictions
# In order of preference: a table may have row numbers in addition to file names.
CLIP_COLUMN_NAMES: tuple[str, ...] = (
    "clip",
    "clipname",
    "clipid",
    "videoname",
    "video",
    "videoid",
    "filename",
    "file",
    "path",
    "filepath",
)
CLIP_COLUMN_NAMES += ("videopath", "vid", "vlogid", "name", "stimulus", "item", "key", "id")
UNNAMED_COLUMN_PREFIX = "Unnamed: "  # prefix of columns without a name, such as row names
RATER_COLUMN_NAMES: tuple[str, ...] = (
    "rater",
    "raterid",
    "ratername",
    "annotator",
    "annotatorid",
    "worker",
    "workerid",
    "coder",
    "judge",
)
RATER_COLUMN_NAMES += ("assessor", "evaluator", "observer")
SPLIT_COLUMN_NAMES = ("split", "subset", "partition", "set")
GENDER_COLUMN_NAMES = ("gender", "sex")
SPLIT_SYNONYMS = {
    "training": ("training", "train", "trn", "tr"),
    "validation": ("validation", "val", "valid", "vali", "dev", "devel", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "heldout"),
}
# First Impressions numbers men 1 and women 2.
GENDER_SYNONYMS = {
    "male": ("male", "m", "man", "men", "1"),
    "female": ("female", "f", "woman", "women", "w", "2"),
}


@dataclass(frozen=True)
class ColumnMapping:
    """The columns of a table by their names in the file.

    clip: the column of clip names; traits: columns by trait; rater: the column of raters, or None; is_neuroticism:
    whether the fifth trait is named neuroticism.
    """

    clip: str
    traits: dict[str, str]
    rater: str | None
    is_neuroticism: bool

    def describe_mapping(self) -> str:
        """The mapping as one line of text."""
        parts = [f"clip = {self.clip}", *(f"{trait} = {self.traits[trait]}" for trait in TRAIT_NAMES)]
        parts += [f"rater = {self.rater}"] if self.rater else []
        return "; ".join(parts)


def identify_columns(names: Sequence[str]) -> ColumnMapping:
    """Find the clip, the five traits and the rater among the names of columns. Raises TableError if the clip or a trait
    is missing, or if two columns match one of them."""
    clip = find_column(names, CLIP_COLUMN_NAMES) or next(
        (name for name in names if name.startswith(UNNAMED_COLUMN_PREFIX)), None
    )
    found = {trait: find_column(names, known) for trait, known in TRAIT_COLUMN_NAMES.items()}
    old = find_column(names, NEUROTICISM_COLUMN_NAMES)
    is_neuroticism = found[EMOTIONAL_STABILITY] is None and old is not None
    traits = {
        trait: column
        for trait, column in (found | ({EMOTIONAL_STABILITY: old} if is_neuroticism else {})).items()
        if column
    }
    missing = [trait for trait in TRAIT_NAMES if trait not in traits]
    if clip is None or missing:
        raise TableError(
            f"a column for {missing[0] if missing else 'the clip'} is missing; expected clip, "
            f"{', '.join(TRAIT_NAMES)}, or similar names; it has {_list_first_names(names)}"
        )
    return ColumnMapping(clip, traits, find_column(names, RATER_COLUMN_NAMES), is_neuroticism)


def describe_fifth_trait(columns: ColumnMapping, *, is_reversed: bool) -> list[str]:
    """How the fifth trait was interpreted, if its name is ambiguous or it was reversed."""
    column = columns.traits[EMOTIONAL_STABILITY]
    if is_reversed:
        return [f"{column} was reversed: 1 - value is emotional stability"]
    return [f"{column} is read as emotional stability (high is comfortable)"] if columns.is_neuroticism else []


def find_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The column that matches the first known name that occurs, or None. Raises TableError if two do."""
    for word in known:
        columns = [name for name in names if normalize_column_name(name) == word]
        if len(columns) > 1:
            raise TableError(f"its columns {columns[0]} and {columns[1]} are ambiguous; rename one of them")
        if columns:
            return columns[0]
    return None


def match_synonyms(values: pd.Series, known: dict[str, tuple[str, ...]]) -> pd.Series:
    """Map each cell to the category that it is a synonym of, ignoring case and surrounding spaces; missing if there is
    none."""
    meaning = {word: name for name, words in known.items() for word in words}
    return values.map(lambda cell: meaning.get(str(cell).strip().casefold()) if isinstance(cell, str) else None)


def _list_first_names(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:8]) + (", ..." if len(names) > 8 else "")


def normalize_column_name(name: str) -> str:
    """A column name without case, punctuation and IGNORED_NAME_WORDS: `pred_openness` is `openness`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    words = re.findall(r"[^\W_]+", spaced.casefold())
    return "".join(word for word in words if word not in IGNORED_NAME_WORDS) or "".join(words)
