from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from training.__main__ import main
from training.config.run_config import Stage, preset
from training.runs.compare import collect_run_metrics, compare_runs, format_run_summaries, summarise_runs
from training.runs.run import Run, list_runs


def test_only_what_differs_is_listed(cache: Cache, tmp_path: Path) -> None:
    one, other = Run(tmp_path / "one"), Run(tmp_path / "other")
    one.create(preset("audio", stages=(Stage(2, "head", 1e-3),), batch=4), cache.folder)
    other.create(preset("audio", stages=(Stage(2, "head", 1e-2),), batch=4, seed=7), cache.folder)
    found = compare_runs([one, other]).set_index("choice")
    assert set(found.index) == {"seed", "stages.1.rate", "validation accuracy", "stored epoch"}
    assert found.loc["stages.1.rate"].tolist() == ["0.001", "0.01"]
    assert found.loc["seed"].tolist() == ["0", "7"]
    assert collect_run_metrics([one, other]).empty


def test_metrics_of_runs_have_their_names(runs: Path) -> None:
    table = collect_run_metrics([Run(runs / "audio"), Run(runs / "visual")])
    assert table.groupby("run")["epoch"].apply(list).to_dict() == {"audio": [1, 2], "visual": [1, 2]}


def test_a_run_that_others_join_is_not_deleted(runs: Path, cache: Cache, tmp_path: Path) -> None:
    assert sorted(Run(runs / "audio").list_dependent_runs()) == ["audiovisual", "handcrafted"]
    with pytest.raises(ValueError, match="require audio"):
        Run(runs / "audio").delete()
    alone = Run(tmp_path / "alone")
    alone.create(preset("audio"), cache.folder)
    with pytest.raises(ValueError, match="is running"):
        alone.delete()
    alone.write_status("failed")
    alone.delete()
    assert not alone.folder.exists()


def test_a_run_is_renamed_if_nothing_needs_its_name(runs: Path, cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="require audio"):
        Run(runs / "audio").rename("other")
    run = Run(tmp_path / "one")
    run.create(preset("audio"), cache.folder)
    with pytest.raises(ValueError, match="is running"):
        run.rename("other")
    run.write_status("failed")
    (tmp_path / "taken").mkdir()
    for name in ("", ".hidden", "a/b", "..", "a" * 101, "taken", "one"):
        with pytest.raises(ValueError, match="name"):
            run.rename(name)
    assert main(["rename", str(run.folder), "größer-2.0"]) == 0
    (renamed,) = list_runs(tmp_path)
    assert (renamed.folder.name, renamed.status()["state"], run.folder.exists()) == ("größer-2.0", "failed", False)


def test_the_list_has_what_the_card_of_a_finished_run_has(runs: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["list", str(runs), "--json"]) == 0
    rows = {row["run"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {"audio", "visual", "audiovisual", "handcrafted"}
    mean = json.loads((runs / "audio" / "card.json").read_text())["metrics"]["traits"]["mean"]
    audio = rows["audio"]
    assert (audio["modality"], audio["preset"], audio["state"]) == ("audio", "compact", "done")
    assert (audio["accuracy"], audio["r2"]) == (mean["accuracy"], mean["r2"])
    assert audio["r2"] < 1
    assert (audio["low"], audio["high"]) == (None, None)  # one person in validation
    datetime.fromisoformat(audio["date"])


def test_a_run_without_a_card_is_listed_with_its_state(cache: Cache, tmp_path: Path) -> None:
    Run(tmp_path / "audio").create(preset("audio"), cache.folder)
    (summary,) = summarise_runs(list_runs(tmp_path))
    assert (summary.state, summary.accuracy, summary.r2) == ("queued", None, None)
    head, line = format_run_summaries([summary])
    assert head.split()[:4] == ["run", "modality", "preset", "state"]
    assert line.split()[:6] == ["audio", "audio", "compact", "queued", "-", "-"]
    assert format_run_summaries([]) == ["no runs"]
