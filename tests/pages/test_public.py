"""Restrictions of a public server."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.components.access_control import OPERATOR_ONLY_MESSAGE
from pages.components.table_picker import PRACTICE_DATA_LABEL, REAL_DATA_LABEL, UPLOAD_DATA_LABEL
from personality.assets import demo
from personality.constants import (
    LOCAL_TABLE_LIMITS,
    LOCAL_UPLOAD_LIMITS,
    PUBLIC_TABLE_LIMITS,
    PUBLIC_UPLOAD_LIMITS,
    table_limits,
    upload_limits,
)
from personality.predictions.prediction_files import read_predictions, write_predictions
from personality.utils.public_mode import PUBLIC_MODE_VARIABLE
from personality.utils.workspace import read_chosen_models, write_chosen_models
from tests.pages.visits import ROOT, visit, words
from training.runs.run import Run


def test_visitors_cannot_train_or_see_the_operators_clips(go_public: Callable[[], None]) -> None:
    go_public()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert "Models used on the Predict page" in words(app)
    assert "(caches)" not in words(app)
    with pytest.raises(ValueError, match="models"):
        app.switch_page("pages/models.py").run()
    app = visit("traits")
    assert app.selectbox(key="table").options == [REAL_DATA_LABEL, PRACTICE_DATA_LABEL, UPLOAD_DATA_LABEL]
    app = visit("explore")
    assert not app.exception


def test_visitors_do_not_see_the_operators_tables_or_error_details(
    go_public: Callable[[], None], workspace: Path
) -> None:
    write_predictions(read_predictions(demo.DEMO_PREDICTIONS_FILE), workspace / "predictions" / "secret.parquet")
    assert "secret" in visit("traits").selectbox(key="table").options
    go_public()
    app = visit("traits")
    assert st.get_option("client.showErrorDetails") == "none"
    assert "secret" not in app.selectbox(key="table").options


@pytest.mark.parametrize("page", ["models", "dataset"])
def test_an_operator_page_refuses_by_itself(go_public: Callable[[], None], page: str) -> None:
    """Even if it bypasses the navigation: one sentence, and nothing else is drawn."""
    go_public()
    refused(AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=120).run())


CALLS = {
    "training_form": (
        *("draw_training_form()", "start_runs_from_form([], None)", "offer_practice_cache()"),
        "draw_practice_cache_log(None)",
    ),
    "run_monitor": (
        *("draw_run_monitor()", "draw_runs_table([])", "draw_run_details(None)", "draw_note(None)", "keep_note(None)"),
        *("stop_runs_on_click([])", "resume_runs_on_click([])", "confirm_run_deletion(None)"),
        *("draw_run_renaming(None)", "rename_run_on_click(None, '')"),
    ),
    "evaluation_form": ("draw_evaluation_form()", "draw_last_evaluation()"),
}


@pytest.mark.parametrize("call", [f"{name}.{call}" for name, calls in CALLS.items() for call in calls])
def test_functions_that_change_something_refuse_by_themselves(go_public: Callable[[], None], call: str) -> None:
    go_public()
    code = f"from pages.components import {call.partition('.')[0]}\n{call}"
    refused(AppTest.from_string(code, default_timeout=120).run())


def refused(app: AppTest) -> None:
    """Check that only the refusal was shown, not even an error."""
    assert [info.value for info in app.info] == [OPERATOR_ONLY_MESSAGE]
    assert len(app.main) == 1
    assert not app.exception


def test_a_callback_cannot_change_the_selected_models(go_public: Callable[[], None], workspace: Path) -> None:
    """Callbacks run before the page; this one belongs to a page drawn while the server was private."""
    write_chosen_models(["voice"])
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["words"]).run()
    app.button(key="make_default").click()
    go_public()
    refused(app.run())
    assert read_chosen_models() == ["voice"]


@pytest.mark.parametrize("public", [True, False])
def test_visitors_cannot_add_the_operators_runs(
    go_public: Callable[[], None], runs: Path, workspace: Path, public: bool
) -> None:
    """Streamlit accepts any option in a message, including options that were not offered."""
    (workspace / "runs").symlink_to(runs)
    if public:
        go_public()
    app = AppTest.from_string(
        "import streamlit as st\nfrom pages.components import "
        "model_store\nst.write(list(model_store.models_for_clip()))"
    )
    app.session_state["more_models"] = ["audio"]
    assert ("audio" in str(app.run(timeout=120).json[0].value)) is not public


def test_a_callback_cannot_resume_a_run(go_public: Callable[[], None], runs: Path, workspace: Path) -> None:
    shutil.copytree(runs / "audio", workspace / "runs" / "audio")
    run = Run(workspace / "runs" / "audio")
    run.write_status("stopped", why="")
    app = visit("models")
    app.button(key="resume").click()
    go_public()
    refused(app.run())
    assert run.status()["state"] == "stopped"


def test_visitors_do_not_see_why_a_model_is_damaged(go_public: Callable[[], None], runs: Path, workspace: Path) -> None:
    shutil.copytree(runs, workspace / "runs")
    write_chosen_models(["audio"])
    (workspace / "runs" / "audio" / "model.safetensors").write_bytes(b"damaged")
    assert "audio" in visit("predict").error[0].value
    go_public()
    app = visit("predict")
    assert "audio" not in app.error[0].value


def test_limits_are_smaller_on_a_public_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for public, uploads, tables in (
        ("1", PUBLIC_UPLOAD_LIMITS, PUBLIC_TABLE_LIMITS),
        ("0", LOCAL_UPLOAD_LIMITS, LOCAL_TABLE_LIMITS),
        ("", LOCAL_UPLOAD_LIMITS, LOCAL_TABLE_LIMITS),
    ):
        monkeypatch.setenv(PUBLIC_MODE_VARIABLE, public)
        assert (upload_limits(), table_limits()) == (uploads, tables)
    assert PUBLIC_UPLOAD_LIMITS.file_bytes < LOCAL_UPLOAD_LIMITS.file_bytes
    assert PUBLIC_TABLE_LIMITS.rows < LOCAL_TABLE_LIMITS.rows
