"""Evaluations as processes: results, errors, and one at a time."""

import json
import time
from pathlib import Path

import pytest

from personality.predictions.prediction_files import read_predictions
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import write_json
from training.runs.evaluation_job import (
    EVALUATION_FILE,
    EvaluationJob,
    labelled_splits,
    read_last_evaluation,
    start_evaluation,
)


def ended(workspace: Path) -> EvaluationJob:
    """The last evaluation, once it has ended."""
    for _ in range(1200):
        found = read_last_evaluation(workspace)
        assert found is not None
        if found.state != "running":
            return found
        time.sleep(0.1)
    raise TimeoutError(found)


@pytest.mark.trial
def test_finished_runs_become_a_table_and_the_next_one_has_another_name(
    runs: Path, cache: Cache, tmp_path: Path
) -> None:
    assert read_last_evaluation(tmp_path) is None
    assert labelled_splits(cache.folder) == ["test", "validation"]
    start_evaluation([runs / "audio", runs / "visual"], cache=cache.folder, split="test", workspace=tmp_path)
    with pytest.raises(ValueError, match="Another evaluation is running"):
        start_evaluation([runs / "audio"], cache=cache.folder, split="test", workspace=tmp_path)
    first = ended(tmp_path)
    assert first.state == "done", first.log_text
    assert first.table == tmp_path / "predictions" / f"{cache.folder.name}-test.parquet"
    assert set(read_predictions(first.table)["model"]) == {"audio", "visual"}
    progress, told = first.log_text.splitlines()  # only the last of the progress
    assert "100%" in progress and "clips x 2 models" in told
    start_evaluation([runs / "none"], cache=cache.folder, split="test", workspace=tmp_path)
    second = ended(tmp_path)
    assert second.state == "failed"
    assert second.table.stem == f"{cache.folder.name}-test-2"
    assert second.log_text.splitlines()[-1].startswith("error: ") and "none" in second.log_text


def test_one_whose_process_was_killed_has_failed_and_makes_way(tmp_path: Path) -> None:
    table = str(tmp_path / "predictions" / "a-test.parquet")
    write_json(tmp_path / EVALUATION_FILE, {"table": table, "pid": 2**22 - 1, "process_started": "long ago"})
    assert read_last_evaluation(tmp_path) == EvaluationJob(Path(table), "failed", "")
    (tmp_path / EVALUATION_FILE).write_text(json.dumps("torn")[:3])
    assert read_last_evaluation(tmp_path) is None
