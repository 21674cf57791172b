from pathlib import Path

import pandas as pd
import pytest

from personality.constants import PREDICTED_SUFFIXES
from personality.dataset import DatasetError, load_dataset
from personality.dataset.index import parse_source
from personality.traits import TRAIT_NAMES


def write(folder: Path, rows: list[dict]) -> None:
    defaults = dict.fromkeys(TRAIT_NAMES, 0.5)
    pd.DataFrame([{**defaults, **row} for row in rows]).to_csv(folder / "clips.csv", index=False)


def test_additional_columns_become_attributes(tmp_path: Path) -> None:
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


def test_invalid_values_are_reported_and_other_values_are_kept(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            {"clip": "alice/1.mp4", "split": "tst", "gender": "X", "age": "unknown", "source": "", "error": "mine"},
            {"clip": "bob/1.mp4", "split": "Test", "gender": " Male ", "age": -2, "source": "bob", "error": "too"},
            {"clip": "carol.mp4", "split": None, "gender": None, "age": 44, "source": None, "openness": 2},
        ],
    )
    dataset = load_dataset(tmp_path)
    table = dataset.table.set_index("clip")
    assert table["source"].tolist() == ["alice/1", "bob", "carol"]
    assert table.loc["bob/1.mp4", ["split", "gender"]].tolist() == ["test", "male"]
    assert table["split"].tolist()[:2] == ["test", "test"]
    assert table["age"].fillna(0).tolist() == [0, 0, 44]
    assert "given_error" in table
    assert {kind: len(names) for kind, names in dataset.problems.items() if "ignored" in kind} == {
        "clips with a label outside [0, 1], label ignored": 1,
        "clips with a gender that is not male or female, ignored": 1,
        "clips with an age that is not 0 to 130, ignored": 2,
    }
    assert dataset.problems["columns with reserved names, renamed with the prefix given_"] == ["error"]


def test_columns_with_reserved_names_are_renamed(tmp_path: Path) -> None:
    """Columns of `clips.csv` with these names would collide with other columns or be overwritten."""
    taken = ("lookup", "constant", "gender_from", "age_from", "age_group_from", "source_in_training")
    write(tmp_path, [{"clip": "a.mp4", **dict.fromkeys(taken, "mine")}])
    found = load_dataset(tmp_path).table
    assert {f"given_{name}" for name in taken} <= set(found) and not set(taken) & set(found)


def test_missing_trait_column_is_named_in_error(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip,openness\na.mp4,0.5\n")
    with pytest.raises(DatasetError, match="column for conscientiousness"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("clip", "source"),
    [("-x_y.005.mp4", "-x_y"), ("folder/film.mp4", "folder/film"), ("two.parts.mp4", "two.parts"), ("a.1.png", "a")],
)
def test_source_is_parsed_from_clip_name(clip: str, source: str) -> None:
    assert parse_source(clip) == source


def labels(folder: Path, text: str, encoding: str = "utf-8") -> pd.DataFrame:
    (folder / "clips.csv").write_bytes(text.encode(encoding))
    return load_dataset(folder).table.set_index("clip")


def test_table_of_another_program_is_read(tmp_path: Path) -> None:
    rows = [
        "Video;SEX;Set;O;C;E;A;N;Land",
        "x.mp4;1;train;0,1;0,2;0,3;0,4;0,5;NA",
        "y.mp4;Woman;dev;1;1;1;1;1;Österreich",
    ]
    found = labels(tmp_path, "\n".join(rows), "latin-1")
    assert found["gender"].tolist() == ["male", "female"]
    assert found["split"].tolist() == ["training", "validation"]
    assert found.loc["x.mp4", list(TRAIT_NAMES)].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert found["Land"].tolist() == ["NA", "Österreich"]


def test_numeric_clip_names_remain_text(tmp_path: Path) -> None:
    head = "clip,openness,conscientiousness,extraversion,agreeableness,emotional_stability,source,group\n"
    found = labels(tmp_path, head + "00123,.5,.5,.5,.5,.5,1e5,007\n1e5,.5,.5,.5,.5,,010,008\n")
    assert found.index.tolist() == ["00123", "1e5"]
    assert found["source"].tolist() == ["1e5", "010"]
    assert found["group"].tolist() == ["007", "008"]


def test_unknown_split_name_is_refused_instead_of_reassigned(tmp_path: Path) -> None:
    write(tmp_path, [{"clip": "a.mp4", "split": "train"}, {"clip": "b.mp4", "split": "fold3"}])
    with pytest.raises(DatasetError, match=r"'fold3' \(b\.mp4\)"):
        load_dataset(tmp_path)


def test_labels_of_a_questionnaire_are_rescaled_on_request(tmp_path: Path) -> None:
    write(tmp_path, [dict.fromkeys(TRAIT_NAMES, 1.0) | {"clip": "a"}, dict.fromkeys(TRAIT_NAMES, 5.5) | {"clip": "b"}])
    with pytest.raises(DatasetError, match=r"range from 1 to 5\.5.*--scale 1 7"):
        load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="outside 1 to 5"):
        load_dataset(tmp_path, scale=(1, 5))
    assert load_dataset(tmp_path, scale=(1, 7)).table["openness"].tolist() == [0, 0.75]
    turned = load_dataset(tmp_path, scale=(1, 7), is_reversed=True).table
    assert turned["emotional_stability"].tolist() == [1, 0.25]
    assert turned["openness"].tolist() == [0, 0.75]


def test_several_raters_are_averaged_and_their_agreement_is_reported(tmp_path: Path) -> None:
    same = dict.fromkeys(TRAIT_NAMES, 0.4)
    rows = [
        {"clip": "a", "rater": "r1", "country": "NA", "mood": "good", **same},
        {"clip": "a", "rater": "r2", "country": "NA", "mood": "bad", **same, "openness": 0.6},
        {"clip": "b", "rater": "r1", "country": "AT", "mood": "good", **same, "openness": 0.9},
    ]
    write(tmp_path, rows)
    dataset = load_dataset(tmp_path)
    assert dataset.table.set_index("clip")["openness"].to_dict() == {"a": pytest.approx(0.5), "b": 0.9}
    assert dataset.table["country"].tolist() == ["NA", "AT"]
    assert dataset.problems["columns that differ between the raters of a clip, left out"] == ["mood"]
    assert "ICC(1,1)" in dataset.summarize()
    write(tmp_path, [row | {"split": split} for row, split in zip(rows, ("train", "test", "test"), strict=True)])
    with pytest.raises(DatasetError, match="several splits or sources of one clip, the first is a"):
        load_dataset(tmp_path)


def test_clips_are_found_by_foreign_paths_but_never_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    inside = tmp_path / "inside"
    (inside / "alice").mkdir(parents=True)
    for name in ("alice/1.mp4", "B\u00fc.MP4", "c.mp4", "c.avi"):
        (inside / name).write_bytes(b"x")
    names = ["C:\\data\\alice\\1.mp4", "./bu\u0308.mp4", "/home/me/c", "../secret.mp4", "secret"]
    write(inside, [{"clip": name} for name in names])
    dataset = load_dataset(inside)
    assert dataset.table["location"].tolist() == ["alice/1.mp4", "B\u00fc.MP4", "", "", ""]
    assert dataset.table["clip"].tolist() == ["alice/1.mp4", "B\u00fc.MP4", *names[2:]]
    assert len(dataset.problems["clips found by another name"]) == 2


def test_a_clips_csv_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text(",".join(f"c{number}" for number in range(20_001)) + "\n1\n")
    with pytest.raises(DatasetError, match="20,001 columns"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("suffix", PREDICTED_SUFFIXES)
def test_every_format_is_found_without_its_suffix(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"x")
    write(tmp_path, [{"clip": "a"}])
    assert load_dataset(tmp_path).table["location"].tolist() == [f"a{suffix}"]


def test_rows_of_a_clip_with_different_labels_are_averaged_without_a_column_of_raters(tmp_path: Path) -> None:
    rows = [{"clip": "a.mp4", "participant": who, "openness": label} for who, label in (("p1", 0.2), ("p2", 0.6))]
    write(tmp_path, [*rows, {"clip": "b.mp4", "participant": "p1"}, {"clip": "b.mp4", "participant": "p1"}])
    dataset = load_dataset(tmp_path)
    assert dataset.table.set_index("clip")["openness"].to_dict() == pytest.approx({"a.mp4": 0.4, "b.mp4": 0.5})
    assert "participant" not in dataset.table


@pytest.mark.parametrize(
    ("codes", "genders"),
    [
        (["1", "2", "1"], ["male", "female", "male"]),
        (["0", "1", "f"], ["", "", "female"]),
        (["m", "3", "1"], ["male", "", ""]),
    ],
)
def test_numbers_of_genders_are_read_only_if_they_are_1_and_2(
    tmp_path: Path, codes: list[str], genders: list[str]
) -> None:
    write(tmp_path, [{"clip": f"{number}.mp4", "gender": code} for number, code in enumerate(codes)])
    dataset = load_dataset(tmp_path)
    assert dataset.table["gender"].fillna("").tolist() == genders
    ignored = [names for kind, names in dataset.problems.items() if "gender" in kind]
    assert [len(names) for names in ignored] == [genders.count("")] * bool(genders.count(""))


def test_ages_as_people_write_them(tmp_path: Path) -> None:
    ages = ["34", "34,5", "34 years", "61 y", "25-34", "old", "200"]
    write(tmp_path, [{"clip": f"{number}.mp4", "age": age} for number, age in enumerate(ages)])
    dataset = load_dataset(tmp_path)
    assert dataset.table["age"].fillna(-1).tolist() == [34, 34.5, 34, 61, -1, -1, -1]
    assert len(next(names for kind, names in dataset.problems.items() if "age" in kind)) == 3
