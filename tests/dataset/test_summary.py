"""Summaries of a table of six clips, counted by hand."""

import pandas as pd
import pytest

from personality.dataset import summary
from personality.traits import TRAIT_NAMES


@pytest.fixture
def clips() -> pd.DataFrame:
    table = pd.DataFrame(
        [
            ("a.0", "a", "training", 0.22, "male", 16, 5.0, "", ""),
            ("a.1", "a", "validation", 0.24, "male", 15, 5.0, "a face was found at 15 of 16 moments", ""),
            ("b.0", "b", "training", 0.81, "female", 0, 0.0, "no face was found; there is no sound", ""),
            ("b.1", "b", "training", None, None, 3, 5.0, "a face was found at 3 of 16 moments", ""),
            ("c.0", "c", "test", 1.0, "female", 0, 0.0, "", "This file cannot be read as a video."),
            ("a.2", "a", "test", 0.0, "female", 16, 5.0, "", ""),
        ],
        columns=["clip", "source", "split", "label", "gender", "faces", "audio_seconds", "warnings", "error"],
    )
    return table.assign(**dict.fromkeys(TRAIT_NAMES, table["label"])).drop(columns="label")


def test_counts_per_split(clips: pd.DataFrame) -> None:
    assert summary.split_counts(clips).to_numpy().tolist() == [
        ["training", 3, 2, 2, 0, 1, 1],
        ["validation", 1, 1, 1, 0, 0, 0],
        ["test", 2, 2, 2, 1, 0, 0],
    ]


def test_sources_shared_by_splits_are_counted(clips: pd.DataFrame) -> None:
    shared = summary.shared_sources(clips).set_index(["split", "other"])
    assert shared.loc[("training", "test")].tolist() == [1, 1, pytest.approx(1 / 3)]
    assert shared.loc[("test", "training")].tolist() == [1, 1, 0.5]
    assert shared.loc[("validation", "training")].tolist() == [1, 1, 1.0]
    assert len(shared) == 6


def test_splits_that_show_one_gender(clips: pd.DataFrame) -> None:
    assert summary.find_one_sided_splits(clips, "gender") == {"validation": "male", "test": "female"}
    assert summary.find_one_sided_splits(clips.drop(columns="gender"), "gender") == {}
    mixed = clips.assign(gender=["male", "male", "female", "female", "male", "female"], split="test")
    assert summary.find_one_sided_splits(mixed, "gender") == {}


def test_label_distribution_by_range(clips: pd.DataFrame) -> None:
    rows = summary.label_distribution(clips)
    one = rows[rows["trait"].eq("Openness")].sort_values(["split", "value"])
    assert one[["split", "value", "share", "n"]].to_numpy().tolist() == [
        ["test", 0.025, 0.5, 1],
        ["test", 0.975, 0.5, 1],
        ["training", 0.225, 0.5, 1],
        ["training", 0.825, 0.5, 1],
        ["validation", 0.225, 1.0, 1],
    ]
    assert one.loc[one["split"] == "training", "mean"].tolist() == pytest.approx([0.515, 0.515])


def test_attribute_values_are_ordered_with_unknown_last(clips: pd.DataFrame) -> None:
    assert summary.grouping_attributes(clips.assign(mood="calm")) == ["gender", "mood"]
    counts = summary.attribute_counts(clips, "gender")
    assert counts.to_numpy().tolist() == [
        ["training", "male", 1, pytest.approx(1 / 3)],
        ["validation", "male", 1, 1.0],
        ["test", "female", 2, 1.0],
        ["training", "female", 1, pytest.approx(1 / 3)],
        ["training", "unknown", 1, pytest.approx(1 / 3)],
    ]


def test_reasons_are_counted_regardless_of_their_numbers(clips: pd.DataFrame) -> None:
    assert summary.count_problems(clips).to_numpy().tolist() == [
        ["not read", "This file cannot be read as a video.", 1, "c.0"],
        ["lacking", "a face was found at … of 16 moments", 2, "a.1"],
        ["lacking", "no face was found", 1, "b.0"],
        ["lacking", "there is no sound", 1, "b.0"],
    ]


def test_column_named_label_is_an_attribute(clips: pd.DataFrame) -> None:
    assert len(summary.label_distribution(clips.assign(label="x"))) == len(summary.label_distribution(clips))
    assert summary.grouping_attributes(clips.drop(columns="gender")) == []


def test_clips_without_any_label_have_no_distribution(clips: pd.DataFrame) -> None:
    bare = clips.assign(**dict.fromkeys(TRAIT_NAMES, float("nan")))
    assert summary.label_distribution(bare).empty
