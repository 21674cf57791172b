import pytest

from personality.traits import age_group


@pytest.mark.parametrize(
    ("age", "group"), [(0, "0-6"), (6.9, "0-6"), (7, "7-13"), (32.99, "25-32"), (33, "33-45"), (99, "61+")]
)
def test_age_group_begins_with_its_first_year(age: float, group: str) -> None:
    assert age_group(age) == group
