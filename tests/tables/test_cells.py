import pandas as pd
import pytest

from personality.tables.cells import as_attribute, as_numbers, as_text
from personality.tables.errors import TableError


def test_numbers_with_decimal_points_and_commas() -> None:
    found = as_numbers(pd.Series(["0,25", " 0.5 ", "1e-1", "NA", None, "3", ",5", "-1,5"]))
    assert found.fillna(-9).tolist() == [0.25, 0.5, 0.1, -9, -9, 3, 0.5, -1.5]
    assert as_numbers(pd.Series([1, 2])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("cells", [["0.5", "high"], ["55%"], ["1.000,5"], [True], ["inf"], [float("-inf")], [[1, 2]]])
def test_error_for_non_numbers_names_the_column(cells: list) -> None:
    with pytest.raises(TableError, match="column x"):
        as_numbers(pd.Series(cells, name="x"))


def test_names_that_look_like_numbers_are_unchanged() -> None:
    assert as_text(pd.Series(["00123", "1e5"])).tolist() == ["00123", "1e5"]
    assert as_text(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert as_text(pd.Series([1.0, None, 3.0])).fillna("-").tolist() == ["1", "-", "3"]
    assert as_text(pd.Series(["a", "b"], dtype="category")).tolist() == ["a", "b"]


def test_an_attribute_is_a_measurement_or_the_name_of_a_group() -> None:
    def kind(*cells: str | None) -> str:
        return as_attribute(pd.Series(cells, dtype="str"), most_groups=3).dtype.kind

    assert kind("1", "2", "1") == "O", "codes of groups"
    assert kind("1", "2", "3", "4", None) == "f"
    assert kind("1.5", "2") == kind("1.5", "NA", "2") == kind("1,5", "-", "2") == "f"
    assert kind("01", "02", "03", "04") == kind("1e5", "2", "3", "4") == kind("NA", "1", "2", "3") == "O"
