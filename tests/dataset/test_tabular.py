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


@pytest.mark.parametrize(("row", "word"), [({"split": "tset"}, "tset"), ({"gender": "w"}, "'w' in gender")])
def test_strange_words_are_named(tmp_path: Path, row: dict, word: str) -> None:
    write(tmp_path, [{"clip": "a.mp4", **row}])
    with pytest.raises(DatasetError, match=word):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("clip", "source"),
    [("-x_y.005.mp4", "-x_y"), ("folder/film.mp4", "film"), ("two.parts.mp4", "two.parts"), ("a.1.png", "a")],
)
def test_source_of(clip: str, source: str) -> None:
    assert source_of(clip) == source
