"""The analysis pages: the operator's tables, groups, Explore."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from pages.components import group_differences
from pages.components.group_differences import GAP_AXIS_LABELS
from pages.components.table_picker import BASELINE_CHOICES, PRACTICE_DATA_LABEL, REAL_DATA_LABEL
from personality.analysis.gaps import GAP_MEASURES
from personality.assets import demo
from personality.inference.evaluate import evaluate
from personality.plots.accuracy_plots import BASELINE_MARKS
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.preprocessing.cache import Cache
from tests.pages.visits import ANALYSIS, ROOT, numbers, practise, read, visit, words


@pytest.mark.parametrize("page", ANALYSIS)
def test_analysis_of_an_operators_table(page: str, runs: Path, cache: Cache, workspace: Path) -> None:
    table, _ = evaluate([runs / "audio"], cache, "test")
    write_predictions(table, workspace / "predictions" / "mine.parquet")
    app = visit(page)
    app.selectbox(key="table").select("mine").run()
    assert not app.exception
    assert f"{table['clip'].nunique()} clips" in words(app)
    assert demo.PRACTICE_NOTICE not in words(app)
    assert demo.SYNTHETIC_DATA_NOTICE in words(app)  # because the table's clips are computer-made


@pytest.mark.parametrize(("page", "column"), [("gender", "gender_from"), ("age", "age_group_from")])
def test_estimated_attributes_have_a_warning(page: str, column: str, workspace: Path) -> None:
    table = read_predictions(demo.DEMO_PREDICTIONS_FILE)
    clips = table["clip"].unique()
    table[column] = np.where(table["clip"].isin(clips[:3]), "estimated", "annotated")
    write_predictions(table, workspace / "predictions" / "mine.parquet")
    app = visit(page)
    assert "Estimated from the face" not in words(app)
    app.selectbox(key="table").select("mine").run()
    assert f"Annotated by people: {len(clips) - 3:,} clips. **Estimated from the face: 3**" in words(app)


@pytest.mark.parametrize("page", ["gender", "age", "emotion"])
def test_a_table_without_the_attribute_gives_a_message(page: str, workspace: Path) -> None:
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    (workspace / "predictions").mkdir()
    plain = ["clip", "source", "split", "model", "trait", "predicted", "actual"]
    table[plain].to_parquet(workspace / "predictions" / "bare.parquet")
    app = visit(page)
    app.selectbox(key="table").select("bare").run()
    assert not app.exception
    assert app.warning


def test_traits_compares_with_the_thesis() -> None:
    app = visit("traits")
    published = next(frame.value for frame in app.dataframe if "thesis audio" in frame.value.index)
    assert published.loc["thesis audio+visual+handcrafted", "Mean of the traits"] == 0.90893


def test_custom_ranges_and_invalid_ones() -> None:
    app = practise("age")
    app.text_input(key="age_edges").set_value("30, 50").run()
    assert not app.exception
    assert "30 to 50" in app.dataframe[0].value["group"].tolist()
    app.text_input(key="age_edges").set_value("young").run()
    assert not app.exception
    assert "age:young" in read(app.warning[0].value)


def test_explore_splits_numbers_and_shows_the_mean_human_rating() -> None:
    app = practise("explore")
    app.multiselect(key="by").set_value(["age"]).run()
    app.text_input(key="edges_age").set_value("40").run()
    app.selectbox(key="figure").set_value("actual_mean").run()
    assert not app.exception
    assert app.selectbox(key="cell").options == ["under 40", "40 and over"]
    app.segmented_control(key="measure").set_value("actual_mean").run()
    assert GAP_AXIS_LABELS["actual_mean"][1] in words(app)


def test_one_of_several_splits_is_shown(workspace: Path) -> None:
    test = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    training = test.assign(split="training", clip="t-" + test["clip"], source="t-" + test["source"])
    (workspace / "predictions").mkdir()
    some = training[training["clip"].isin(training["clip"].unique()[:40])]
    pd.concat([test, some]).to_parquet(workspace / "predictions" / "both.parquet")
    app = visit("traits")
    app.selectbox(key="table").select("both").run()
    assert "200 clips from 50 sources" in words(app)
    app.segmented_control(key="split").set_value("training").run()
    assert not app.exception
    assert "40 clips from" in words(app)


@pytest.mark.parametrize("page", ["traits", "gender", "age", "emotion"])
def test_the_choice_of_baselines_applies_to_the_dot_charts(page: str) -> None:
    app = practise(page)
    app.segmented_control(key="measure").set_value("accuracy").run()
    labels = {name: label for name, (label, _) in BASELINE_MARKS.items()}
    for choice, baselines in BASELINE_CHOICES.items():
        app.selectbox(key="baselines").select(choice).run()
        assert not app.exception
        drawn = {trace["name"] for chart in app.get("plotly_chart") for trace in json.loads(chart.proto.spec)["data"]}
        assert drawn & set(labels.values()) == {labels[name] for name in baselines}


HOSTILE = {
    **dict.fromkeys(("models", "by", "cell", "figure", "model", "trait", "against"), "../../etc/passwd"),
    **dict.fromkeys(("split", "sources", "baselines", "measure", "gender_model", "published"), "<script>1</script>"),
    **dict.fromkeys(("age_edges", "edges_age", "edges_emotion_confidence"), "nan,1e999," + "9" * 5000),
}


def follow(page: str, choices: dict[str, str]) -> AppTest:
    """Open a page by a URL with query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    app.switch_page(f"pages/{page}.py")
    for name, value in choices.items():
        app.query_params[name] = value
    return app.run()


def test_a_comparison_ends_with_the_run_of_its_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave() -> None:
        raise StopException  # as any call of Streamlit does once the page is closed

    monkeypatch.setattr(group_differences, "end_run_of_lost_visitor", leave)
    st.cache_data.clear()
    app = visit("gender", table=PRACTICE_DATA_LABEL)
    assert "significant difference" not in words(app)
    monkeypatch.undo()
    assert "significant difference" in words(app.run())


@pytest.mark.parametrize("page", ["age", "emotion", "explore"])
def test_a_url_keeps_the_trait(page: str) -> None:
    assert follow(page, {"table": PRACTICE_DATA_LABEL, "trait": "Openness"}).selectbox(key="trait").value == "openness"


@pytest.mark.parametrize("page", ANALYSIS)
@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("table", ["../../etc/passwd", PRACTICE_DATA_LABEL])
def test_a_hostile_url_shows_the_page(page: str, public: bool, table: str, go_public: Callable[[], None]) -> None:
    if public:
        go_public()
    app = follow(page, HOSTILE | {"table": table})
    assert not app.exception
    clips = "200 clips from 50 sources" if table == PRACTICE_DATA_LABEL else "2,000 clips of 1,484 videos"
    assert clips in words(app)
    assert "passwd" not in words(app)


def test_the_hash_of_a_large_table_depends_on_every_row() -> None:
    from pages.components.table_picker import TABLE_ORIGIN_ATTR, hash_predictions_table

    table = pd.DataFrame({"clip": [f"c{number}" for number in range(60_000)], "actual": 0.5})
    changed = table.copy()
    changed.loc[31_234, "actual"] = 0.6
    assert hash_predictions_table(table) == hash_predictions_table(table.copy())
    assert hash_predictions_table(table) != hash_predictions_table(changed)
    table.attrs[TABLE_ORIGIN_ATTR], changed.attrs[TABLE_ORIGIN_ATTR] = ("a.parquet", 1), ("a.parquet", 2)
    assert hash_predictions_table(table) != hash_predictions_table(changed)


def test_a_changed_table_is_read_again(workspace: Path) -> None:
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    write_predictions(table, workspace / "predictions" / "mine.parquet")
    app = visit("traits")
    before = accuracies(app.selectbox(key="table").select("mine").run())
    write_predictions(table.assign(predicted=table["actual"]), workspace / "predictions" / "mine.parquet")
    assert set(accuracies(app.run())) == {1.0}
    assert max(before) < 1


def accuracies(app: AppTest) -> list[float]:
    return next(frame.value for frame in app.dataframe if "baseline" in frame.value)["accuracy"].tolist()


def test_a_model_keeps_its_colour_when_others_are_hidden(workspace: Path) -> None:
    table = pd.read_parquet(demo.DEMO_PREDICTIONS_FILE)
    names = dict(
        zip((folder.name for folder in demo.PRACTICE_MODEL_FOLDERS), ("mine", "yours", "theirs", "ours"), strict=True)
    )
    write_predictions(table.assign(model=table["model"].map(names)), workspace / "predictions" / "four.parquet")
    app = visit("traits")
    every = drawn_colours(app.selectbox(key="table").select("four").run())
    assert len(set(every.values())) == 4
    some = drawn_colours(app.multiselect(key="models").set_value(["theirs", "ours"]).run())
    assert some == {name: every[name] for name in ("theirs", "ours")}


def drawn_colours(app: AppTest) -> dict[str, str]:
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    return {trace["name"]: trace["marker"]["color"] for trace in traces if trace.get("error_x")}


LABELS = {"gender": "male · n = 104", "traits": "n = 200", "age": "25-32 · n = "}


@pytest.mark.parametrize(("page", "label"), LABELS.items())
def test_charts_show_n(page: str, label: str) -> None:
    figure = json.loads(practise(page).get("plotly_chart")[0].proto.spec)
    assert label in json.dumps(figure, ensure_ascii=False)


@pytest.mark.parametrize("page", ["traits", "gender", "age"])
@pytest.mark.parametrize("public", [False, True])
def test_real_people_are_shown_first_with_n_and_intervals(
    page: str, public: bool, go_public: Callable[[], None]
) -> None:
    if public:
        go_public()
    app = visit(page)
    assert app.selectbox(key="table").value == REAL_DATA_LABEL
    assert "2,000 clips of 1,484 videos" in words(app)
    figures = next(frame.value for frame in app.dataframe if "gain_low" in frame.value)
    assert figures["n"].min() >= 30
    assert figures[["low", "high", "gain_low", "gain_high", "signed_error_low"]].notna().all(axis=None)
    for measure in GAP_MEASURES:
        app.segmented_control(key="measure").set_value(measure).run()
        assert not app.exception
        assert not app.error
        assert drawn_values(app) >= set(figures.loc[figures["trait"].eq("mean"), measure])


def drawn_values(app: AppTest) -> set[float]:
    """The values of all dots in the first chart."""
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    return {value for trace in traces if trace.get("error_x") for value in numbers(trace["x"])}


def test_real_people_by_ethnicity_and_by_both() -> None:
    app = visit("gender")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert "male · n = 916" in json.dumps(figure, ensure_ascii=False)
    for groups, label in (("ethnicity", "Asian"), ("gender x ethnicity", "male x African-American")):
        app.segmented_control(key="groups").set_value(groups).run()
        assert not app.exception
        assert label in app.get("plotly_chart")[0].proto.spec
        assert "thesis reported" not in words(app)


def test_real_people_unseen_in_training_and_some_models() -> None:
    app = visit("traits")
    app.segmented_control(key="sources").set_value("unseen in training").run()
    app.multiselect(key="models").set_value(["BU-NKU 2017 face"]).run()
    assert not app.exception
    assert "326 clips of 262 videos" in words(app)
    figures = next(frame.value for frame in app.dataframe if "gain_low" in frame.value)
    assert set(figures["model"]) == {"BU-NKU 2017 face"}
    assert figures["n"].unique().tolist() == [326]


@pytest.mark.parametrize("page", ["emotion", "explore"])
def test_pages_that_need_clips_offer_the_practice_data(page: str, go_public: Callable[[], None]) -> None:
    app = visit(page)
    assert "import-predictions" in words(app)
    app.button(key="practice").click().run()
    assert not app.exception
    assert app.selectbox(key="table").value == PRACTICE_DATA_LABEL
    assert "200 clips from 50 sources" in words(app)
    go_public()
    assert "import-predictions" not in words(visit(page))


def test_a_url_keeps_the_selected_data() -> None:
    app = practise("traits")
    assert app.query_params["table"] == PRACTICE_DATA_LABEL
    assert follow("gender", {"table": PRACTICE_DATA_LABEL}).selectbox(key="table").value == PRACTICE_DATA_LABEL


def test_overview_shows_real_people_first_and_practice_data_below() -> None:
    app = visit("overview")
    headline = next(frame.value for frame in app.dataframe if "gain, unseen (n = 326)" in frame.value)
    assert headline["model"].tolist()[:3] == ["voice", "words", "voice + words"]
    face = headline.set_index("model").loc["BU-NKU 2017 face"]
    assert face["accuracy, all (n = 2,000)"].startswith("0.9143 [0.91")
    assert face["accuracy, unseen (n = 326)"].startswith("0.9078 [0.90")
    text = words(app)
    assert "Underrates men compared with women" in text
    assert text.index("2,000 clips of 1,484 videos") < text.index(demo.PRACTICE_NOTICE)


def test_the_selected_data_stay_selected_on_other_pages() -> None:
    app = practise("traits")
    for page in ("gender", "age", "explore"):
        app.switch_page(f"pages/{page}.py").run()
        assert app.selectbox(key="table").value == PRACTICE_DATA_LABEL
        assert "200 clips from 50 sources" in words(app)
    app.selectbox(key="table").select(REAL_DATA_LABEL).run()
    app.query_params.clear()  # as a browser does when it opens another page
    app.switch_page("pages/age.py").run()
    assert "2,000 clips of 1,484 videos" in words(app)
