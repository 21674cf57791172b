"""The options of `personality-train run` and `check`, and the configuration that they describe."""

from __future__ import annotations

import argparse
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from personality.network_options import NetworkDesign
from training.config.run_config import Config, parse_stage, preset

DEFAULT_RUNS = Path("workspace/runs")
OUT_HELP = f"folder of runs, in which audiovisual and handcrafted find the runs that they join; default: {DEFAULT_RUNS}"
LARGEST_BATCH_OPTION = "largest"
CONVERTED_CONFIG_FIELDS = ("modality", "preset", "stages", "batch", "branches", "tables", "extra_cache", "design")
REPEATED_OPTIONS = (  # option, field of Config, placeholder
    ("--stage", "stages", "STAGE"),
    ("--branch", "branches", "RUN"),
    ("--encoder", "tables", "ENCODER_OR_TABLE"),
    ("--design", "design", "NAME=VALUE"),
)


def add_run_options(command: argparse.ArgumentParser) -> None:
    """The options of a run: one for each field of Config, and shortcuts for the stages."""
    known = {one.name: one.metadata for one in fields(Config)}
    command.add_argument("cache", type=Path, help="folder that `personality preprocess` created")
    command.add_argument(
        "--modality", choices=known["modality"]["choices"], required=True, help=known["modality"]["help"]
    )
    command.add_argument(
        "--preset",
        choices=known["preset"]["choices"],
        default="compact",
        help=f"{known['preset']['help']}; default: compact",
    )
    command.add_argument("--out", type=Path, default=DEFAULT_RUNS, help=OUT_HELP)
    command.add_argument("--epochs", type=int, metavar="N", help="epochs of every stage")
    command.add_argument("--learning-rate", type=float, metavar="RATE", help="learning rate of every stage")
    for option, name, metavar in REPEATED_OPTIONS:
        command.add_argument(option, action="append", metavar=metavar, help=f"{known[name]['help']}; may be repeated")
    largest = f"; `{LARGEST_BATCH_OPTION}`: the largest that fits in memory"
    command.add_argument("--batch", metavar="N", help=known["batch"]["help"] + largest)
    command.add_argument("--extra-cache", type=Path, metavar="CACHE", help=known["extra_cache"]["help"])
    for one in _plain_config_fields():
        kind: dict[str, Any] = {"type": str if one.default is None else type(one.default)}
        if one.default is False:
            kind = {"action": argparse.BooleanOptionalAction}
        elif one.metadata["choices"]:
            kind = {"choices": one.metadata["choices"]}
        command.add_argument(f"--{one.name.replace('_', '-')}", help=one.metadata["help"], **kind)


def _plain_config_fields() -> list[Field]:
    """The fields of Config whose values on the command line need no conversion."""
    return [one for one in fields(Config) if one.name not in CONVERTED_CONFIG_FIELDS]


def config_from_options(options: argparse.Namespace) -> Config:
    """The configuration that the options describe; with `--batch largest`, the batch is that of the preset.

    Raises ValueError if an option has an invalid value.
    """
    names = [one.name for one in _plain_config_fields()]
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.branch:
        changes["branches"] = tuple(str(Path(branch).resolve()) for branch in options.branch)
    if options.encoder:
        changes["tables"] = tuple(options.encoder)
    if options.extra_cache:
        changes["extra_cache"] = str(options.extra_cache.resolve())
    if options.stage:
        changes["stages"] = tuple(parse_stage(text) for text in options.stage)
    if options.design:
        changes["design"] = _parse_design(options.design)
    if options.batch not in (None, LARGEST_BATCH_OPTION):
        changes["batch"] = _parse_batch(options.batch)
    config = preset(options.modality, options.preset, **changes)
    return config.with_stages(epochs=options.epochs, rate=options.learning_rate)


def _parse_batch(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"--batch is {text!r}; expected a number of clips, or {LARGEST_BATCH_OPTION}")
    return int(text)


def _parse_design(words: list[str]) -> NetworkDesign:
    pairs = dict(word.partition("=")[::2] for word in words)
    defaults = {field.name: field.default for field in fields(NetworkDesign)}
    unknown = [name for name in pairs if name not in defaults]
    if unknown:
        raise ValueError(f"--design {unknown[0]} is unknown; expected NAME=VALUE, NAME one of {', '.join(defaults)}")
    values: dict[str, Any] = {name: _convert_like(word, defaults[name]) for name, word in pairs.items()}
    return NetworkDesign(**values)


def _convert_like(word: str, default: object) -> str | float:
    """Convert a word to a number if the default is one; NetworkDesign rejects words that are not numbers."""
    try:
        return float(word) if isinstance(default, float) else word
    except ValueError:
        return word
