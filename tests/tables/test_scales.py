import pandas as pd
import pytest

from personality.tables.errors import TableError
from personality.tables.scales import check_scale, rescale


@pytest.mark.parametrize(
    ("values", "scale", "words"),
    [
        ([1.0, 4.9], None, r"1 to 4\.9, 1 of 2 .* 0 to 1.*--scale 1 5 or --scale 1 7"),
        ([2.0, 5.5], None, "--scale 1 7 or --scale 0 10"),
        ([0.0, 88.0], None, "such as --scale 0 100$"),
        ([-0.2, 0.5], None, r"-0\.2 to 0\.5.*LOW HIGH$"),
        ([0.5, 3.0], (1, 5), "1 of 2 .* 1 to 5"),
        ([0.5], (1, 1), "--scale 1 1"),
        ([0.5], (7, 1), "--scale 7 1"),
    ],
)
def test_error_for_values_outside_the_scale_gives_their_range(values: list, scale: tuple, words: str) -> None:
    with pytest.raises(TableError, match=words):
        check_scale(pd.DataFrame({"o": values}), scale, option="--scale")


def test_values_are_rescaled_to_0_to_1() -> None:
    values = pd.DataFrame({"o": [1.0, 4.0, 7.0], "c": [2.5, float("nan"), 1.0]})
    check_scale(values, (1, 7), option="--scale")
    assert rescale(values, (1, 7)).fillna(-1).to_numpy().tolist() == [[0, 0.25], [0.5, -1], [1, 0]]
    pd.testing.assert_frame_equal(rescale(values, None), values)
