"""Tables with one row per clip and trait."""

import pandas as pd
import pytest

from personality.tables.columns import identify_columns
from personality.tables.errors import TableError
from personality.tables.long_form import widen_long_table

LETTERS = ("O", "C", "E", "A", "N")


def long_table(**more: object) -> pd.DataFrame:
    """Two clips with values .1 to .5 and .2 to .6, in mixed order, and a sixth variable."""
    rows = [
        (clip, trait, 0.1 * (clip == "b.mp4") + 0.1 * number)
        for clip in ("a.mp4", "b.mp4")
        for number, trait in enumerate(LETTERS, 1)
    ]
    rows += [("a.mp4", "interview", 0.9), ("b.mp4", "interview", 0.9)]
    return pd.DataFrame(rows[::-1], columns=["clip", "trait", "predicted"]).assign(**more)


def test_one_row_per_clip_and_trait_becomes_one_row_per_clip() -> None:
    wide = widen_long_table(long_table(gender="female")).set_index("clip")
    columns = identify_columns(["clip", *wide.columns])
    assert columns.is_neuroticism  # the letter N needs interpretation, as a column N does
    values = wide[[columns.traits[trait] for trait in columns.traits]]
    assert values.loc["a.mp4"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert values.loc["b.mp4"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert wide["gender"].tolist() == ["female", "female"]
    assert "interview" not in wide


def test_other_tables_are_unchanged() -> None:
    wide = pd.DataFrame({"clip": ["a.mp4"], "O": [0.5], "trait_count": [5]})
    assert widen_long_table(wide) is wide


def test_each_rater_has_a_row() -> None:
    table = pd.concat([long_table(rater="r1"), long_table(rater="r2")])
    assert widen_long_table(table)[["clip", "rater"]].to_numpy().tolist() == [
        ["a.mp4", "r1"],
        ["a.mp4", "r2"],
        ["b.mp4", "r1"],
        ["b.mp4", "r2"],
    ]


@pytest.mark.parametrize("column", ["trait", "gender"])
def test_several_values_for_one_cell_are_rejected(column: str) -> None:
    table = long_table(gender="female", model="first")
    if column == "trait":
        table = pd.concat([table, table.assign(model="second")])
    else:
        table.loc[table.index[-1], "gender"] = "male"
    with pytest.raises(TableError, match="model" if column == "trait" else "gender"):
        widen_long_table(table)
