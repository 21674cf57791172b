"""The audit: figures equal those of the analysis; one file without external resources; text is escaped."""

import re

import pandas as pd
import pytest

from personality.analysis.groups import accuracy_by
from personality.assets.demo import DEMO_PREDICTIONS_FILE
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import PredictionsError
from personality.report.audit import audit_predictions, digest_predictions
from personality.report.page import draw_interval_strips, render_report


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return read_predictions(DEMO_PREDICTIONS_FILE)


def test_report_figures_equal_those_of_the_analysis(table: pd.DataFrame) -> None:
    found = audit_predictions(table, ["gender", "age_group"], name="demo")
    rows = accuracy_by(table).query("trait == 'mean'")
    pd.testing.assert_frame_equal(found.overall, rows)
    assert [attribute.name for attribute in found.attributes] == ["gender", "age_group"]
    assert all(attribute.rows["n"].gt(0).all() for attribute in found.attributes)
    assert found.worst["gap"].iloc[0] < 0
    assert found.training_overlap is None  # no source of the practice test split is in training
    for row in rows.to_dict("records"):
        assert f"{row['accuracy']:.4f}" in render_report(found)


def test_report_is_one_small_file_without_external_resources(table: pd.DataFrame) -> None:
    html = render_report(audit_predictions(table, ["gender"], name="demo"))
    assert len(html.encode()) < 5_000_000
    assert not re.search(r"<(script|link|img|iframe)\b|https?://|url\(|@import", html)
    assert html.count("<table") == html.count("</table>")


def test_text_from_the_table_is_escaped(table: pd.DataFrame) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    renamed = table.assign(model=evil, gender=table["gender"].map({"male": evil, "female": "f"}))
    renamed = renamed[table["model"].eq("practice_audio")]
    html = render_report(audit_predictions(renamed, ["gender"], name=evil))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_digest_depends_on_values_and_not_on_row_order(table: pd.DataFrame) -> None:
    assert digest_predictions(table) == digest_predictions(table.sample(frac=1, random_state=0))
    other = table.copy()
    other.loc[0, "predicted"] += 1e-6
    assert digest_predictions(table) != digest_predictions(other)


def test_report_compares_seen_and_unseen_sources(table: pd.DataFrame) -> None:
    known = table.assign(source_in_training=table["gender"].map({"male": "yes", "female": "no"}))
    seen = audit_predictions(known, ["gender"], name="demo").training_overlap
    assert seen is not None
    assert set(seen["group"]) == {"in training", "not in training"}


def test_unknown_attribute_raises_clear_error(table: pd.DataFrame) -> None:
    with pytest.raises(PredictionsError, match="no attribute height"):
        audit_predictions(table, ["height"], name="demo")


def test_interval_strips_share_a_scale() -> None:
    rows = pd.DataFrame(
        {"v": [0.0, 1.0, float("nan")], "low": [-1.0, 0.5, float("nan")], "high": [1.0, 3.0, float("nan")]}
    )
    one, two, none = draw_interval_strips(rows, "v", "low", "high", 0.0)
    assert 'cx="42.0"' in one  # a quarter of the way from -1 to 3, of 152 after 4
    assert 'x2="156.0"' in two
    assert "circle" not in none
