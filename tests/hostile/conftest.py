"""How much of each trial runs, and where its outcome is written: all of it with `make trials`, else a share."""

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
    """How many to try: all, or what runs with every change."""
    return lambda all_of_them, some: all_of_them if FULL else some


@pytest.fixture
def outcome() -> Iterator[Callable[[str, str], None]]:
    """Note what was tried and how it ended; a test that fails notes nothing."""
    noted: dict[str, str] = {}
    yield noted.__setitem__
    found.update(noted)


def pytest_sessionfinish() -> None:
    """Write the outcomes into the page, one line each, over those of the same trial."""
    if not FULL or not found:
        return
    before, _, rest = PAGE.read_text().partition(START)
    table, _, after = rest.partition(END)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    today = datetime.date.today()
    lines |= {what: f"| {what} | {how} | {today} |" for what, how in found.items()}
    PAGE.write_text(before + START + "".join(line + "\n" for line in lines.values()) + END + after)
