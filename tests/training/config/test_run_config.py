"""Configs, from presets and from the command line."""

import argparse
import json
import math
from pathlib import Path

import pytest

from personality.network_options import NetworkDesign
from personality.preprocessing.cache import Cache
from training.__main__ import _build_training_parser, main
from training.config.form_fields import list_form_fields
from training.config.run_config import Config, Stage, parse_stage, preset
from training.runs.run import Run


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"optimiser": "magic"}, "optimiser"),
        ({"activation": "step"}, "activation"),
        ({"batch": 1}, "batch is 1"),
        ({"stages": ()}, "stages"),
        ({"stages": (Stage(1, "tail", 1e-3),)}, "stages"),
        ({"stages": (Stage(1, "head", -1.0),)}, "rate"),
    ],
)
def test_contradictory_options_raise(changes: dict, option: str) -> None:
    with pytest.raises(ValueError, match=option):
        preset("audio", **changes)


def test_a_fusion_cannot_train_its_branches() -> None:
    with pytest.raises(ValueError, match="stages"):
        preset("audiovisual", stages=(Stage(1, "all", 1e-3),))


def test_config_survives_json() -> None:
    config = preset("visual", "thesis", seed=7)
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_thesis_preset_has_the_values_of_the_thesis() -> None:
    visual = preset("visual", "thesis")
    assert [(s.epochs, s.trains, s.rate) for s in visual.stages] == [(50, "head", 1e-5), (20, "all", 1e-5)]
    assert (visual.loss, visual.optimiser, visual.batch) == ("mse", "adam", 32)
    assert (preset("audio", "thesis").batch, preset("audio", "thesis").stages[0].epochs) == (64, 150)
    assert preset("handcrafted", "thesis").stages[0].epochs == 70


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"averaging": 1.0}, "averaging"),
        ({"accumulate": 20}, "accumulate is 20"),
        ({"precision": "int8"}, "precision"),
        ({"compile": True}, "compile"),
        *(({"stages": (Stage(1, "head", rate),)}, "rate") for rate in (0.0, -1.0, 1e30, math.inf, math.nan)),
        *(({"seed": seed}, "seed") for seed in (-1, 2**31, 10**30)),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"design": NetworkDesign(encoder="transformer")}, "--preset modern"),
    ],
)
def test_invalid_training_options_raise(changes: dict, option: str) -> None:
    with pytest.raises(ValueError, match=option):
        preset("audio", **changes)


def test_a_design_from_the_command_line(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["check", str(cache.folder), "--modality", "visual", "--preset", "modern", "--out", str(tmp_path)]
    assert main([*command, "--design", "colour=red"]) == 1
    assert "--design colour" in capsys.readouterr().err
    for word in ("long", "4", "61"):
        assert main([*command, "--design", f"seconds={word}"]) == 1
        assert "seconds" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet"]) == 1
    assert "test_resnet" in capsys.readouterr().err
    assert main([*command, "--design", "backbone=test_resnet", "--backbone", "none"]) == 0


def test_parse_stage() -> None:
    assert parse_stage("6:all:5e-5:2") == Stage(6, "all", 5e-5, 2)
    assert parse_stage("60:head:1e-3") == Stage(60, "head", 1e-3)
    for wrong in ("6:all", "six:all:1e-3", "6:all:1e-3:2:1", ""):
        with pytest.raises(ValueError, match="EPOCHS"):
            parse_stage(wrong)


def test_every_option_of_the_form_is_on_the_command_line(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for one in list_form_fields(preset("visual")):
        assert f"--{one.name.replace('_', '-')} " in text, one.name
        assert not one.choices or f"{{{','.join(one.choices)}}}" in text


def test_the_command_line_converts_the_values(cache: Cache, tmp_path: Path) -> None:
    words = ["--weight-decay", "0.5", "--patience", "3", "--no-augment", "--kept-epoch", "last", "--batch", "8"]
    command = ["run", str(cache.folder), "--modality", "audio", "--out", str(tmp_path), "--epochs", "1", *words]
    assert main(command) == 0
    config = Run(tmp_path / "audio").config
    assert (config.weight_decay, config.patience, config.augment, config.kept_epoch) == (0.5, 3, False, "last")
    assert (config.batch, config.stages[0].epochs) == (8, 1)


def test_every_option_of_every_command_has_a_help_text() -> None:
    (commands,) = (one for one in _build_training_parser()._actions if isinstance(one, argparse._SubParsersAction))
    assert len(commands.choices) > 10
    for name, command in commands.choices.items():
        assert [one.dest for one in command._actions if not one.help] == [], name


def test_a_config_of_an_earlier_version_is_read() -> None:
    config = preset("audio", "modern")
    old = {name: value for name, value in config.as_dict().items() if name != "kept_epoch"} | {"keeps": "last"}
    assert Config.from_dict(old) == config
