"""Stages and epochs: the result of a run, with and without interruptions."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from personality.dataset import load_dataset
from personality.dataset.dataset_card import SYNTHETIC_LICENCE
from personality.inference.predict import Impression, Unavailable, load_models, predict_impressions
from personality.models.network import Batch
from personality.network_options import NetworkDesign
from personality.preprocessing.build_cache import preprocess
from personality.preprocessing.cache import Cache, CacheError
from personality.traits import TRAIT_NAMES
from tests.training.helpers import Death, dying_after, run_to_end
from training.config.run_config import Stage, preset
from training.data.dataloader import TrainingError
from training.engine import stages as stages_module
from training.engine.context import prepare_run
from training.engine.train_run import train_run
from training.runs.run import Run, list_runs

HEAD = (Stage(3, "head", 1e-3, frames=2),)


def test_a_finished_run_is_done_and_stores_its_best_epoch(runs: Path) -> None:
    for run in list_runs(runs):
        status = run.status()
        assert status["state"] == "done"
        metrics = run.metrics()
        best = min(metrics, key=lambda row: row["validation_loss"])
        card = json.loads((run.folder / "card.json").read_text())
        assert card["epoch"] == best["epoch"] == status["best_epoch"]
        assert card["data"]["synthetic"] is True and card["licence"] == SYNTHETIC_LICENCE
        for trait in TRAIT_NAMES:
            labels = card["training_labels"][trait]
            assert labels == sorted(labels) and len(labels) == 21
            assert card["conformal"][trait][0] <= card["conformal"][trait][1]
        mean = card["metrics"]["traits"]["mean"]
        assert (mean["low"], mean["high"]) == (None, None)  # one person in validation: no interval
        assert card["metrics"]["n"] == 2 * card["metrics"]["sources"]


def test_weights_depend_on_the_seed_only(cache: Cache, tmp_path: Path) -> None:
    weights = [
        (
            run_to_end(tmp_path / name, cache, preset("audio", stages=HEAD, seed=seed)).folder / "model.safetensors"
        ).read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.trial
def test_a_network_reads_the_whole_sound_if_the_cache_includes_it(cache: Cache, people: Path, tmp_path: Path) -> None:
    config = preset("audio", "modern", stages=HEAD, design=NetworkDesign(seconds=15.0))
    with pytest.raises(CacheError, match=r"15 s .* 5 s.* `preprocess --whole-sound --remake`"):
        run_to_end(tmp_path / "none", cache, config)
    dataset = load_dataset(people)
    few = replace(dataset, table=dataset.table.groupby("split").head(2))  # of each split
    preprocess(few, tmp_path / "cache", workers=2, whole_sound=True)
    run = run_to_end(tmp_path / "audio", Cache(tmp_path / "cache"), config)
    (model,) = load_models([run.folder])
    row = Cache(tmp_path / "cache").labelled_clips("validation").iloc[0]
    sample = Cache(tmp_path / "cache").read(row["clip"])
    whole, window = (next(predict_impressions(one, [model])) for one in (sample, replace(sample, rest=sample.rest[:0])))
    assert isinstance(whole, Impression) and isinstance(window, Impression)
    assert whole.traits != window.traits


def test_all_layers_train_in_a_second_stage(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(1, "head", 1e-3, frames=1), Stage(1, "all", 1e-4, frames=1))
    run = run_to_end(tmp_path / "visual", cache, preset("visual", stages=stages, batch=4))
    assert [row["trains"] for row in run.metrics()] == ["head", "all"]
    assert run.status()["state"] == "done"


def test_resumed_run_equals_uninterrupted_run(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = (Stage(2, "head", 1e-3), Stage(2, "head", 1e-4))
    whole = run_to_end(tmp_path / "whole", cache, preset("audio", stages=stages))
    for epoch in (1, 2, 3):
        run = Run(tmp_path / f"dies-{epoch}")
        run.create(preset("audio", stages=stages), cache.folder)
        with dying_after(epoch):
            train_run(run)
        train_run(Run(run.folder))
        assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
        assert [row["loss"] for row in run.metrics()] == [row["loss"] for row in whole.metrics()]


def test_early_stopping_ends_a_stage(cache: Cache, tmp_path: Path) -> None:
    config = preset("audio", stages=(Stage(50, "head", 0.5),), patience=2)
    run = run_to_end(tmp_path / "audio", cache, config)
    assert len(run.metrics()) < 50
    assert "no better epoch in 2" in run.status()["why"]


def test_a_resumed_fusion_requires_its_original_branches(runs: Path, cache: Cache, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    run = Run(tmp_path / "runs" / "audiovisual")
    assert set(run.branches) == {"audio", "visual"}
    audio = tmp_path / "runs" / "audio" / "model.safetensors"
    run.store_branches(
        {name: {**entry, "folder": str(tmp_path / "runs" / name)} for name, entry in run.branches.items()}
    )
    audio.write_bytes(audio.read_bytes() + b" ")
    with pytest.raises(TrainingError, match=r"audio model .* has changed"):
        train_run(run)


def test_preset_modern_resumes_exactly(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged weights, augmented sound, micro-batches, two stages: an interruption in any epoch changes nothing."""
    config = preset(
        "audio", "modern", stages=(Stage(2, "head", 1e-3), Stage(2, "all", 1e-4)), batch=4, accumulate=2, averaging=0.9
    )
    whole = run_to_end(tmp_path / "whole", cache, config)
    for epoch in (1, 2, 3):
        run = Run(tmp_path / f"dies-{epoch}")
        run.create(config, cache.folder)
        save = stages_module.save_weights

        def die(
            folder: Path, network: torch.nn.Module, save: Callable = save, run: Run = run, epoch: int = epoch
        ) -> None:
            if len(run.metrics()) == epoch:
                raise Death
            save(folder, network)

        with monkeypatch.context() as patch:  # after the state of an epoch, before its weights
            patch.setattr(stages_module, "save_weights", die)
            with pytest.raises(Death):
                train_run(run)
        train_run(Run(run.folder))
        assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_checkpoint_stores_the_averaged_weights(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(3, "head", 1e-2),)
    run = run_to_end(tmp_path / "audio", cache, preset("audio", "modern", stages=stages, batch=4, averaging=0.9))
    stored = load_file(run.folder / "state.safetensors")
    checkpoint = load_file(run.folder / "model.safetensors")
    torch.testing.assert_close(checkpoint["output.weight"], stored["average.output.weight"].half())
    assert not torch.equal(checkpoint["output.weight"], stored["network.output.weight"].half())


def test_preset_modern_trains_all_modalities_and_predicts_without_a_face(cache: Cache, tmp_path: Path) -> None:
    stages = (Stage(1, "head", 1e-3, frames=1),)
    for modality in ("audio", "visual", "audiovisual", "handcrafted"):
        run_to_end(tmp_path / modality, cache, preset(modality, "modern", stages=stages, batch=4))
    sample = cache.sample(cache.labelled_clips("test").iloc[0])
    faceless = replace(sample, faces=sample.faces[:0])
    models = load_models([tmp_path / name for name in ("visual", "audiovisual", "handcrafted")])
    visual, *fusions = predict_impressions(faceless, models)
    assert visual == Unavailable("visual", "no face was found")
    assert [type(piece) for piece in fusions] == [Impression, Impression]
    mute = replace(faceless, audio_seconds=0.0)
    assert all(isinstance(piece, Unavailable) for piece in predict_impressions(mute, models))


def test_bfloat16_trains_and_predicts_in_float32(cache: Cache, tmp_path: Path) -> None:
    run = run_to_end(tmp_path / "audio", cache, preset("audio", "modern", stages=HEAD, precision="bfloat16"))
    assert run.status()["state"] == "done"
    context = prepare_run(run)
    with context.autocast, torch.inference_mode():
        traits = context.network.eval()(Batch(audio=torch.randn(2, 80_000)))
    assert traits.dtype == torch.float32
