"""A damaged workspace: pages show what can be read, and name each file that cannot."""

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
    """A run as it lies on disk after an epoch."""
    run = Run(folder)
    run.create(preset("audio"), folder.parent / "cache")
    figures = dict.fromkeys(("loss", "validation_loss", "accuracy", *(f"accuracy_{name}" for name in TRAIT_NAMES)), 0.5)
    run.record_metrics({"epoch": 1, "stage": 1, "seconds": 1.0, "clips_per_second": 9.0, **figures})
    run.log("its last words")
    run.write_status(state, why="")
    return run


def put(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def change(**values: object) -> Callable[[Path], object]:
    """The JSON object of a file, or of the last line of it, with other values."""
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text().splitlines()[-1]), **values}))


def reshape(**values: object) -> Callable[[Path], object]:
    return lambda path: write_json(path, {**json.loads(path.read_text()), **values})


def lead_nowhere(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.with_name("gone"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def last_line(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text() + text)


# A run of each, by its name: the file that is damaged, and how.
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
    "status-link": (STATUS, lead_nowhere),
    "metrics-half": (METRICS, last_line('{"epoch": 2, "sta')),
    "metrics-words": (METRICS, put("no json\n\n[]\n7\nnull\n")),
    "metrics-shape": (METRICS, last_line('{"epoch": [2]}\n')),
    "metrics-stage": (METRICS, change(stage=0)),
    "metrics-seconds": (METRICS, change(seconds=float("nan"))),
    "metrics-accuracy": (METRICS, change(accuracy="high")),
    "metrics-folder": (METRICS, make_folder),
    "metrics-link": (METRICS, lead_nowhere),
    "config-key": (CONFIG, reshape(config={**preset("audio").as_dict(), "colour": "red"})),
    "config-list": (CONFIG, put("[]")),
    "config-deep": (CONFIG, put("[" * 200_000)),
    "config-cache": (CONFIG, reshape(cache=5)),
    "config-branches": (CONFIG, reshape(branches=[{"folder": 1}])),
    "config-link": (CONFIG, lead_nowhere),
    "done-card-missing": (CARD, lambda path: path.unlink()),
    "done-card-half": (CARD, put('{"modality": "au')),
    "done-card-shape": (CARD, reshape(data=[], licence=None)),
    "done-card-unseen": (CARD, reshape(unseen={"n": "all"})),
    "done-card-link": (CARD, lead_nowhere),
}


@pytest.fixture
def damaged(workspace: Path) -> Path:
    """A workspace with a run for each damage, and one that is whole."""
    for name, (file, damage) in DAMAGES.items():
        run = a_run(workspace / "runs" / name, "done" if name.startswith("done") else "stopped")
        for part in (CARD, "model.safetensors"):
            shutil.copy(demo.PRACTICE_MODEL_FOLDERS[0] / part, run.folder)
        damage(run.folder / file)
    a_run(workspace / "runs" / "whole")
    (workspace / "runs" / "gone").symlink_to(workspace / "nowhere")
    return workspace


def named(app: AppTest) -> set[str]:
    """The damaged runs whose file is named in a warning of one sentence."""
    said = [read(warning.value) for warning in app.warning]
    paths = {name: f"runs/{name}/{file} " for name, (file, _) in DAMAGES.items()}
    return {name for name, path in paths.items() if sum(path in one and "\n" not in one for one in said) == 1}


def test_models_names_every_damaged_file_and_shows_the_rest(damaged: Path) -> None:
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
        app.selectbox(key="card_of").select(f"run: {name}").run()
        assert not app.exception, name
        assert f"runs/{name}/card.json" in read(app.error[0].value)


def test_predict_names_them_and_predicts(damaged: Path, outcome: Callable[[str, str], None]) -> None:
    app = visit("predict")
    assert named(app) == set(DAMAGES)
    app.button(key="practice_sample").click().run()
    assert not app.exception
    assert models_in_table(app)
    count = len(DAMAGES)
    outcome("runs whose files are damaged, links that lead nowhere", f"{count} of {count} named on Models and Predict")


@pytest.mark.parametrize("page", ["models", "predict"])
@pytest.mark.parametrize("text", ['{"a": 1}', '[["voice"]]', "[" * 200_000, "7", ""])
def test_a_choice_of_models_that_is_none_is_named(page: str, text: str, workspace: Path) -> None:
    (workspace / CHOSEN_MODELS_FILE).write_text(text)
    (workspace / EVALUATION_FILE).write_text(text or "[]")
    app = visit(page)
    assert not app.exception
    for name in (CHOSEN_MODELS_FILE, EVALUATION_FILE):
        assert any(f"{workspace / name} is damaged" in read(warning.value) for warning in app.warning)


def test_a_log_of_one_line_of_200_mb_is_read_at_its_end(workspace: Path) -> None:
    run = a_run(workspace / "runs" / "audio")
    with (run.folder / LOG).open("ab") as file:
        file.truncate(200 * 2**20)
        file.seek(0, 2)
        file.write(b"the very end")
    app = visit("models")
    assert "the very end" in words(app)
    assert max(len(code.value) for code in app.code) < 10_000


@pytest.mark.parametrize("damage", [shutil.rmtree, lambda folder: (folder / "model.safetensors").unlink()])
def test_a_model_that_goes_while_its_result_is_shown(damage: Callable[[Path], object], workspace: Path) -> None:
    folder = workspace / "runs" / "mine"
    a_run(folder, "done")
    for part in (CARD, "model.safetensors"):
        shutil.copy(demo.PRACTICE_MODEL_FOLDERS[0] / part, folder)
    write_chosen_models(["run: mine", "from the voice"])
    app = upload(visit("predict"), demo.DEMO_CLIP_FILE.read_bytes())
    assert "mine" in models_in_table(app)
    damage(folder)
    app.run()
    assert not app.exception
    assert "A chosen model cannot be used" in words(app) or "mine" not in models_in_table(app)


def test_a_workspace_that_cannot_be_written_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONALITY_WORKSPACE", "/proc/personality")  # not even by root
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["practice: audio"]).run()
    assert not app.exception
    assert "/proc/personality" in read(app.toast[0].value)
    app.button(key="practice").click().run()
    assert not app.exception
    assert "/proc/personality" in read(app.toast[0].value)
    app.switch_page("pages/predict.py").run()
    assert not app.exception


def test_what_a_status_leaves_out_is_not_missed(workspace: Path) -> None:
    for name, facts in (("best", {"best_epoch": 1}), ("device", {"device": "processor"})):
        run = a_run(workspace / "runs" / name)
        run.write_status("running", **facts)
    app = visit("models")
    for name in ("best", "device"):
        app.selectbox(key="watched").select(name).run()
        assert not app.exception
    assert not app.warning


def test_a_run_that_is_damaged_while_it_is_watched(workspace: Path) -> None:
    run = a_run(workspace / "runs" / "audio")
    app = visit("models")
    (run.folder / CONFIG).write_text("[]")
    app.run()
    assert not app.exception
    assert f"{run.folder / CONFIG} is damaged" in read(app.warning[0].value)
