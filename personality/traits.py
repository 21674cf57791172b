"""The five traits, the emotions, the genders and the age groups: order, label, colour. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One of the Big Five as strangers perceive it. `low` and `high` are the words the raters chose between."""

    name: str
    label: str
    letter: str
    low: str
    high: str
    colour: str


# Order O C E A N, as in the thesis's tables. The colours are Okabe and Ito's, told apart by the colour-blind.
# First Impressions' key `neuroticism` holds emotional stability: high is comfortable (`trait_names` reads it).
TRAITS = (
    Trait("openness", "Openness", "O", "practical", "imaginative", "#CC79A7"),
    Trait("conscientiousness", "Conscientiousness", "C", "sloppy", "organized", "#0072B2"),
    Trait("extraversion", "Extraversion", "E", "reserved", "friendly", "#E69F00"),
    Trait("agreeableness", "Agreeableness", "A", "self-interested", "authentic", "#009E73"),
    Trait("emotional_stability", "Emotional stability (N)", "N", "uneasy", "comfortable", "#D55E00"),
)
TRAIT_NAMES = tuple(trait.name for trait in TRAITS)
TRAIT_LABELS = {trait.name: trait.label for trait in TRAITS} | {"mean": "Mean of the traits"}

# FER-2013's order.
EMOTIONS = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
EMOTION_COLOURS = dict(
    zip(EMOTIONS, ("#D55E00", "#009E73", "#7B5EA7", "#E69F00", "#0072B2", "#CC79A7", "#8C8C8C"), strict=True)
)

GENDERS = ("male", "female")
GENDER_COLOURS = {"male": "#0072B2", "female": "#E69F00"}
ANNOTATED, ESTIMATED = "annotated", "estimated"  # who said what an attribute is: people, or a network
ETHNICITIES = ("Asian", "Caucasian", "African-American")

# First Impressions' eight groups, 1..8: label and first year of age.
AGE_GROUPS = ("0-6", "7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+")
AGE_STARTS = (0, 7, 14, 19, 25, 33, 46, 61)

# How a sentence calls a group; others by their names.
GROUP_DESCRIPTIONS = {
    "male": "men",
    "female": "women",
    **{name: f"{name} people" for name in ETHNICITIES},
    **{name: f"people of {name.replace('-', ' to ').replace('+', ' and over')}" for name in AGE_GROUPS},
}

MAX_ATTRIBUTE_VALUES = 12  # values of an attribute that can be told apart in a picture
# Groups of these attributes are shown in this order; of others, in the order of their names.
GROUP_ORDERS: dict[str, tuple[str, ...]] = {
    "gender": GENDERS,
    "age_group": AGE_GROUPS,
    "emotion": EMOTIONS,
    "ethnicity": ETHNICITIES,
}


def age_group(age: float) -> str:
    """The label of the age group that `age` (years, 0 or more) falls into."""
    return AGE_GROUPS[max(i for i, start in enumerate(AGE_STARTS) if int(age) >= start)]
