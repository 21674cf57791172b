"""Which column is what, by the names that this field gives them; and the words in columns of known words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from personality.tables.errors import TableError
from personality.traits import TRAIT_NAMES

STABILITY = "emotional_stability"
# Names without case, blanks and punctuation, and without NOISE. First Impressions of 2016 spells one trait wrongly.
TRAITS = {
    "openness": ("openness", "opennesstoexperience", "open", "opn", "ope", "o"),
    "conscientiousness": ("conscientiousness", "conscientious", "cons", "con", "csn", "c"),
    "extraversion": ("extraversion", "extroversion", "extr", "ext", "extra", "e"),
    "agreeableness": ("agreeableness", "agreeable", "agr", "agre", "a"),
    STABILITY: ("emotionalstability", "emotstability", "stability", "emot", "es", "nonneuroticism", "nonneu"),
}
# Read as emotional stability, as First Impressions means it; `--reversed` turns what truly is neuroticism.
NEUROTICISM = ("neuroticism", "neurotisicm", "neurotism", "neurotic", "neuro", "neur", "neu", "n")
NOISE = {"value", "values", "predicted", "prediction", "pred", "preds", "score", "scores", "mean", "avg", "average"}
NOISE |= {"trait", "rating", "big5", "bfi", "tipi"}  # not: label, true; those are no predictions
# In order of preference: a table may have a number for each row beside the file's name.
CLIPS: tuple[str, ...] = (
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
CLIPS += ("videopath", "vid", "vlogid", "name", "stimulus", "item", "key", "id")
UNNAMED = "Unnamed: "  # what a column without a name is called, as the row names of a data frame
RATERS: tuple[str, ...] = (
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
RATERS += ("assessor", "evaluator", "observer")
SPLIT_COLUMNS = ("split", "subset", "partition", "set")
GENDER_COLUMNS = ("gender", "sex")
SPLITS = {
    "training": ("training", "train", "trn", "tr"),
    "validation": ("validation", "val", "valid", "vali", "dev", "devel", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "heldout"),
}
# First Impressions numbers men 1 and women 2.
GENDERS = {
    "male": ("male", "m", "man", "men", "1"),
    "female": ("female", "f", "woman", "women", "w", "2"),
}


@dataclass(frozen=True)
class Columns:
    """How the columns of a table are understood: the names that they have in the file. `clip` and `traits` by present
    name; `rater` where there are several rows per clip; `is_neuroticism`: the fifth trait is called so."""

    clip: str
    traits: dict[str, str]
    rater: str | None
    is_neuroticism: bool

    def in_words(self) -> str:
        """One line of a preview."""
        parts = [f"clip = {self.clip}", *(f"{trait} = {self.traits[trait]}" for trait in TRAIT_NAMES)]
        parts += [f"rater = {self.rater}"] if self.rater else []
        return "; ".join(parts)


def understand(names: Sequence[str]) -> Columns:
    """Find the clip, the five traits and the rater among the names of columns.

    Raises TableError where the clip or a trait is missing, or two columns have the same name of one.
    """
    clip = find_column(names, CLIPS) or next((name for name in names if name.startswith(UNNAMED)), None)
    found = {trait: find_column(names, known) for trait, known in TRAITS.items()}
    old = find_column(names, NEUROTICISM)
    is_neuroticism = found[STABILITY] is None and old is not None
    traits = {
        trait: column for trait, column in (found | ({STABILITY: old} if is_neuroticism else {})).items() if column
    }
    missing = [trait for trait in TRAIT_NAMES if trait not in traits]
    if clip is None or missing:
        raise TableError(
            f"it lacks a column for {missing[0] if missing else 'the clip'}; expected clip, {', '.join(TRAIT_NAMES)}, "
            f"or names like them; it has {_some(names)}"
        )
    return Columns(clip, traits, find_column(names, RATERS), is_neuroticism)


def direction(columns: Columns, *, is_reversed: bool) -> list[str]:
    """What the fifth trait was taken for, in words, where its name does not say it."""
    column = columns.traits[STABILITY]
    if is_reversed:
        return [f"{column} was reversed: 1 - value is emotional stability"]
    return [f"{column} is read as emotional stability (high is comfortable)"] if columns.is_neuroticism else []


def find_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The column that has the first of the known names that occurs, None without any. Raises TableError where two
    columns have that name."""
    for word in known:
        columns = [name for name in names if plain_name(name) == word]
        if len(columns) > 1:
            raise TableError(f"its columns {columns[0]} and {columns[1]} could mean the same; rename one of them")
        if columns:
            return columns[0]
    return None


def known_words(values: pd.Series, known: dict[str, tuple[str, ...]]) -> pd.Series:
    """Each cell as the word that it stands for, missing where it stands for none. Synonyms count as they are written,
    without case and blanks."""
    meaning = {word: name for name, words in known.items() for word in words}
    return values.map(lambda cell: meaning.get(str(cell).strip().casefold()) if isinstance(cell, str) else None)


def _some(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:8]) + (", ..." if len(names) > 8 else "")


def plain_name(name: str) -> str:
    """A column's name without case, punctuation and NOISE: `ValueOpenness`, `pred_openness` and `OPENNESS` are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    words = re.findall(r"[^\W_]+", spaced.casefold())
    return "".join(word for word in words if word not in NOISE) or "".join(words)
