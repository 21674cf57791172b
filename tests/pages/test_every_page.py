"""Every page: a first visit, required notices, and the contents of every analysis."""

import re

import pytest

from personality.constants import IMPRESSION_NOTICE
from tests.pages.visits import ANALYSIS, ROOT, practise, visit, words

PAGES = re.findall(r"pages/(\w+)\.py", (ROOT / "app.py").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_first_visit_shows_its_data(page: str) -> None:
    app = visit(page)
    assert app.title[0].value
    assert not app.error
    notices = ("computer-made", "**Real people, summary statistics only.**", "Trained on")
    assert any(notice in words(app) for notice in notices)


@pytest.mark.parametrize("page", ["overview", "predict", "live", "guess"])
def test_pages_with_traits_of_a_person_explain_them(page: str) -> None:
    assert IMPRESSION_NOTICE in words(visit(page))


@pytest.mark.parametrize("page", ANALYSIS)
def test_analysis_shows_n_and_the_baseline(page: str) -> None:
    app = practise(page)
    assert "200 clips from 50 sources" in words(app)
    assert "mean baseline" in words(app)
    figures = next(frame.value for frame in app.dataframe if "baseline" in frame.value)
    assert {"n", "sources", "low", "high"} <= set(figures.columns)
