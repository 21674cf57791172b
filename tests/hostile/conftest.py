"""Size of each trial (in full with `make trials`, else a part), and writing of the results to docs/reliability.md."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pages.conftest import after_the_first_request, workspace  # noqa: F401

FULL = os.environ.get("PERSONALITY_TRIALS") == "full"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
START, END = "<!-- what `make trials` found -->\n", "<!-- end -->\n"
found: dict[str, str] = {}


@pytest.fixture
def share() -> Callable[[int, int], int]:
    """A function that selects the number of trials: the full number, or the number for every change."""
    return lambda full, part: full if FULL else part


@pytest.fixture
def outcome() -> Iterator[Callable[[str, str], None]]:
    """A function that records what was tested and the result; nothing is recorded if the test fails."""
    recorded: dict[str, str] = {}
    yield recorded.__setitem__
    found.update(recorded)


def pytest_sessionfinish() -> None:
    """Write the results into the page, one line each, replacing those of the same trial."""
    if not FULL or not found:
        return
    before, _, rest = PAGE.read_text().partition(START)
    table, _, after = rest.partition(END)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    today = datetime.date.today()
    lines |= {what: f"| {what} | {how} | {today} |" for what, how in found.items()}
    PAGE.write_text(before + START + "".join(line + "\n" for line in lines.values()) + END + after)
