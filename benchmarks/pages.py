"""Duration of the app's pages on the server: `python -m benchmarks.pages`.

Each page is run like in Streamlit, but without a browser: once, which includes reading its table and computing its
figures, and again, as after a click. The differences between groups, which a page computes in a fragment, are timed
separately. Tables: the demo's, and one of 10,000 clips x 4 models (200,000 rows).
Then the time from the start of a server until its first page is shown in a browser is measured.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from benchmarks.machine import describe_machine
from pages.components import group_differences
from pages.components.table_picker import PRACTICE_DATA_LABEL
from personality.analysis.gaps import compare_groups
from personality.assets import demo
from personality.predictions.predictions_table import PredictionsError
from personality.utils.locations import APP_FOLDER
from personality.utils.workspace import WORKSPACE_VARIABLE

TIMED_TABLE_PAGES = ("traits", "gender", "age", "emotion", "explore")
TIMED_OTHER_PAGES = ("overview", "predict", "live", "guess", "dataset", "models", "about")
LARGE_TABLE_CLIPS = 10_000
PAGE_RUN_REPEATS = 3


def main() -> None:
    """Print a table of milliseconds."""
    print(describe_machine())
    begin = PagesManager.__init__

    def remember(self: PagesManager, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        PagesManager.uses_pages_directory = False  # AppTest resets this at every run, although st.navigation is used

    PagesManager.__init__ = remember  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as workspace:
        os.environ[WORKSPACE_VARIABLE] = workspace
        large = Path(workspace) / "predictions" / "large.parquet"
        large.parent.mkdir()
        enlarge_predictions(pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)).to_parquet(large)
        print("milliseconds on the server        first   again   differences")
        for page in (*TIMED_OTHER_PAGES, *TIMED_TABLE_PAGES):
            print(f"{page:12s} as first shown     {time_page(page, None)}")
        for page in TIMED_TABLE_PAGES:
            print(f"{page:12s} practice data      {time_page(page, PRACTICE_DATA_LABEL)}")
            print(f"{page:12s} 200,000 rows       {time_page(page, 'large')}")
        time_first_page()


def time_page(page: str, table: str | None) -> str:
    """Return the times of the first run of a page without its differences, of later runs (median), and of the
    differences."""
    app = AppTest.from_file(str(APP_FOLDER / "app.py"), default_timeout=600)
    app.run()
    with patch.object(group_differences, "compare_groups", side_effect=PredictionsError("later")):
        began = time.perf_counter()
        app.switch_page(f"pages/{page}.py").run()
        if table:
            began = time.perf_counter()
            app.selectbox(key="table").select(table).run()
        first = time.perf_counter() - began
    spent: list[float] = []
    with patch.object(group_differences, "compare_groups", side_effect=record_seconds(compare_groups, spent)):
        app.run()
    again = []
    for _ in range(PAGE_RUN_REPEATS):
        began = time.perf_counter()
        app.run()
        again.append(time.perf_counter() - began)
    assert not app.exception, app.exception
    return f"{first * 1000:7.0f} {np.median(again) * 1000:7.0f} {sum(spent) * 1000:7.0f}"


def record_seconds(function: Callable, spent: list[float]) -> Callable:
    """Return the function with a wrapper that appends its duration in seconds to `spent`."""

    def run(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent.append(time.perf_counter() - began)

    return run


def enlarge_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return copies of the demo's clips under new names, with noise added to their predictions."""
    generator = np.random.default_rng(0)
    copies = []
    for number in range(LARGE_TABLE_CLIPS // table["clip"].nunique()):
        noise = generator.normal(0, 0.02, len(table))
        names = {name: table[name] + f"-{number}" for name in ("clip", "source")}
        copies.append(table.assign(**names, predicted=(table["predicted"] + noise).clip(0, 1)))
    return pd.concat(copies, ignore_index=True)


def time_first_page() -> None:
    """Print the seconds from the start of a server to its first page in a browser."""
    from tests.browser.server import browser, served

    with browser() as chromium, tempfile.TemporaryDirectory() as workspace:
        began = time.perf_counter()
        with served(Path(workspace)) as address:
            up = time.perf_counter() - began
            page = chromium.new_page()
            page.goto(address)
            page.get_by_role("heading", name=re.compile("how close")).wait_for()
            print(
                f"a server responds after {up:.1f} s; its first page is shown after {time.perf_counter() - began:.1f} s"
            )


if __name__ == "__main__":
    main()
