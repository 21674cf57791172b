from __future__ import annotations

from pathlib import Path

import pytest

from personality.preprocessing.cache import Cache
from training.config.run_config import Stage, preset
from training.runs.compare import collect_run_metrics, compare_runs
from training.runs.run import Run


def test_only_what_differs_is_listed(cache: Cache, tmp_path: Path) -> None:
    one, other = Run(tmp_path / "one"), Run(tmp_path / "other")
    one.create(preset("audio", stages=(Stage(2, "head", 1e-3),), batch=4), cache.folder)
    other.create(preset("audio", stages=(Stage(2, "head", 1e-2),), batch=4, seed=7), cache.folder)
    found = compare_runs([one, other]).set_index("choice")
    assert set(found.index) == {"seed", "stages.1.rate", "validation accuracy", "of the epoch kept"}
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
