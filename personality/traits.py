"""Traits, emotions, genders and age groups: order, labels and the colours of traits. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One of the Big Five traits as perceived by strangers. `low` and `high` are the two ends shown to raters."""

    name: str
    label: str
    letter: str
    low: str
    high: str
    colour: str


# Order of the thesis, O C E A N, except that emotional stability is S, because N would be read as neuroticism.
# Colour-blind safe palette of Okabe and Ito.
# First Impressions' key `neuroticism` contains emotional stability: high is comfortable (`utils.legacy_names`).
TRAITS = (
    Trait("openness", "Openness", "O", "practical", "imaginative", "#CC79A7"),
    Trait("conscientiousness", "Conscientiousness", "C", "sloppy", "organized", "#0072B2"),
    Trait("extraversion", "Extraversion", "E", "reserved", "friendly", "#E69F00"),
    Trait("agreeableness", "Agreeableness", "A", "self-interested", "authentic", "#009E73"),
    Trait("emotional_stability", "Emotional stability", "S", "uneasy", "comfortable", "#D55E00"),
)
TRAIT_NAMES = tuple(trait.name for trait in TRAITS)
TRAIT_LABELS = {trait.name: trait.label for trait in TRAITS} | {"mean": "Mean of the traits"}

# Order of FER-2013.
EMOTIONS = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")

GENDERS = ("male", "female")
ANNOTATED, ESTIMATED = "annotated", "estimated"  # origin of an attribute: people, or a network
ETHNICITIES = ("Asian", "Caucasian", "African-American")

# The eight age groups of First Impressions, coded 1 to 8: label and lowest age in years.
AGE_GROUPS = ("0-6", "7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+")
AGE_STARTS = (0, 7, 14, 19, 25, 33, 46, 61)

# Descriptions of groups in sentences; other groups are described by their names.
GROUP_DESCRIPTIONS = {
    "male": "men",
    "female": "women",
    **{name: f"{name} people" for name in ETHNICITIES},
    **{name: f"people of {name.replace('-', ' to ').replace('+', ' and over')}" for name in AGE_GROUPS},
}

MAX_ATTRIBUTE_VALUES = 12  # values of an attribute that can be distinguished in a chart
# The order of the groups of attributes; other attributes are sorted by name.
GROUP_ORDERS: dict[str, tuple[str, ...]] = {
    "gender": GENDERS,
    "age_group": AGE_GROUPS,
    "emotion": EMOTIONS,
    "ethnicity": ETHNICITIES,
}


def age_group(age: float) -> str:
    """The label of the age group that `age` (years, 0 or more) falls into."""
    return AGE_GROUPS[max(i for i, start in enumerate(AGE_STARTS) if int(age) >= start)]
