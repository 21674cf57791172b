import numpy as np
import pandas as pd
import pytest

from personality.analysis.drilldown import find_worst_cell, heatmap_cells, list_clip_values, list_group_clips
from personality.analysis.group_assignment import groups_by_name
from personality.analysis.groups import accuracy_by
from personality.traits import TRAIT_NAMES
from tests.analysis.test_analysis import predictions


def test_heatmap_cells_of_two_attributes_equal_the_rows() -> None:
    table = predictions(models=("a", "b"))
    rows = accuracy_by(table, ["gender", "emotion"])
    cells = heatmap_cells(
        rows,
        groups_by_name(table, ["gender", "emotion"]),
        model="b",
        trait="mean",
        figure="gain",
        bounds=("gain_low", "gain_high"),
    )
    assert set(zip(cells["row"], cells["column"], strict=True)) == {
        (gender, emotion) for gender in ("male", "female") for emotion in ("happy", "fear")
    }
    wanted = rows.query("model == 'b' and trait == 'mean'").set_index("group")
    for cell in cells.to_dict("records"):
        row = wanted.loc[cell["group"]]
        assert (cell["value"], cell["low"], cell["high"]) == (row["gain"], row["gain_low"], row["gain_high"])
        assert cell["small"] == (row["n"] < 30)
        assert cell["text"].startswith(f"{row['gain']:.3f}\nn = {row['n']}")


def test_heatmap_of_one_attribute_has_one_column_and_no_empty_groups() -> None:
    table = predictions().assign(age_group="19-24")
    rows, groups = accuracy_by(table, ["age_group"]), groups_by_name(table, ["age_group"])
    cells = heatmap_cells(rows, groups, model="m", trait="openness", figure="accuracy", bounds=None)
    assert cells[["row", "column"]].to_numpy().tolist() == [["19-24", "all"]]
    assert np.isnan(cells["low"]).all()


def test_clips_are_sorted_by_error() -> None:
    table = predictions(models=("a", "b"))
    clips = list_group_clips(table, ["gender"], ("male",), model="a", trait="openness")
    part = table.query("model == 'a' and trait == 'openness' and gender == 'male'")
    assert clips["clip"].tolist() == (
        part.assign(error=(part["predicted"] - part["actual"]).abs())
        .sort_values("error", ascending=False)["clip"]
        .tolist()
    )
    mean = list_group_clips(table, ["gender"], ("male",), model="a", trait="mean").set_index("clip")
    clip = mean.index[0]
    five = table[table["model"].eq("a") & table["clip"].eq(clip)]
    assert mean.loc[clip, "error"] == pytest.approx((five["predicted"] - five["actual"]).abs().mean())


def test_clip_values_start_with_ratings_by_people() -> None:
    table = predictions(models=("a", "b"))
    said = list_clip_values(table, "c7")
    assert said["trait"].drop_duplicates().tolist() == list(TRAIT_NAMES)
    assert said.groupby("trait", sort=False)["model"].agg(list).tolist() == [["people", "a", "b"]] * 5
    people = table.query("clip == 'c7' and model == 'a'").set_index("trait")["actual"]
    assert said.query("model == 'people'").set_index("trait")["value"].to_dict() == people.to_dict()


def test_the_worst_cell_is_one_of_the_large_ones() -> None:
    cells = pd.DataFrame({"group": list("abcd"), "value": [0.1, 0.3, -0.4, 0.2], "small": [True, False, False, False]})
    assert find_worst_cell(cells, "gain") == "c"
    assert find_worst_cell(cells.assign(value=[0.9, -0.3, 0.1, 0.2]), "signed_error") == "b"
    assert find_worst_cell(cells.assign(small=True), "gain") == "a"
    assert find_worst_cell(cells.assign(value=np.nan), "gain") == "a"
