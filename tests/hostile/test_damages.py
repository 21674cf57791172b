"""A damaged workspace: pages name each file that cannot be read and show the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personality.assets import demo
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import write_json
from personality.utils.workspace import CHOSEN_MODELS_FILE, write_chosen_models
from tests.pages.visits import models_in_table, read, upload, visit, words
from training.config.run_config import preset
from training.runs.evaluation_job import EVALUATION_FILE
from training.runs.run import Run

STATUS, METRICS, CONFIG, LOG, CARD = "status.json", "metrics.jsonl", "config.json", "log.txt", "card.json"


def a_run(folder: Path, state: str = "stopped") -> Run:
    """A run as stored on disk after one epoch."""
    run = Run(folder)
    run.create(preset("audio"), folder.parent / "cache")
    figures = dict.fromkeys(("loss", "validation_loss", "accuracy", *(f"accuracy_{name}" for name in TRAIT_NAMES)), 0.5)
    run.record_metrics({"epoch": 1, "stage": 1, "seconds": 1.0, "clips_per_second": 9.0, **figures})
    run.log("end of the log")
    run.write_status(state, why="")
    return run


def put(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def change(**values: object) -> Callable[[Path], object]:
    """Change values in the JSON object on the last line of a file."""
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text().splitlines()[-1]), **values}))


def reshape(**values: object) -> Callable[[Path], object]:
    return lambda path: write_json(path, {**json.loads(path.read_text()), **values})


def break_link(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.with_name("gone"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def last_line(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text() + text)


# The damaged file and the kind of damage, by the name of the run.
DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "status-list": (STATUS, put("[1]")),
    "status-number": (STATUS, put("7")),
    "status-half": (STATUS, put('{"state": "ru')),
    "status-empty": (STATUS, put("{}")),
    "status-deep": (STATUS, put("[" * 200_000)),
    "status-state": (STATUS, reshape(state=["done"])),
    "status-pid": (STATUS, reshape(state="running", pid="1")),
    "status-negative": (STATUS, reshape(state="running", pid=-1)),
    "status-done": (STATUS, reshape(state="running", done=7)),
    "status-memory": (STATUS, reshape(device="x", memory=None)),
    "status-best": (STATUS, reshape(best_epoch=1, best_accuracy="high")),
    "status-why": (STATUS, reshape(why={"a": 1})),
    "status-link": (STATUS, break_link),
    "metrics-half": (METRICS, last_line('{"epoch": 2, "sta')),
    "metrics-words": (METRICS, put("no json\n\n[]\n7\nnull\n")),
    "metrics-shape": (METRICS, last_line('{"epoch": [2]}\n')),
    "metrics-stage": (METRICS, change(stage=0)),
    "metrics-seconds": (METRICS, change(seconds=float("nan"))),
    "metrics-accuracy": (METRICS, change(accuracy="high")),
    "metrics-folder": (METRICS, make_folder),
    "metrics-link": (METRICS, break_link),
    "config-key": (CONFIG, reshape(config={**preset("audio").as_dict(), "colour": "red"})),
    "config-list": (CONFIG, put("[]")),
    "config-deep": (CONFIG, put("[" * 200_000)),
    "config-cache": (CONFIG, reshape(cache=5)),
    "config-branches": (CONFIG, reshape(branches=[{"folder": 1}])),
    "config-link": (CONFIG, break_link),
    "done-card-missing": (CARD, lambda path: path.unlink()),
    "done-card-half": (CARD, put('{"modality": "au')),
    "done-card-shape": (CARD, reshape(data=[], licence=None)),
    "done-card-unseen": (CARD, reshape(unseen={"n": "all"})),
    "done-card-link": (CARD, break_link),
}


@pytest.fixture
def damaged(workspace: Path) -> Path:
    """A workspace with a run for each kind of damage, and an undamaged one."""
    for name, (file, damage) in DAMAGES.items():
        run = a_run(workspace / "runs" / name, "done" if name.startswith("done") else "stopped")
        for part in (CARD, "model.safetensors"):
            shutil.copy(demo.PRACTICE_MODEL_FOLDERS[0] / part, run.folder)
        damage(run.folder / file)
    a_run(workspace / "runs" / "whole")
    (workspace / "runs" / "gone").symlink_to(workspace / "nowhere")
    return workspace


def named(app: AppTest) -> set[str]:
    """The damaged runs whose file is named in exactly one warning of one line."""
    warnings = [read(warning.value) for warning in app.warning]
    paths = {name: f"runs/{name}/{file} " for name, (file, _) in DAMAGES.items()}
    return {name for name, path in paths.items() if sum(path in one and "\n" not in one for one in warnings) == 1}


def test_models_page_names_damaged_files_and_shows_the_rest(damaged: Path) -> None:
    app = visit("models")
    assert named(app) == set(DAMAGES)
    listed = next(frame.value for frame in app.dataframe if "state" in frame.value)["run"].tolist()
    assert set(listed) == {"whole", *(name for name in DAMAGES if not name.startswith("config"))}
    for name in listed:
        app.selectbox(key="watched").select(name).run()
        assert not app.exception, name
    app.multiselect(key="compared").set_value(listed).run()
    assert not app.exception
    for name in (name for name in DAMAGES if name.startswith("done")):
        app.selectbox(key="card_of").select(name).run()
        assert not app.exception, name
        assert f"runs/{name}/card.json" in read(app.error[0].value)


def test_predict_page_names_damaged_files_and_predicts(damaged: Path, outcome: Callable[[str, str], None]) -> None:
    app = visit("predict")
    assert named(app) == set(DAMAGES)
    app.button(key="practice_sample").click().run()
    assert not app.exception
    assert models_in_table(app)
    count = len(DAMAGES)
    outcome("runs with damaged files or broken links", f"{count} of {count} reported on Models and Predict")


@pytest.mark.parametrize("page", ["models", "predict"])
@pytest.mark.parametrize("text", ['{"a": 1}', '[["voice"]]', "[" * 200_000, "7", ""])
def test_damaged_model_selection_is_named(page: str, text: str, workspace: Path) -> None:
    (workspace / CHOSEN_MODELS_FILE).write_text(text)
    (workspace / EVALUATION_FILE).write_text(text or "[]")
    app = visit(page)
    assert not app.exception
    for name in (CHOSEN_MODELS_FILE, EVALUATION_FILE):
        assert any(str(workspace / name) in read(warning.value) for warning in app.warning)


def test_only_the_end_of_a_large_log_is_read(workspace: Path) -> None:
    run = a_run(workspace / "runs" / "audio")
    with (run.folder / LOG).open("ab") as file:
        file.truncate(200 * 2**20)
        file.seek(0, 2)
        file.write(b"last words of the log")
    app = visit("models")
    assert "last words of the log" in words(app)
    assert max(len(code.value) for code in app.code) < 10_000


@pytest.mark.parametrize("damage", [shutil.rmtree, lambda folder: (folder / "model.safetensors").unlink()])
def test_a_model_that_is_deleted_while_its_result_is_shown(damage: Callable[[Path], object], workspace: Path) -> None:
    folder = workspace / "runs" / "mine"
    a_run(folder, "done")
    for part in (CARD, "model.safetensors"):
        shutil.copy(demo.PRACTICE_MODEL_FOLDERS[0] / part, folder)
    write_chosen_models(["mine", "voice"])
    app = upload(visit("predict"), demo.DEMO_CLIP_FILE.read_bytes())
    assert "mine" in models_in_table(app)
    damage(folder)
    app.run()
    assert not app.exception
    assert app.error or "mine" not in models_in_table(app)


def test_a_workspace_that_cannot_be_written_gives_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONALITY_WORKSPACE", "/proc/personality")  # not even by root
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["practice: audio"]).run()
    app.button(key="make_default").click().run()
    assert not app.exception
    assert "/proc/personality" in read(app.toast[0].value)
    app.button(key="practice").click().run()
    assert not app.exception
    assert "/proc/personality" in read(app.toast[0].value)
    app.switch_page("pages/predict.py").run()
    assert not app.exception


def test_optional_fields_of_a_status_may_be_missing(workspace: Path) -> None:
    for name, facts in (("best", {"best_epoch": 1}), ("device", {"device": "processor"})):
        run = a_run(workspace / "runs" / name)
        run.write_status("running", **facts)
    app = visit("models")
    for name in ("best", "device"):
        app.selectbox(key="watched").select(name).run()
        assert not app.exception
    assert not app.warning


def test_a_run_that_is_damaged_while_it_is_shown(workspace: Path) -> None:
    run = a_run(workspace / "runs" / "audio")
    app = visit("models")
    (run.folder / CONFIG).write_text("[]")
    app.run()
    assert not app.exception
    assert str(run.folder / CONFIG) in read(app.warning[0].value)
