"""Configs, from presets and from the command line."""

import json
from pathlib import Path

import pytest

from personality.network_options import NetworkDesign
from personality.preprocessing.cache import Cache
from training.__main__ import main
from training.config.run_config import Config, Stage, parse_stage, preset


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"averaging": 1.0}, "averaging is 1.0"),
        ({"accumulate": 20}, "1 to 16 pieces"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"compile": True}, "no backbone to compile"),
        ({"design": NetworkDesign(encoder="transformer")}, "--preset modern lets you choose"),
    ],
)
def test_config_refuses_what_training_cannot_do(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        preset("audio", **changes)


def test_a_design_from_the_command_line(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["check", str(cache.folder), "--modality", "visual", "--preset", "modern", "--out", str(tmp_path)]
    assert main([*command, "--design", "colour=red"]) == 1
    assert "--design colour is unknown; wanted NAME=VALUE with a name of backbone" in capsys.readouterr().err
    for word in ("long", "4", "61"):
        assert main([*command, "--design", f"seconds={word}"]) == 1
        assert "from 5 to 60" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet"]) == 1
    assert "test_resnet wants weights: --backbone FILE, hub" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet", "--backbone", "none"]) == 0


def test_a_stage_is_written_in_one_word() -> None:
    assert parse_stage("6:all:5e-5:2") == Stage(6, "all", 5e-5, 2)
    assert parse_stage("60:head:1e-3") == Stage(60, "head", 1e-3)
    for wrong in ("6:all", "six:all:1e-3", "6:all:1e-3:2:1", ""):
        with pytest.raises(ValueError, match="is not EPOCHS"):
            parse_stage(wrong)
