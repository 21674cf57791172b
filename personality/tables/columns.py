"""Which column is what, by the names that this field gives them; and the words in columns of known words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from personality.tables.errors import TableError
from personality.traits import TRAIT_NAMES

EMOTIONAL_STABILITY = "emotional_stability"
# Names without case, blanks and punctuation, and without IGNORED_NAME_WORDS. First Impressions of 2016 spells one
# trait wrongly.
TRAIT_COLUMN_NAMES = {
    "openness": ("openness", "opennesstoexperience", "open", "opn", "ope", "o"),
    "conscientiousness": ("conscientiousness", "conscientious", "cons", "con", "csn", "c"),
    "extraversion": ("extraversion", "extroversion", "extr", "ext", "extra", "e"),
    "agreeableness": ("agreeableness", "agreeable", "agr", "agre", "a"),
    EMOTIONAL_STABILITY: ("emotionalstability", "emotstability", "stability", "emot", "es", "nonneuroticism", "nonneu"),
}
# Read as emotional stability, as First Impressions means it; `--reversed` turns what truly is neuroticism.
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
IGNORED_NAME_WORDS |= {"trait", "rating", "big5", "bfi", "tipi"}  # not: label, true; those are no predictions
# In order of preference: a table may have a number for each row beside the file's name.
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
UNNAMED_COLUMN_PREFIX = "Unnamed: "  # what a column without a name is called, as the row names of a data frame
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
    """How the columns of a table are understood: the names that they have in the file. `clip` and `traits` by present
    name; `rater` where there are several rows per clip; `is_neuroticism`: the fifth trait is called so."""

    clip: str
    traits: dict[str, str]
    rater: str | None
    is_neuroticism: bool

    def describe_mapping(self) -> str:
        """One line of a preview."""
        parts = [f"clip = {self.clip}", *(f"{trait} = {self.traits[trait]}" for trait in TRAIT_NAMES)]
        parts += [f"rater = {self.rater}"] if self.rater else []
        return "; ".join(parts)


def identify_columns(names: Sequence[str]) -> ColumnMapping:
    """Find the clip, the five traits and the rater among the names of columns.

    Raises TableError where the clip or a trait is missing, or two columns have the same name of one.
    """
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
            f"it lacks a column for {missing[0] if missing else 'the clip'}; expected clip, {', '.join(TRAIT_NAMES)}, "
            f"or names like them; it has {_list_first_names(names)}"
        )
    return ColumnMapping(clip, traits, find_column(names, RATER_COLUMN_NAMES), is_neuroticism)


def describe_fifth_trait(columns: ColumnMapping, *, is_reversed: bool) -> list[str]:
    """What the fifth trait was taken for, in words, where its name does not say it."""
    column = columns.traits[EMOTIONAL_STABILITY]
    if is_reversed:
        return [f"{column} was reversed: 1 - value is emotional stability"]
    return [f"{column} is read as emotional stability (high is comfortable)"] if columns.is_neuroticism else []


def find_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The column that has the first of the known names that occurs, None without any. Raises TableError where two
    columns have that name."""
    for word in known:
        columns = [name for name in names if normalize_column_name(name) == word]
        if len(columns) > 1:
            raise TableError(f"its columns {columns[0]} and {columns[1]} could mean the same; rename one of them")
        if columns:
            return columns[0]
    return None


def match_synonyms(values: pd.Series, known: dict[str, tuple[str, ...]]) -> pd.Series:
    """Each cell as the word that it stands for, missing where it stands for none. Synonyms count as they are written,
    without case and blanks."""
    meaning = {word: name for name, words in known.items() for word in words}
    return values.map(lambda cell: meaning.get(str(cell).strip().casefold()) if isinstance(cell, str) else None)


def _list_first_names(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:8]) + (", ..." if len(names) > 8 else "")


def normalize_column_name(name: str) -> str:
    """A column's name without case, punctuation and NOISE: `ValueOpenness`, `pred_openness` and `OPENNESS` are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    words = re.findall(r"[^\W_]+", spaced.casefold())
    return "".join(word for word in words if word not in IGNORED_NAME_WORDS) or "".join(words)
