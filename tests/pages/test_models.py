"""The Models page: model cards, runs, starting, comparison."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from personality.assets import demo
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import write_json
from personality.utils.workspace import read_chosen_models, write_chosen_models
from tests.pages.visits import models_in_table, models_in_tables, read, upload, visit, words
from training.config.run_config import preset
from training.runs import launch
from training.runs.evaluation_job import read_last_evaluation
from training.runs.notes import write_note
from training.runs.run import Run
from training.runs.run_queue import list_waiting_runs


def test_models_shows_a_card_and_how_to_start() -> None:
    app = visit("models")
    card = json.loads((REAL_MODEL_FOLDERS[0] / "card.json").read_text())
    assert f"{card['unseen']['n']:,} clips of {card['unseen']['sources']:,} source videos" in words(app)
    table = next(frame.value for frame in app.dataframe if "mean_baseline" in frame.value)
    assert table["mean_baseline"].iloc[0] == card["unseen"]["mean_baseline"] < table["accuracy"].iloc[0]
    assert app.button(key="practice")
    assert "No training runs yet" in words(app)


def test_models_lists_runs_and_loads_a_finished_one(runs: Path, workspace: Path) -> None:
    (workspace / "runs").symlink_to(runs)
    app = visit("models")
    table = next(frame.value for frame in app.dataframe if "state" in frame.value)
    assert set(table["state"]) == {"done"}
    app.multiselect(key="models_picked").set_value(["audio"]).run()
    app.switch_page("pages/predict.py").run()
    upload(app, demo.DEMO_CLIP_FILE.read_bytes())
    assert models_in_table(app) == ["audio"]


def test_a_run_of_another_version_is_left_out_with_a_warning(runs: Path, workspace: Path) -> None:
    (workspace / "runs").mkdir()
    shutil.copytree(runs / "audio", workspace / "runs" / "audio")
    shutil.copytree(runs / "audio", workspace / "runs" / "newer")
    path = workspace / "runs" / "newer" / "config.json"
    stored = json.loads(path.read_text())
    write_json(path, {**stored, "config": {**stored["config"], "colour": "red"}})
    app = visit("models")
    assert not app.exception
    assert next(frame.value for frame in app.dataframe if "state" in frame.value)["run"].tolist() == ["audio"]
    (warning,) = [read(warning.value) for warning in app.warning]
    assert str(path) in warning and "colour" in warning


def test_models_with_the_same_name_are_distinguished(runs: Path, workspace: Path) -> None:
    (workspace / "runs").symlink_to(runs)
    app = visit("models")
    app.multiselect(key="models_picked").set_value(["practice: audio", "audio"]).run()
    app.switch_page("pages/predict.py").run()
    upload(app, demo.DEMO_CLIP_FILE.read_bytes())
    assert not app.exception
    tables = models_in_tables(app)
    assert ["audio"] in tables
    assert ["practice: audio"] in tables  # in a separate section


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
    launch.stop_run(run)


def test_models_makes_a_dry_run_and_reports_contradictions(cache: Cache, workspace: Path) -> None:
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    app.button(key="dry_run").click().run()
    report = app.session_state["dry_run_report"][-1]
    assert report and report in words(app)
    assert report in words(app.run())  # until a setting changes
    assert report not in words(app.number_input(key="compact_audio_seed").set_value(5).run())
    app.number_input(key="compact_audio_batch").set_value(1).run()
    assert not app.exception
    assert "batch" in read(app.error[0].value)
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


def test_models_renames_a_run_and_filters_by_tag(runs: Path, workspace: Path) -> None:
    shutil.copytree(runs, workspace / "runs")
    write_note(Run(workspace / "runs" / "audio"), "wider window #ablation")
    write_chosen_models(["audio", "voice"])
    app = visit("models")
    app.selectbox(key="watched").select("audio").run()
    app.text_input(key="name_audio").set_value("audio/wide")
    app.button(key="rename").click().run()
    assert (workspace / "runs" / "audio").exists()
    assert "is not a name" in app.toast[0].value
    app.text_input(key="name_audio").set_value("audio-wide")
    app.button(key="rename").click().run()
    assert not app.exception
    assert app.selectbox(key="watched").value == "audio-wide"
    assert sorted(path.name for path in (workspace / "runs").iterdir()) == sorted(
        ["audio-wide", "audiovisual", "handcrafted", "visual"]
    )
    assert read_chosen_models() == ["audio-wide", "voice"]
    app.button_group(key="tags").set_value(["ablation"]).run()
    table = next(frame.value for frame in app.dataframe if "share" in frame.value)
    assert table["run"].tolist() == ["audio-wide"]


def test_models_evaluates_finished_runs_and_links_to_their_table(cache: Cache, runs: Path, workspace: Path) -> None:
    assert "Finished training runs can be evaluated here" in words(visit("models"))
    shutil.copytree(runs, workspace / "runs")
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    assert sorted(app.multiselect(key="judged_people").value) == ["audio", "audiovisual", "handcrafted", "visual"]
    app.multiselect(key="judged_people").set_value(["audio"])
    app.button(key="evaluate").click().run()
    assert not app.exception
    assert not app.error
    for _ in range(1200):
        if (last := read_last_evaluation(workspace)) and last.state != "running":
            break
        time.sleep(0.1)
    assert last and last.state == "done", last
    app.run()
    assert last.log_text in words(app)
    app = visit("traits")
    app.selectbox(key="table").select("people-test").run()
    assert not app.exception
    assert "models: audio" in words(app)


def test_a_selection_is_for_one_session_until_it_is_made_the_default() -> None:
    one = visit("models")
    default = one.multiselect(key="models_picked").value
    one.multiselect(key="models_picked").set_value(["practice: audio"]).run()
    assert visit("models").multiselect(key="models_picked").value == default
    one.button(key="make_default").click().run()
    assert not one.exception
    assert visit("models").multiselect(key="models_picked").value == ["practice: audio"]


def test_a_run_with_the_name_of_an_included_model_hides_neither(runs: Path, workspace: Path) -> None:
    (workspace / "runs").mkdir()
    shutil.copytree(runs / "audio", workspace / "runs" / "voice")
    options = visit("models").multiselect(key="models_picked").options
    assert {"voice", "voice (own run)"} <= set(options)


def test_models_lists_the_missing_branches_of_a_fusion(cache: Cache, workspace: Path) -> None:
    (workspace / "caches").mkdir()
    (workspace / "caches" / "people").symlink_to(cache.folder)
    app = visit("models")
    app.selectbox(key="modality").select("handcrafted").run()
    app.button(key="start").click().run()
    assert not app.exception
    assert all(word in read(app.error[0].value) for word in ("compact", "Audio", "Visual"))
    assert not (workspace / "runs").exists()


def run_of(folder: Path, modality: str, preset_name: str, cache: Cache, **status: Any) -> Run:
    """A run as stored on disk after two epochs."""
    run = Run(folder)
    run.create(preset(modality, preset_name), cache.folder)
    for epoch in (1, 2):
        row = {"epoch": epoch, "stage": 1, "loss": 0.1, "validation_loss": 0.1, "seconds": 1.0, "clips_per_second": 9.0}
        run.record_metrics({**row, **{f"accuracy_{trait}": 0.9 for trait in TRAIT_NAMES}})
    run.write_status(**status)
    return run


def test_a_run_whose_process_ended_is_stale_and_shows_its_log(cache: Cache, workspace: Path) -> None:
    run = run_of(workspace / "runs" / "audio", "audio", "compact", cache, state="running", pid=2**22 - 1)
    write_json(run.folder / "status.json", {**run.status(), "state": "running", "process_started": "long ago"})
    (run.folder / "log.txt").write_text("end of the log")
    app = visit("models")
    assert "ended unexpectedly" in words(app)
    assert "end of the log" in words(app)
    assert app.button(key="resume")


def test_the_last_epoch_is_not_called_best_if_it_is_kept(cache: Cache, workspace: Path) -> None:
    facts = {"best_epoch": 2, "best_accuracy": 0.9}
    run_of(workspace / "runs" / "audio", "audio", "modern", cache, state="stopped", **facts)
    run_of(workspace / "runs" / "visual", "visual", "compact", cache, state="stopped", **facts)
    app = visit("models")
    assert "last epoch (2)" in words(app.selectbox(key="watched").select("audio").run())
    assert "Best epoch: 2" in words(app.selectbox(key="watched").select("visual").run())


def test_runs_that_were_started_together_stop_and_resume_together(
    cache: Cache, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = {"group": "audio 1"}
    run_of(workspace / "runs" / "audio", "audio", "compact", cache, state="running", queued_at=1.0, **together)
    run_of(workspace / "runs" / "visual", "visual", "compact", cache, state="queued", queued_at=2.0, **together)
    run_of(workspace / "runs" / "other", "audio", "compact", cache, state="done", queued_at=0.0, **together)
    run_of(workspace / "runs" / "alone", "audio", "compact", cache, state="stopped")
    started: list[Path] = []
    monkeypatch.setattr(launch, "_start_worker", started.append)
    app = visit("models").selectbox(key="watched").select("visual").run()
    assert started == [workspace / "runs"] * 2, "a queue without a worker goes on when the page is drawn"
    assert "2" in app.button(key="stop_all").label
    app.button(key="stop_all").click().run()
    states = {name: Run(workspace / "runs" / name).status()["state"] for name in ("audio", "visual", "other", "alone")}
    assert states == {"audio": "running", "visual": "stopped", "other": "done", "alone": "stopped"}, "own process"
    Run(workspace / "runs" / "audio").write_status("stopped")
    app.selectbox(key="watched").select("visual").run()
    app.button(key="resume_all").click().run()
    waiting = [run.folder.name for run in list_waiting_runs(workspace / "runs")]
    assert waiting == ["audio", "visual"]
