"""Evaluations as processes: what they leave, what they say when they fail, one at a time."""

import json
import time
from pathlib import Path

import pytest

from personality.predictions.prediction_files import read_predictions
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import write_json
from training.runs.evaluation_job import LAST, Evaluation, begin, labelled_splits, last


def ended(workspace: Path) -> Evaluation:
    """The last evaluation, once it has ended."""
    for _ in range(1200):
        found = last(workspace)
        assert found is not None
        if found.state != "running":
            return found
        time.sleep(0.1)
    raise TimeoutError(found)


def test_finished_runs_become_a_table_and_the_next_one_has_another_name(
    runs: Path, cache: Cache, tmp_path: Path
) -> None:
    assert last(tmp_path) is None
    assert labelled_splits(cache.folder) == ["test", "validation"]
    begin([runs / "audio", runs / "visual"], cache=cache.folder, split="test", workspace=tmp_path)
    with pytest.raises(ValueError, match="Another evaluation is running"):
        begin([runs / "audio"], cache=cache.folder, split="test", workspace=tmp_path)
    first = ended(tmp_path)
    assert first.state == "done", first.said
    assert first.table == tmp_path / "predictions" / f"{cache.folder.name}-test.parquet"
    assert set(read_predictions(first.table)["model"]) == {"audio", "visual"}
    progress, told = first.said.splitlines()  # only the last of the progress
    assert "100%" in progress and "clips x 2 models" in told
    begin([runs / "none"], cache=cache.folder, split="test", workspace=tmp_path)
    second = ended(tmp_path)
    assert second.state == "failed"
    assert second.table.stem == f"{cache.folder.name}-test-2"
    assert second.said.splitlines()[-1].startswith("error: ") and "none" in second.said


def test_one_whose_process_was_killed_has_failed_and_makes_way(tmp_path: Path) -> None:
    table = str(tmp_path / "predictions" / "a-test.parquet")
    write_json(tmp_path / LAST, {"table": table, "pid": 2**22 - 1, "process_started": "long ago"})
    assert last(tmp_path) == Evaluation(Path(table), "failed", "")
    (tmp_path / LAST).write_text(json.dumps("torn")[:3])
    assert last(tmp_path) is None
