from pathlib import Path

import pandas as pd
import pytest

from personality.dataset import DatasetError, load_dataset
from personality.dataset.index import source_of
from personality.traits import TRAIT_NAMES


def write(folder: Path, rows: list[dict]) -> None:
    defaults = dict.fromkeys(TRAIT_NAMES, 0.5)
    pd.DataFrame([{**defaults, **row} for row in rows]).to_csv(folder / "clips.csv", index=False)


def test_further_columns_become_attributes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    write(tmp_path, [{"clip": "a.jpg", "gender": "Female", "accent": "none"}, {"clip": "b.mp4", "gender": "male"}])
    dataset = load_dataset(tmp_path)
    assert dataset.table["gender"].tolist() == ["female", "male"]
    assert dataset.table["location"].tolist() == ["a.jpg", ""]
    assert "accent" in dataset.table
    assert dataset.problems == {"labels without a clip file": ["b.mp4"]}


def test_a_table_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    inside = tmp_path / "inside"
    inside.mkdir()
    write(inside, [{"clip": "../secret.mp4"}])
    assert load_dataset(inside).table["location"].tolist() == [""]


def test_odd_values_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            {"clip": "alice/1.mp4", "split": "tset", "gender": "F", "age": "unknown", "source": "", "error": "mine"},
            {"clip": "bob/1.mp4", "split": "Test", "gender": " Male ", "age": -2, "source": "bob", "error": "too"},
            {"clip": "carol.mp4", "split": None, "gender": None, "age": 44, "source": None, "openness": 2},
        ],
    )
    dataset = load_dataset(tmp_path)
    table = dataset.table.set_index("clip")
    assert table["source"].tolist() == ["alice/1", "bob", "carol"]
    assert table.loc["bob/1.mp4", ["split", "gender"]].tolist() == ["test", "male"]
    assert table["split"].isin(["training", "validation", "test"]).all()
    assert table["age"].fillna(0).tolist() == [0, 0, 44]
    assert "given_error" in table
    assert {kind: len(names) for kind, names in dataset.problems.items() if "ignored" in kind} == {
        "clips with a label outside [0, 1], label ignored": 1,
        "clips with a split that is not training or validation or test, ignored": 1,
        "clips with a gender that is not male or female, ignored": 1,
        "clips with an age that is not 0 to 130, ignored": 2,
    }
    assert dataset.problems["columns whose names are taken, now with given_ before them"] == ["error"]


def test_columns_that_later_steps_add_are_renamed(tmp_path: Path) -> None:
    """As `clips.csv` may hold anything: they would collide with the lookup, or be written over."""
    taken = ("lookup", "constant", "gender_from", "age_from", "age_group_from", "source_in_training")
    write(tmp_path, [{"clip": "a.mp4", **dict.fromkeys(taken, "mine")}])
    found = load_dataset(tmp_path).table
    assert {f"given_{name}" for name in taken} <= set(found) and not set(taken) & set(found)


def test_a_table_without_a_trait_names_it(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip,openness\na.mp4,0.5\n")
    with pytest.raises(DatasetError, match="lacks the column conscientiousness"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("clip", "source"),
    [("-x_y.005.mp4", "-x_y"), ("folder/film.mp4", "folder/film"), ("two.parts.mp4", "two.parts"), ("a.1.png", "a")],
)
def test_source_of(clip: str, source: str) -> None:
    assert source_of(clip) == source
