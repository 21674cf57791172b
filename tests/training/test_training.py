import errno
import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from personality.design import Design
from personality.models.network import Batch
from personality.predict import Impression, Silence, impressions, load_models
from personality.preprocessing import cache as cache_module
from personality.preprocessing.cache import Cache, CacheError
from personality.storage import exclusive
from training import epoch as epoch_module
from training import jobs, progress
from training.__main__ import main
from training.config import Config, Stage, preset
from training.data import TrainingError
from training.epoch import make_optimiser
from training.loop import train
from training.parts import prepare
from training.runs import ACTIVE, Run, list_runs

HEAD = (Stage(3, "head", 1e-3, frames=2),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimiser": "magic"}, "optimiser is 'magic'"),
        ({"activation": "step"}, "activation is 'step'"),
        ({"batch": 1}, "two clips or more"),
        ({"stages": ()}, "at least one stage"),
        ({"stages": (Stage(1, "tail", 1e-3),)}, "trains head or all"),
        ({"stages": (Stage(1, "head", -1.0),)}, "above 0"),
    ],
)
def test_config_refuses_contradictions(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        preset("audio", **changes)


def test_a_fusion_cannot_train_its_branches() -> None:
    with pytest.raises(ValueError, match="train the head only"):
        preset("audiovisual", stages=(Stage(1, "all", 1e-3),))


def test_config_survives_json() -> None:
    config = preset("visual", "thesis", seed=7)
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_thesis_preset_is_the_thesiss_table() -> None:
    visual = preset("visual", "thesis")
    assert [(s.epochs, s.trains, s.rate) for s in visual.stages] == [(50, "head", 1e-5), (20, "all", 1e-5)]
    assert (visual.loss, visual.optimiser, visual.batch) == ("mse", "adam", 32)
    assert (preset("audio", "thesis").batch, preset("audio", "thesis").stages[0].epochs) == (64, 150)
    assert preset("handcrafted", "thesis").stages[0].epochs == 70


@pytest.mark.parametrize(("name", "momentum"), [("sgd", 0.0), ("momentum", 0.9)])
def test_sgd_with_and_without_momentum(name: str, momentum: float) -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    optimiser = make_optimiser([parameter], preset("audio", optimiser=name), 0.1)
    assert optimiser.param_groups[0]["momentum"] == momentum


def test_a_finished_run_says_so_and_keeps_its_best_epoch(runs: Path) -> None:
    for run in list_runs(runs):
        status = run.status()
        assert status["state"] == "done"
        metrics = run.metrics()
        best = min(metrics, key=lambda row: row["validation_loss"])
        card = json.loads((run.folder / "card.json").read_text())
        assert card["epoch"] == best["epoch"] == status["best_epoch"]
        assert card["data"]["synthetic"] is True
        mean = card["metrics"]["traits"]["mean"]
        assert (mean["low"], mean["high"]) == (None, None)  # one person in validation: no interval
        assert card["metrics"]["n"] == 2 * card["metrics"]["sources"]


def run_to_end(folder: Path, cache: Cache, config: Config) -> Run:
    run = Run(folder)
    run.create(config, cache.folder)
    train(run)
    return run


def test_same_seed_same_weights_other_seed_others(cache: Cache, tmp_path: Path) -> None:
    weights = [
        (
            run_to_end(tmp_path / name, cache, preset("audio", stages=HEAD, seed=seed)).folder / "model.safetensors"
        ).read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert weights[0] == weights[1] != weights[2]


def test_all_layers_train_in_a_second_stage(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(1, "head", 1e-3, frames=1), Stage(1, "all", 1e-4, frames=1))
    run = run_to_end(tmp_path / "visual", cache, preset("visual", stages=stages, batch=4))
    assert [row["trains"] for row in run.metrics()] == ["head", "all"]
    assert run.status()["state"] == "done"


class Death(BaseException):
    """The process dies here, as far as anything that is caught can tell."""


def test_resumed_after_death_equals_never_stopped(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = (Stage(2, "head", 1e-3), Stage(2, "head", 1e-4))
    whole = run_to_end(tmp_path / "whole", cache, preset("audio", stages=stages))
    for epoch in (1, 2, 3):
        run = Run(tmp_path / f"dies-{epoch}")
        run.create(preset("audio", stages=stages), cache.folder)
        record = Run.record

        def die(self: Run, metrics: dict, epoch: int = epoch, record=record) -> None:
            if metrics["epoch"] > epoch:
                raise Death
            record(self, metrics)

        with monkeypatch.context() as patch:
            patch.setattr(Run, "record", die)
            with pytest.raises(Death):
                train(run)
        train(Run(run.folder))
        assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
        assert [row["loss"] for row in run.metrics()] == [row["loss"] for row in whole.metrics()]


def test_early_stopping_ends_a_stage(cache: Cache, tmp_path: Path) -> None:
    config = preset("audio", stages=(Stage(50, "head", 0.5),), patience=2)
    run = run_to_end(tmp_path / "audio", cache, config)
    assert len(run.metrics()) < 50
    assert "no better epoch in 2" in run.status()["why"]


def test_fusion_without_trained_branches_is_one_sentence(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audiovisual")
    run.create(preset("audiovisual", stages=HEAD), cache.folder)
    with pytest.raises(TrainingError, match="train audio first"):
        train(run)
    assert run.status()["state"] == "failed"
    assert "train audio first" in run.status()["why"]


def test_a_run_folder_is_not_taken_twice(runs: Path, cache: Cache) -> None:
    with pytest.raises(FileExistsError, match="holds a run already"):
        Run(runs / "audio").create(preset("audio"), cache.folder)
    assert jobs.free_folder(runs, preset("audio")) == runs / "audio-2"


def test_a_run_that_never_began_gives_its_name_back(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audiovisual")
    run.create(preset("audiovisual", stages=HEAD), cache.folder)
    with pytest.raises(TrainingError):
        train(run)
    assert jobs.free_folder(tmp_path, preset("audiovisual")) == run.folder


def test_stop_never_signals_its_own_process(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio"), cache.folder)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("the server would have died"))
    jobs.stop(run)


def test_two_processes_cannot_write_one_run(cache: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), cache.folder)
    with exclusive(run.folder / "lock", ""), pytest.raises(ValueError, match="Another process is writing"):
        train(run)
    train(run)
    assert run.status()["state"] == "done"


def test_a_fusion_goes_on_with_the_branches_it_began_with(runs: Path, cache: Cache, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    run = Run(tmp_path / "runs" / "audiovisual")
    assert set(run.branches) == {"audio", "visual"}
    audio = tmp_path / "runs" / "audio" / "model.safetensors"
    run.pin({name: {**entry, "folder": str(tmp_path / "runs" / name)} for name, entry in run.branches.items()})
    audio.write_bytes(audio.read_bytes() + b" ")
    with pytest.raises(TrainingError, match="The audio model this run joins has changed"):
        train(run)


def test_a_process_that_is_gone_is_stale(tmp_path: Path, cache: Cache) -> None:
    run = Run(tmp_path / "audio")
    run.create(preset("audio"), cache.folder)
    status = json.loads((run.folder / "status.json").read_text())
    (run.folder / "status.json").write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 1}))
    assert run.status()["state"] == "stale"


def wait(run: Run, wanted: set[str], seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while run.status()["state"] not in wanted and time.monotonic() < end:
        time.sleep(0.1)
    return run.status()["state"]


def test_a_job_runs_apart_stops_when_asked_and_goes_on(cache: Cache, tmp_path: Path) -> None:
    config = preset("audio", stages=(Stage(4000, "head", 1e-5),), patience=4000)
    run = jobs.start(config, cache=cache.folder, runs=tmp_path)
    end = time.monotonic() + 60
    while len(run.metrics()) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    pid = run.status()["pid"]
    assert pid != os.getpid()
    assert os.getsid(pid) != os.getsid(0)
    jobs.stop(run)
    assert wait(run, {"stopped"}) == "stopped"
    epochs = len(run.metrics())
    jobs.resume(run)
    end = time.monotonic() + 60
    while len(run.metrics()) <= epochs and time.monotonic() < end:
        time.sleep(0.1)
    assert len(run.metrics()) > epochs
    assert run.status()["state"] in ACTIVE
    with pytest.raises(ValueError, match="is running; stop it first"):
        jobs.resume(run)
    os.kill(run.status()["pid"], signal.SIGKILL)
    assert wait(run, {"stale"}) == "stale"


def test_all_ideas_of_modern_resume_exactly(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged weights, holes in the sound, pieces of batches, two stages: killed at any epoch the end is the same."""
    config = preset(
        "audio", "modern", stages=(Stage(2, "head", 1e-3), Stage(2, "all", 1e-4)), batch=4, accumulate=2, averaging=0.9
    )
    whole = run_to_end(tmp_path / "whole", cache, config)
    for epoch in (1, 2, 3):
        run = Run(tmp_path / f"dies-{epoch}")
        run.create(config, cache.folder)
        save = progress.save_weights

        def die(folder: Path, network: torch.nn.Module, save=save, run=run, epoch: int = epoch) -> None:
            if len(run.metrics()) == epoch:
                raise Death
            save(folder, network)

        with monkeypatch.context() as patch:  # after the state of an epoch, before its weights
            patch.setattr(progress, "save_weights", die)
            with pytest.raises(Death):
                train(run)
        train(Run(run.folder))
        assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_what_is_kept_is_the_average(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(3, "head", 1e-2),)
    run = run_to_end(tmp_path / "audio", cache, preset("audio", "modern", stages=stages, batch=4, averaging=0.9))
    stored = load_file(run.folder / "state.safetensors")
    kept = load_file(run.folder / "model.safetensors")
    torch.testing.assert_close(kept["output.weight"], stored["average.output.weight"].half())
    assert not torch.equal(kept["output.weight"], stored["network.output.weight"].half())


def test_modern_trains_all_four_and_a_gate_evaluates_where_a_face_is_missing(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(1, "head", 1e-3, frames=1),)
    for modality in ("audio", "visual", "audiovisual", "handcrafted"):
        run_to_end(tmp_path / modality, cache, preset(modality, "modern", stages=stages, batch=4))
    sample = cache.sample(cache.rows("test").iloc[0])
    faceless = replace(sample, faces=sample.faces[:0])
    models = load_models([tmp_path / name for name in ("visual", "audiovisual", "handcrafted")])
    silent, *spoken = impressions(faceless, models)
    assert silent == Silence("visual", "no face was found")
    assert [type(piece) for piece in spoken] == [Impression, Impression]
    mute = replace(faceless, audio_seconds=0.0)
    assert all(isinstance(piece, Silence) for piece in impressions(mute, models))


def test_bfloat16_trains_and_speaks_in_full_precision(cache: Cache, tmp_path: Path) -> None:
    run = run_to_end(tmp_path / "audio", cache, preset("audio", "modern", stages=HEAD, precision="bfloat16"))
    assert run.status()["state"] == "done"
    parts = prepare(run)
    with parts.autocast, torch.inference_mode():
        traits = parts.network.eval()(Batch(audio=torch.randn(2, 80_000)))
    assert traits.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"averaging": 1.0}, "averaging is 1.0"),
        ({"accumulate": 20}, "1 to 16 pieces"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"compile": True}, "no backbone to compile"),
        ({"design": Design(encoder="transformer")}, "--preset modern lets you choose"),
    ],
)
def test_config_refuses_what_training_cannot_do(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        preset("audio", **changes)


def test_a_design_from_the_command_line(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["check", str(cache.folder), "--modality", "visual", "--preset", "modern", "--out", str(tmp_path)]
    assert main([*command, "--design", "colour=red"]) == 1
    assert "--design colour is unknown; wanted NAME=VALUE with a name of backbone" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet"]) == 1
    assert "test_resnet wants weights: --backbone FILE, hub" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet", "--backbone", "none"]) == 0


def a_run_of_two_epochs(cache: Cache, folder: Path, **changes: object) -> tuple[Run, bytes]:
    """A run that stops after its first epoch, and the checkpoint that it has then."""
    run = Run(folder)
    run.create(preset("audio", stages=(Stage(2, "head", 1e-3),), **changes), cache.folder)
    record = Run.record

    def die(self: Run, metrics: dict) -> None:
        if metrics["epoch"] > 1:
            raise Death
        record(self, metrics)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "record", die)
        with pytest.raises(Death):
            train(run)
    return run, (run.folder / "model.safetensors").read_bytes()


def test_a_loss_that_is_no_number_is_a_sentence_and_costs_nothing(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = a_run_of_two_epochs(cache, tmp_path / "audio")
    monkeypatch.setitem(epoch_module.LOSSES, "l1", lambda predicted, labels: (predicted - labels).mean() * torch.nan)
    with pytest.raises(TrainingError, match="not a number any more; try a smaller rate"):
        train(run)
    assert run.status()["state"] == "failed"
    assert (run.folder / "model.safetensors").read_bytes() == kept


def test_a_full_disk_is_a_sentence_and_the_last_epoch_is_kept(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = a_run_of_two_epochs(cache, tmp_path / "audio")
    whole = run_to_end(tmp_path / "whole", cache, run.config)
    state = (run.folder / "state.safetensors").read_bytes()

    def full(path: Path, data: bytes) -> None:
        path.with_name(f".{path.name}.torn").write_bytes(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(progress, "write_bytes", full)
        with pytest.raises(TrainingError, match=r"The disk of .* is full; make room and resume"):
            train(run)
    assert run.status()["why"].startswith("The disk of")
    assert (run.folder / "model.safetensors").read_bytes() == kept
    assert (run.folder / "state.safetensors").read_bytes() == state
    train(run)
    assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_a_cache_of_other_constants_is_a_sentence(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "FORMAT", 99)
    run = Run(tmp_path / "audio")
    run.create(preset("audio", stages=HEAD), cache.folder)
    with pytest.raises(CacheError, match=r"is stale \(format was \d+ and is 99\); run `python -m"):
        train(run)
    assert run.status()["state"] == "failed"
