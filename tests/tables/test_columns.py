import pandas as pd
import pytest

from personality.tables.columns import (
    GENDER_SYNONYMS,
    SPLIT_SYNONYMS,
    find_column,
    identify_columns,
    match_synonyms,
    normalize_column_name,
)
from personality.tables.errors import TableError
from personality.traits import TRAIT_NAMES

PLAIN = ["openness", "conscientiousness", "extraversion", "agreeableness"]


@pytest.mark.parametrize(
    "names",
    [
        ["clip", *TRAIT_NAMES],
        ["Person ID", "Path", "Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Non-Neuroticism"],
        ["VideoName", *(f"Value{name.title()}" for name in PLAIN), "ValueNeurotisicm"],
        ["vlogId", "Extr", "Agr", "Cons", "Emot", "Open"],
        ["FILE", "O", "C", "E", "A", "N"],
        ["video_id", *(f"pred_{name}" for name in PLAIN), "pred_neuroticism", "pred_interview"],
        ["Unnamed: 0", *(name.upper() for name in PLAIN), "EMOTIONAL STABILITY"],
        ["name", *(f"{name}_label" for name in PLAIN), *(f"{name}_score" for name in PLAIN), "stability"],
        ["clip", "Extroversion", "Openness to Experience", "Agreeableness", "Conscientiousness", "Neuroticism", "n"],
    ],
)
def test_common_column_names_are_identified(names: list[str]) -> None:
    found = identify_columns(names)
    order = [names.index(found.traits[trait]) for trait in TRAIT_NAMES]
    assert len(set(order)) == 5
    assert found.clip in (*names[:1], "Path")
    for trait, column in found.traits.items():
        assert normalize_column_name(column)[0] in trait[0] + "ns", (trait, column)
    assert not any("label" in column for column in found.traits.values())


def test_file_name_is_preferred_to_row_number() -> None:
    assert identify_columns(["id", "path", *TRAIT_NAMES]).clip == "path"
    assert identify_columns(["id", *TRAIT_NAMES]).clip == "id"


def test_emotional_stability_is_preferred_to_neuroticism() -> None:
    found = identify_columns(["clip", *PLAIN, "neuroticism", "emotional_stability"])
    assert found.traits["emotional_stability"] == "emotional_stability"
    assert not found.is_neuroticism
    assert identify_columns(["clip", *PLAIN, "neuroticism"]).is_neuroticism
    assert not identify_columns(["clip", *PLAIN, "non_neuroticism"]).is_neuroticism


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["clip", *PLAIN], "column for emotional_stability.*clip, openness"),
        (list(TRAIT_NAMES), "column for the clip"),
        (["clip", *TRAIT_NAMES, "OPENNESS"], "openness and OPENNESS"),
        (["clip", *TRAIT_NAMES, "Video Name", "Clip"], "clip and Clip"),
    ],
)
def test_error_names_missing_or_ambiguous_columns(names: list[str], words: str) -> None:
    with pytest.raises(TableError, match=words):
        identify_columns(names)


def test_rater_column_and_category_synonyms() -> None:
    assert find_column(["clip", "Worker ID"], ("rater", "workerid")) == "Worker ID"
    genders = match_synonyms(pd.Series(["M", " f", "1", "2", "Man", "WOMAN", "other", None]), GENDER_SYNONYMS)
    assert genders.tolist()[:6] == ["male", "female", "male", "female", "male", "female"]
    assert genders[6:].isna().all()
    splits = match_synonyms(pd.Series(["Train", "val", "dev", "TEST", "fold 1"]), SPLIT_SYNONYMS)
    assert splits.tolist()[:4] == ["training", "validation", "validation", "test"]
    assert splits[4:].isna().all()
