"""One run in two processes is the run of one; a batch in pieces is the batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from personality.inference.evaluate import evaluate
from personality.preprocessing.cache import Cache
from tests.conftest import ROOT
from tests.training.helpers import run_to_end
from training import distributed
from training.config.run_config import Stage, preset
from training.runs.run import Run

# No dropout and no batch normalisation, and a last batch that two processes cannot share evenly.
PLAIN = {"batch": 5, "stages": (Stage(2, "head", 1e-4),)}


def in_two(arguments: list[str]) -> str:
    """What two processes under torchrun print."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", "training"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    result = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


@pytest.mark.trial
def test_two_processes_get_what_one_gets(cache: Cache, tmp_path: Path) -> None:
    """With the loss that a batch's clips have in common: concordance is not the mean of its shares."""
    alone = run_to_end(tmp_path / "alone", cache, preset("audio", "thesis", loss="blend", **PLAIN))
    run = Run(tmp_path / "together")
    run.create(alone.config, cache.folder)
    in_two(["resume", str(run.folder)])
    assert run.status()["state"] == "done"
    for one, other in zip(alone.metrics(), run.metrics(), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert other["accuracy"] == pytest.approx(one["accuracy"], rel=1e-5)
    weights, others = (load_file(r.folder / "model.safetensors") for r in (alone, run))
    for name, tensor in weights.items():
        torch.testing.assert_close(others[name], tensor, atol=2e-3, rtol=1e-2)


@pytest.mark.trial
def test_whole_clips_in_two_processes_from_the_command_line(cache: Cache, tmp_path: Path) -> None:
    """A backbone is trained and keeps its activations; only one process writes and prints."""
    design = ["--preset", "modern", "--design", "backbone=test_resnet", "--backbone", "none"]
    rest = ["--epochs", "1", "--batch", "8", "--accumulate", "2", "--averaging", "0.5", "--loss", "l1"]
    out = in_two(["run", str(cache.folder), "--modality", "visual", "--out", str(tmp_path), *design, *rest])
    assert out.count("run in") == out.count("done:") == 1, "only the first process speaks"
    run = Run(tmp_path / "visual")
    assert [row["trains"] for row in run.metrics()] == ["head", "all"]
    assert run.config.design.backbone == "test_resnet"
    table, _ = evaluate([run.folder], cache, "validation")
    reached = 1 - (table["predicted"] - table["actual"]).abs().mean()
    card = json.loads((run.folder / "card.json").read_text())
    assert reached == pytest.approx(card["metrics"]["accuracy"], abs=1e-6), "what was judged is what is stored"
    assert len(list((run.folder / "tensorboard").iterdir())) <= 2, "one file a beginning, of one process"


def test_a_batch_in_pieces_gives_its_gradients(cache: Cache, tmp_path: Path) -> None:
    """Adam's first steps would hide a wrong scale; plain gradient descent does not."""
    runs = [
        run_to_end(
            tmp_path / str(pieces), cache, preset("audio", "thesis", optimiser="sgd", accumulate=pieces, **PLAIN)
        )
        for pieces in (1, 2)
    ]
    whole, parts = ([row["validation_loss"] for row in run.metrics()] for run in runs)
    assert parts == pytest.approx(whole, rel=1e-6)
    first, second = (load_file(run.folder / "model.safetensors") for run in runs)
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-3)


def test_in_one_process_nothing_is_shared() -> None:
    rows = torch.arange(5)
    assert distributed.take_process_share(rows) is rows
    assert distributed.gather_rows(rows, 5) is rows
    assert distributed.broadcast_from_first("x") == "x"
    assert (distributed.rank(), distributed.process_count()) == (0, 1)


def test_shares_cover_all_rows_and_come_together_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.arange(7)
    monkeypatch.setattr(distributed, "process_count", lambda: 3)
    shares = []
    for number in range(3):
        monkeypatch.setattr(distributed, "rank", lambda number=number: number)
        shares.append(distributed.take_process_share(rows))
    assert [share.tolist() for share in shares] == [[0, 3, 6], [1, 4, 0], [2, 5, 1]]
    monkeypatch.setattr(distributed.together, "all_gather", lambda _: tuple(shares))
    assert distributed.gather_rows(shares[0], 7).tolist() == rows.tolist()
