"""Every page as a person meets it: the first visit with the demo, and with things of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from personality import demo
from personality.constants import LIMITS
from personality.dataset import load_dataset
from personality.evaluate import evaluate, write_predictions
from personality.preprocessing.cache import Cache
from personality.preprocessing.run import preprocess
from personality.preprocessing.sample import Sample
from personality.traits import TRAITS
from tests.preprocessing.clips import two_people
from training import jobs
from training.config import preset
from training.runs import Run

ROOT = Path(__file__).parents[2]
PAGES = re.findall(r"pages/(\w+)\.py", (ROOT / "app.py").read_text())
ANALYSIS = ("traits", "gender", "age", "emotion", "explore")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSONALITY_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def after_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest forgets at every run that st.navigation was called; a server does not. (The very first request to a
    server has its own test, in the browser.)"""
    begin = PagesManager.__init__

    def remember(self: PagesManager, *arguments: object, **named: object) -> None:
        begin(self, *arguments, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", remember)


def visit(page: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("page", PAGES)
def test_first_visit_shows_something_true(page: str) -> None:
    app = visit(page)
    assert app.title[0].value
    assert not app.error
    assert "synthetic" in words(app)


@pytest.mark.parametrize("page", ["overview", "predict"])
def test_pages_that_show_traits_of_a_person_say_what_they_are(page: str) -> None:
    assert "impressions of strangers, not personality" in words(visit(page))


@pytest.mark.parametrize("page", ANALYSIS)
def test_analysis_shows_n_and_the_baseline(page: str) -> None:
    app = visit(page)
    assert "200 clips of 50 sources" in words(app)
    assert "always saying the training mean" in words(app)
    figures = next(frame.value for frame in app.dataframe if "baseline" in frame.value)
    assert {"n", "sources", "low", "high"} <= set(figures.columns)


@pytest.mark.parametrize("page", ANALYSIS)
def test_analysis_of_a_table_of_ones_own(page: str, runs: Path, cache: Cache, workspace: Path) -> None:
    table, _ = evaluate([runs / "audio"], cache, "test")
    write_predictions(table, workspace / "predictions" / "mine.parquet")
    app = visit(page)
    app.selectbox(key="table").select("mine").run()
    assert not app.exception
    assert f"{table['clip'].nunique()} clips" in words(app)
    assert demo.NOTICE not in words(app)


def test_an_uploaded_table_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    app = visit("traits")
    app.selectbox(key="table").select("Upload a table ...").run()
    app.file_uploader(key="table_file").upload("a.parquet", b"no", "application/octet-stream").run()
    assert not app.exception
    assert "not a parquet file" in app.error[0].value
    pd.DataFrame({"clip": ["a"]}).to_parquet(tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    app.file_uploader(key="table_file").upload("b.parquet", data, "application/octet-stream").run()
    assert "lacks the column source" in app.error[0].value


def test_an_uploaded_table_is_shown() -> None:
    app = visit("traits")
    app.selectbox(key="table").select("Upload a table ...").run()
    app.file_uploader(key="table_file").upload("a.parquet", demo.PREDICTIONS.read_bytes(), "x/y").run()
    assert not app.exception
    assert "200 clips of 50 sources" in words(app)
    app.switch_page("pages/gender.py").run()
    assert app.selectbox(key="table").value == "Upload a table ..."
    assert "200 clips of 50 sources" in words(app)


@pytest.mark.parametrize("page", ["gender", "age", "emotion"])
def test_a_table_without_the_attribute_is_a_sentence(page: str, workspace: Path) -> None:
    table = pd.read_parquet(demo.PREDICTIONS)
    (workspace / "predictions").mkdir()
    plain = ["clip", "source", "split", "model", "trait", "predicted", "actual"]
    table[plain].to_parquet(workspace / "predictions" / "bare.parquet")
    app = visit(page)
    app.selectbox(key="table").select("bare").run()
    assert not app.exception
    assert "no attribute" in words(app) or "has no emotions" in words(app)


def test_dataset_shows_counts_leakage_and_what_went_wrong(cache: Cache, people: Path, workspace: Path) -> None:
    dataset = load_dataset(people)
    table = dataset.table.copy()
    table["source"] = "one"
    table.loc[0, "location"] = ""
    preprocess(replace(dataset, table=table), workspace / "caches" / "mine", workers=2)
    (workspace / "caches" / "begun" / "entries").mkdir(parents=True)
    app = visit("dataset")
    app.selectbox(key="clips").select("mine").run()
    assert not app.exception
    assert app.dataframe[0].value["clips"].sum() == len(table)
    assert app.dataframe[0].value["not read"].sum() == 1
    assert "Splits share sources" in words(app)
    assert "the file is missing" in app.dataframe[-1].value["reason"].tolist()
    assert "Not finished: begun" in words(app)
    app.selectbox(key="attribute").select("emotion").run()
    assert not app.exception


def test_dataset_of_real_labels_names_the_shared_videos(real_data: Path, workspace: Path) -> None:
    preprocess(load_dataset(real_data / "first-impressions"), workspace / "caches" / "real", workers=2)
    app = visit("dataset")
    app.selectbox(key="clips").select("real").run()
    assert not app.exception
    assert app.dataframe[0].value["with labels"].tolist() == [6000, 2000]
    assert app.dataframe[0].value["not read"].tolist() == [5999, 1999]
    assert "Splits share sources" in words(app)


def test_dataset_without_attributes_says_so(cache: Cache, workspace: Path) -> None:
    (workspace / "caches" / "bare").mkdir(parents=True)
    bare = cache.clips.assign(error="the file is missing", faces=0, audio_seconds=0.0, warnings="")
    attributes = ["gender", "age_group", "emotion", "ethnicity", "gender_estimated"]
    bare.drop(columns=attributes, errors="ignore").to_parquet(workspace / "caches" / "bare" / "clips.parquet")
    (workspace / "caches" / "bare" / "card.json").write_text((cache.folder / "card.json").read_text())
    app = visit("dataset")
    app.selectbox(key="clips").select("bare").run()
    assert not app.exception
    assert "says nothing of the people" in words(app)


def test_traits_sets_the_thesis_beside_ours() -> None:
    app = visit("traits")
    published = next(frame.value for frame in app.dataframe if "thesis audio" in frame.value.index)
    assert published.loc["thesis audio+visual+handcrafted", "Mean of five"] == 0.90893


def test_predict_takes_the_sample_and_shows_five_traits_of_four_models() -> None:
    app = visit("predict")
    app.button(key="sample").click().run()
    assert not app.exception
    table = app.dataframe[-1].value
    assert list(table["model"]) == ["audio", "visual", "audiovisual", "handcrafted"]
    assert list(table.columns) == ["model", *(trait.label for trait in TRAITS)]
    assert "16 found" in words(app)
    assert app.metric[0].label == "Looks about"


def test_predict_needs_consent_and_refuses_what_is_no_video() -> None:
    app = visit("predict")
    assert app.file_uploader(key="video_0").disabled
    app.checkbox(key="consent").check().run()
    assert not app.file_uploader(key="video_0").disabled
    app.file_uploader(key="video_0").upload("a.mp4", b"no video", "video/mp4").run()
    assert not app.exception
    assert "cannot be read as a video" in app.error[0].value


def test_predict_without_models_says_where_they_are() -> None:
    app = visit("models")
    app.multiselect(key="models_picked").set_value([]).run()
    app.switch_page("pages/predict.py").run()
    assert "No model is loaded" in words(app)


def test_models_shows_a_card_and_a_way_to_begin() -> None:
    app = visit("models")
    card = json.loads((demo.MODELS[0] / "card.json").read_text())
    assert f"n = {card['metrics']['n']} clips" in words(app)
    assert app.button(key="practice")
    assert "No runs yet" in words(app)


def test_models_lists_runs_and_loads_a_finished_one(runs: Path, workspace: Path) -> None:
    (workspace / "runs").symlink_to(runs)
    app = visit("models")
    table = next(frame.value for frame in app.dataframe if "state" in frame.value)
    assert set(table["state"]) == {"done"}
    app.multiselect(key="models_picked").set_value(["run: audio"]).run()
    app.switch_page("pages/predict.py").run()
    app.button(key="sample").click().run()
    assert list(app.dataframe[-1].value["model"]) == ["audio"]


def test_models_of_one_name_are_told_apart(runs: Path, workspace: Path) -> None:
    (workspace / "runs").symlink_to(runs)
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["demo: audio", "run: audio"]).run()
    app.switch_page("pages/predict.py").run()
    app.button(key="sample").click().run()
    assert not app.exception
    assert list(app.dataframe[-1].value["model"]) == ["models/audio", "runs/audio"]


def test_models_starts_a_run_as_a_process(cache: Cache, workspace: Path) -> None:
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    app.number_input(key="compact_audio_seed").set_value(5)
    app.button(key="start").click().run()
    assert not app.exception
    assert not app.error
    run = Run(workspace / "runs" / "audio")
    assert run.config == preset("audio", seed=5)
    jobs.stop(run)


def test_models_looks_before_it_starts_and_names_contradictions(cache: Cache, workspace: Path) -> None:
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    app.button(key="look").click().run()
    assert "accuracy to beat" in words(app)
    app.number_input(key="compact_audio_batch").set_value(1).run()
    assert not app.exception
    assert "batch wants two clips or more" in app.error[0].value
    assert list((workspace / "runs").iterdir()) == []


def test_models_compares_and_deletes(runs: Path, workspace: Path) -> None:
    shutil.copytree(runs, workspace / "runs")
    app = visit("models")
    app.multiselect(key="compared").set_value(["audio", "visual"]).run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "choice" in frame.value)
    assert "modality" in table["choice"].tolist()
    app.selectbox(key="watched").select("handcrafted").run()
    app.button(key="delete_surely").click().run()
    assert not app.exception
    assert not (workspace / "runs" / "handcrafted").exists()


def test_which_models_predict_is_remembered_by_the_next_session() -> None:
    visit("models").multiselect(key="models_picked").set_value(["demo: audio"]).run()
    assert visit("models").multiselect(key="models_picked").value == ["demo: audio"]


def test_models_names_the_branches_that_a_fusion_lacks(cache: Cache, workspace: Path) -> None:
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    app.selectbox(key="modality").select("handcrafted").run()
    app.button(key="start").click().run()
    assert not app.exception
    assert "Train these first, preset compact: Audio and Visual" in app.error[0].value
    assert not (workspace / "runs").exists()


def test_ranges_of_ones_own_and_words_that_cut_nothing() -> None:
    app = visit("age")
    app.text_input(key="age_edges").set_value("30, 50").run()
    assert not app.exception
    assert "30 to 50" in app.dataframe[0].value["group"].tolist()
    app.text_input(key="age_edges").set_value("young").run()
    assert not app.exception
    assert "age:young does not cut numbers; wanted NAME:EDGE,EDGE,..." in words(app)


def test_explore_cuts_numbers_and_names_what_people_said_of_a_group() -> None:
    app = visit("explore")
    app.multiselect(key="by").set_value(["age"]).run()
    app.text_input(key="edges_age").set_value("40").run()
    app.selectbox(key="figure").set_value("actual_mean").run()
    assert not app.exception
    assert app.selectbox(key="cell").options == ["under 40", "40 and over"]
    app.segmented_control(key="measure").set_value("actual_mean").run()
    assert "no model is to blame" in words(app)


def test_strangers_neither_train_nor_upload_tables_nor_see_the_operators_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONALITY_PUBLIC", "1")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert "What is loaded" in words(app)
    assert "Caches of clips" not in words(app)
    with pytest.raises(ValueError, match="models"):
        app.switch_page("pages/models.py").run()
    app = visit("traits")
    assert app.selectbox(key="table").options == ["Demo: synthetic people, test split"]
    app = visit("explore")
    assert not app.exception


def test_limits_are_smaller_for_strangers() -> None:
    script = "from personality.constants import LIMITS; print(LIMITS.upload_bytes // 2**20, LIMITS.reader_seconds)"
    for public, expected in (("1", "20 10.0"), ("0", "50 20.0"), ("", "50 20.0")):
        environment = {**os.environ, "PERSONALITY_PUBLIC": public}
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == expected


def test_sessions_have_their_own_clips_and_results_only() -> None:
    """Eight sessions, each with a clip of its own, run again in turns."""
    sessions = [visit("predict") for _ in range(8)]
    for number, app in enumerate(sessions):
        app.checkbox(key="consent").check().run()
        # Bytes behind the end make each upload another one, and its name says whose it is.
        app.file_uploader(key="video_0").upload(f"mine-{number}.mp4", demo.CLIP.read_bytes() + bytes([number]), "x/y")
        app.run()
    for _ in range(2):
        for number, app in enumerate(sessions):
            app.run()
            assert not app.exception
            assert app.session_state["clip"][0] == f"mine-{number}.mp4"
            assert app.session_state["clip"][1][-1] == number
            assert all(f"mine-{other}" not in words(app) for other in range(8) if other != number)
    sessions[0].button(key="forget").click().run()
    assert "clip" not in sessions[0].session_state
    assert "16 found" in words(sessions[1].run())


def test_an_upload_that_the_browser_should_have_refused_is_refused_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages import intake

    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.checkbox(key="consent").uncheck()  # in the same moment
    app.file_uploader(key="video_0").upload("a.mp4", demo.CLIP.read_bytes(), "video/mp4").run()
    assert "clip" not in app.session_state
    monkeypatch.setattr(intake, "LIMITS", replace(LIMITS, upload_bytes=2**20))
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.file_uploader(key="video_0").upload("a.mp4", bytes(2**20 + 1), "video/mp4").run()
    assert "clip" not in app.session_state


def test_of_several_splits_one_is_shown_at_a_time(workspace: Path) -> None:
    test = pd.read_parquet(demo.PREDICTIONS)
    training = test.assign(split="training", clip="t-" + test["clip"], source="t-" + test["source"])
    (workspace / "predictions").mkdir()
    some = training[training["clip"].isin(training["clip"].unique()[:40])]
    pd.concat([test, some]).to_parquet(workspace / "predictions" / "both.parquet")
    app = visit("traits")
    app.selectbox(key="table").select("both").run()
    assert "200 clips of 50 sources" in words(app)
    app.segmented_control(key="split").set_value("training").run()
    assert not app.exception
    assert "40 clips of" in words(app)


def test_of_several_people_one_is_chosen(tmp_path: Path) -> None:
    app = visit("predict")
    app.checkbox(key="consent").check().run()
    app.file_uploader(key="video_0").upload("two.mp4", two_people(tmp_path / "two.mp4"), "video/mp4").run()
    assert "2 people are in the picture" in words(app)
    assert "The largest is followed" in words(app)
    assert lefts(app).min() > 150
    app.button(key="person_1").click().run()
    assert not app.exception
    assert "The marked one is followed" in words(app)
    assert lefts(app).max() < 150
    assert app.dataframe[0].value["model"].tolist() == ["visual", "audiovisual", "handcrafted"]  # it is silent


def lefts(app: AppTest) -> np.ndarray:
    """The left edges of the boxes of the faces that were found."""
    (sample,) = (piece for piece, _ in app.session_state["pieces"][1] if isinstance(piece, Sample))
    return sample.boxes[:, 0]
