"""Every page: a first visit, what it must say, and what every analysis shows."""

import re

import pytest

from tests.pages.visits import ANALYSIS, ROOT, practise, visit, words

PAGES = re.findall(r"pages/(\w+)\.py", (ROOT / "app.py").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_first_visit_shows_something_true(page: str) -> None:
    app = visit(page)
    assert app.title[0].value
    assert not app.error
    said = ("computer-made", "**Real people, figures only.**", "Trained on")
    assert any(words_of in words(app) for words_of in said)


@pytest.mark.parametrize("page", ["overview", "predict"])
def test_pages_that_show_traits_of_a_person_say_what_they_are(page: str) -> None:
    assert "impressions of strangers, not personality" in words(visit(page))


@pytest.mark.parametrize("page", ANALYSIS)
def test_analysis_shows_n_and_the_baseline(page: str) -> None:
    app = practise(page)
    assert "200 clips of 50 sources" in words(app)
    assert "always predicting the training mean" in words(app)
    figures = next(frame.value for frame in app.dataframe if "baseline" in frame.value)
    assert {"n", "sources", "low", "high"} <= set(figures.columns)
