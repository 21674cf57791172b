"""The command line: `python -m training COMMAND`; without one it lists them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from personality.modalities import ACTIVATION_NAMES, MODALITIES
from personality.network_options import NetworkDesign
from personality.utils.atomic_files import hold_lock_file
from personality.utils.error_messages import describe_error
from training.config.run_config import LOSSES, OPTIMISERS, PRECISIONS, PRESETS, Config, parse_stage, preset
from training.recipes.commands import add_recipes
from training.runs.launch import PRACTICE_LOCK_FILE, find_free_run_folder, temporary_run
from training.runs.run import Run

PRACTICE_PEOPLE = 60
LARGEST_BATCH_OPTION = "largest"
CONFIG_OPTIONS = (  # fields of Config whose options are called alike
    *("optimiser", "activation", "loss", "balance", "patience", "seed", "backbone", "table"),
    *("averaging", "augment", "accumulate", "precision", "compile"),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 with one sentence on what was wrong."""
    options = _build_training_parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (ValueError, OSError) as error:
        print(f"error: {describe_error(error)}", file=sys.stderr)
        return 1


def _start_new_run(options: argparse.Namespace) -> int:
    from training import distributed

    with distributed.process_group():
        return _train_to_end(
            Run(Path(distributed.broadcast_from_first("" if distributed.rank() else str(_create_run(options)))))
        )


def _create_run(options: argparse.Namespace) -> Path:
    """The folder of a new run."""
    config = _config_from_options(options)
    run = Run(find_free_run_folder(options.out, config))
    run.create(config, options.cache)
    print(f"run in {run.folder}")
    return run.folder


def _dry_run_options(options: argparse.Namespace) -> None:
    with temporary_run(_config_from_options(options), cache=options.cache, runs=options.out) as run:
        _print_dry_run(run)


def _dry_run_folder(options: argparse.Namespace) -> None:
    _print_dry_run(Run(options.run_folder))


def _print_dry_run(run: Run) -> None:
    from training.engine.context import prepare_run
    from training.engine.dry_run import perform_dry_run

    print(perform_dry_run(prepare_run(run)).report())


def _train_chain(options: argparse.Namespace) -> int:
    waiting = [Run(folder) for folder in options.run_folders]
    try:
        while waiting:
            run = waiting.pop(0)
            if _train_to_end(run):
                return 1
        return 0
    finally:
        for later in waiting:
            later.write_status("stopped", why=f"{run.folder.name}, before it, did not end well")


def _train_to_end(run: Run) -> int:
    """Train and say how it ended; 0 where it is done."""
    from training import distributed
    from training.engine.process_memory import keep_freed_memory
    from training.engine.trainer import train_run

    keep_freed_memory()
    train_run(run)
    status = run.status()
    if not distributed.rank():
        print(f"{status['state']}: {status.get('why', '')}")
    return 0 if status["state"] == "done" else 1


def _config_from_options(options: argparse.Namespace) -> Config:
    changes = {name: getattr(options, name) for name in CONFIG_OPTIONS if getattr(options, name) is not None}
    if options.branch:
        changes["branches"] = tuple(str(branch.resolve()) for branch in options.branch)
    if options.extra_cache:
        changes["extra_cache"] = str(options.extra_cache.resolve())
    if options.stage:
        changes["stages"] = tuple(parse_stage(text) for text in options.stage)
    if options.design:
        changes["design"] = _design_from_words(options.design)
    if options.batch not in (None, LARGEST_BATCH_OPTION):
        if not options.batch.isdecimal():
            raise ValueError(f"--batch is {options.batch!r}; wanted a number of clips, or {LARGEST_BATCH_OPTION}")
        changes["batch"] = int(options.batch)
    config = preset(options.modality, options.preset, **changes).with_stages(epochs=options.epochs, rate=options.rate)
    return (
        replace(config, batch=_print_largest_batch(options, config))
        if options.batch == LARGEST_BATCH_OPTION
        else config
    )


def _design_from_words(words: list[str]) -> NetworkDesign:
    pairs = dict(word.partition("=")[::2] for word in words)
    defaults = {field.name: field.default for field in fields(NetworkDesign)}
    strange = [name for name in pairs if name not in defaults]
    if strange:
        raise ValueError(f"--design {strange[0]} is unknown; wanted NAME=VALUE with a name of {', '.join(defaults)}")
    values: dict[str, Any] = {name: _convert_like(word, defaults[name]) for name, word in pairs.items()}
    return NetworkDesign(**values)


def _convert_like(word: str, default: object) -> str | float:
    """A word as a number where the default is one and it can be; the Design says what is wrong with it else."""
    try:
        return float(word) if isinstance(default, float) else word
    except ValueError:
        return word


def _print_largest_batch(options: argparse.Namespace, config: Config) -> int:
    from training.engine.context import prepare_run
    from training.engine.memory_estimate import find_largest_batch

    with temporary_run(config, cache=options.cache, runs=options.out) as run:
        batch = find_largest_batch(prepare_run(run))
    print(f"the largest batch that memory bears: {batch} clips")
    return batch


def _resume_from_options(options: argparse.Namespace) -> int:
    from training import distributed

    run = Run(options.run_folder)
    if not (run.folder / "config.json").exists():
        raise ValueError(f"{run.folder} holds no run; start one with `python -m training run`")
    with distributed.process_group():
        return _train_to_end(run)


def _make_practice_data(options: argparse.Namespace) -> None:
    from personality.dataset import load_dataset
    from personality.preprocessing.build_cache import preprocess
    from personality.synthetic.people import synthesize

    people = options.workspace / "datasets" / "practice"
    with hold_lock_file(options.workspace / PRACTICE_LOCK_FILE, "The practice data are being made already."):
        if not people.exists():
            unfinished = people.with_name("practice.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            synthesize(unfinished, people=PRACTICE_PEOPLE, seed=1)
            unfinished.rename(people)
        preprocess(load_dataset(people), options.workspace / "caches" / "practice", workers=-1, remake=True)


def _add_run_options(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int | None]) -> None:
    """The options that make a run's config."""
    command.add_argument("cache", type=Path)
    command.add_argument("--modality", choices=tuple(MODALITIES), required=True)
    command.add_argument("--preset", choices=tuple(PRESETS), default="compact")
    command.add_argument("--out", type=Path, default=Path("workspace/runs"), help="folder of runs")
    command.add_argument("--epochs", type=int, help="of every stage")
    command.add_argument("--rate", type=float, help="of learning, in every stage")
    words = "EPOCHS:head|all:RATE[:FRAMES], in place of the preset's stages; repeat it"
    command.add_argument("--stage", action="append", metavar="STAGE", help=words)
    command.add_argument("--optimiser", choices=OPTIMISERS)
    command.add_argument("--activation", choices=ACTIVATION_NAMES)
    command.add_argument("--loss", choices=LOSSES)
    for name in ("patience", "seed"):
        command.add_argument(f"--{name}", type=int)
    command.add_argument("--batch", metavar="N", help=f"clips a step; `{LARGEST_BATCH_OPTION}`: what memory bears")
    command.add_argument("--accumulate", type=int, help="pieces that a batch is taken in, where memory is short")
    command.add_argument("--precision", choices=PRECISIONS)
    command.add_argument("--compile", action="store_true", default=None, help="the backbone, by torch.compile")
    command.add_argument("--averaging", type=float, help="decay per step of averaged weights; 0: none")
    command.add_argument("--augment", action=argparse.BooleanOptionalAction, help="vary faces and sound in training")
    command.add_argument(
        "--design", action="append", metavar="NAME=VALUE", help="of `modern`; repeat it: docs/models.md"
    )
    command.add_argument("--balance", metavar="ATTRIBUTE", help="groups of it weigh alike in the loss, such as gender")
    command.add_argument(
        "--backbone", help="safetensors to start the backbone from, VGG-Face for instance; modern: also `hub`, `none`"
    )
    command.add_argument("--table", help="of features in the cache, that the modality `features` reads")
    command.add_argument("--branch", type=Path, action="append", metavar="RUN", help="joined by a `fusion`; repeat it")
    words = "another cache, whose training clips are learned from too (audio, visual); validation stays the first's"
    command.add_argument("--extra-cache", type=Path, metavar="CACHE", help=words)
    command.set_defaults(run=run)


def _build_training_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m training", description="Train the models of apparent personality.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    for name, run, text in (
        ("run", _start_new_run, "train one modality on a cache"),
        ("check", _dry_run_options, "what can be known of a run before its first step; trains nothing"),
    ):
        _add_run_options(commands.add_parser(name, help=text), run)

    command = commands.add_parser("resume", help="go on with a run that was stopped or died")
    command.add_argument("run_folder", type=Path, metavar="RUN")
    command.set_defaults(run=_resume_from_options)

    command = commands.add_parser("look", help="`check` for a run's folder that was made already")
    command.add_argument("run_folder", type=Path, metavar="RUN")
    command.set_defaults(run=_dry_run_folder)

    command = commands.add_parser("chain", help="train or go on with runs, one after the other")
    command.add_argument("run_folders", type=Path, nargs="+", metavar="RUN")
    command.set_defaults(run=_train_chain)

    add_recipes(commands)

    command = commands.add_parser("practice", help="a cache of synthetic people to practise on")
    command.add_argument("workspace", type=Path)
    command.set_defaults(run=_make_practice_data)
    return parser


if __name__ == "__main__":
    sys.exit(main())
