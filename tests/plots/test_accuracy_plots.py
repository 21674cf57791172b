import numpy as np
import pandas as pd
import pytest

from personality.plots.accuracy_plots import accuracy_dots, gap_dots
from personality.plots.count_plots import heatmap

ROW = {"sources": 2, "low": 0.8, "high": 0.95, "signed_error": 0.0, "baseline": 0.85, "trait": "mean"} | {
    "lookup": np.nan
}


def test_dots_are_at_the_figures_and_empty_groups_are_left_out() -> None:
    cells = [("a", "male", 4, 0.9), ("a", "female", 6, 0.8), ("a", "other", 0, np.nan)]
    rows = pd.DataFrame([{**ROW, "model": m, "group": g, "n": n, "accuracy": a} for m, g, n, a in cells])
    figure = accuracy_dots(rows, line="group", colour="model", colours={"a": "#000000"})
    dots, ticks = figure.data
    assert list(dots.x) == [0.9, 0.8]
    assert list(ticks.x) == [0.85, 0.85]
    np.testing.assert_allclose(dots.error_x.array, [0.05, 0.15])
    assert list(figure.layout.yaxis.ticktext) == ["male · n = 4", "female · n = 6"]


def test_other_measures_have_interval_and_zero_line_but_no_baselines() -> None:
    cells = {"gain": 0.02, "gain_low": 0.01, "gain_high": 0.05, "model": "a", "group": "all", "n": 4, "accuracy": 0.9}
    rows = pd.DataFrame([{**ROW, **cells}])
    figure = accuracy_dots(rows, line="model", colour="model", colours={}, measure="gain")
    (dots,) = figure.data
    assert list(dots.x) == [0.02]
    assert "constant" not in dots.hovertemplate
    assert (dots.error_x.array[0], dots.error_x.arrayminus[0]) == (pytest.approx(0.03), pytest.approx(0.01))
    assert figure.layout.shapes[0].x0 == 0
    assert not accuracy_dots(rows, line="model", colour="model", colours={}).layout.shapes


def test_same_source_baseline_is_marked_if_known() -> None:
    rows = pd.DataFrame([{**ROW, "model": "a", "group": "all", "n": 4, "accuracy": 0.9, "lookup": 0.88}])
    names = [trace.name for trace in accuracy_dots(rows, line="model", colour="model", colours={}).data]
    assert names == ["a", "mean baseline", "same-source baseline"]


def test_significant_gaps_have_filled_markers() -> None:
    row = {"trait": "mean", "n": 40, "low": -0.1, "high": 0.1, "verdict": "so"}
    cells = [("a", "male", -0.05, 0.01), ("a", "female", 0.02, 0.4), ("b", "male", 0.01, 0.9)]
    gaps = pd.DataFrame([{**row, "model": m, "group": g, "gap": x, "p_holm": p} for m, g, x, p in cells])
    figure = gap_dots(gaps, colours={"a": "#000000"}, title="gap")
    first, second = figure.data
    assert list(first.marker.symbol) == ["circle", "circle-open"]
    assert list(second.marker.symbol) == ["square-open"]
    assert (list(first.x), list(second.x)) == ([-0.05, 0.02], [0.01])
    np.testing.assert_allclose(first.error_x.array, [0.15, 0.08])
    assert list(figure.layout.yaxis.ticktext) == ["male · n = 40", "female · n = 40"]
    assert figure.layout.shapes[0].x0 == 0


def test_diverging_heatmap_is_centered() -> None:
    cell = {"row": "male", "low": 0.0, "high": 0.1, "n": 4, "sources": 2, "small": True, "text": "x"}
    cells = pd.DataFrame([{**cell, "column": c, "group": c, "value": v} for c, v in (("a", -0.02), ("b", 0.05))])
    drawn = heatmap(cells, names=("gender", "emotion"), title="signed error", around=0.0, baselines=False).to_dict()
    paper, boxes, _ = drawn["layer"]
    assert boxes["encoding"]["color"]["scale"]["domain"] == [-0.05, 0.0, 0.05]
    assert boxes["encoding"]["opacity"]["condition"]["test"] == "datum.small"
    assert "opacity" not in paper["encoding"]
    assert "baseline" not in str(boxes["encoding"]["tooltip"])
    assert [each["select"]["fields"] for each in drawn["params"] if each["name"] == "cell"] == [["group"]]


def test_published_systems_are_crosses() -> None:
    rows = pd.DataFrame([{**ROW, "model": "a", "group": "all", "n": 4, "accuracy": 0.9}])
    published = pd.DataFrame({"system": ["theirs"], "trait": ["mean"], "value": [0.91]})
    crosses = accuracy_dots(rows, line="trait", colour="model", colours={}, published=published).data[-1]
    assert (list(crosses.x), list(crosses.y), crosses.name) == ([0.91], [0], "published, without intervals")


TRAP, ESCAPED = "<b>b</b> <a href='x'>a</a> %{x}", "&lt;b&gt;b&lt;/b&gt; &lt;a href=&#x27;x&#x27;&gt;a&lt;/a&gt; %{x}"


def test_names_are_escaped_for_plotly() -> None:
    """Plotly renders tags and links in names, and substitutes expressions in braces in its templates."""
    rows = pd.DataFrame([{**ROW, "model": TRAP, "group": TRAP, "n": 4, "accuracy": 0.9}])
    gaps = rows.assign(gap=0.1, p_holm=0.5, verdict=TRAP)
    colours = {TRAP: "#000000"}
    for figure in (
        accuracy_dots(rows, line="group", colour="model", colours=colours),
        gap_dots(gaps, colours=colours, title="gap"),
    ):
        assert figure.data[0].name.startswith(ESCAPED)
        assert figure.layout.yaxis.ticktext[0] == f"{ESCAPED} · n = 4"
        assert "<b>" not in figure.data[0].hovertemplate
    assert figure.data[0].customdata[0][0] == ESCAPED
