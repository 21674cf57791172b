"""Commands that create predictions tables from other tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from personality.cli.options import add_scale_options
from personality.dataset.index import SPLITS

MIN_GROUPS, DEFAULT_GROUPS = 2, 3  # of `add-attributes`


def run_import_predictions(options: argparse.Namespace) -> None:
    """Import the predictions of an external model."""
    from personality.dataset import load_dataset
    from personality.dataset.index import describe_problems
    from personality.inference.import_predictions import import_predictions
    from personality.predictions.prediction_files import write_predictions

    dataset = load_dataset(options.dataset, scale=options.label_scale, is_reversed=bool(options.label_reversed))
    how = {name: getattr(options, name) for name in ("split", "model", "scale", "trained_on")}
    table, preview = import_predictions(options.csv, dataset, is_reversed=bool(options.reversed), **how)
    print(f"{dataset.name}:")
    for line in [*dataset.notes, *describe_problems(dataset.problems)]:
        print(f"  {line}")
    print(f"{options.csv}, as {options.model}:")
    for line in preview:
        print(f"  {line}")
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips of {options.model} in {options.out}")


def run_join(options: argparse.Namespace) -> None:
    """Join predictions tables."""
    from personality.predictions.assemble import join_predictions
    from personality.predictions.prediction_files import read_predictions, write_predictions

    table = join_predictions([read_predictions(path) for path in options.tables], mean=options.mean)
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips x {table['model'].nunique()} models in {options.out}")


def run_add_attributes(options: argparse.Namespace) -> None:
    """Add columns of a cache's tables to predictions, and print how to group by them."""
    from personality.predictions.added_attributes import add_attributes, cut_into_equal_groups
    from personality.predictions.prediction_files import read_predictions, write_predictions
    from personality.preprocessing.cache import Cache

    if options.groups < MIN_GROUPS:
        raise ValueError(f"--groups is {options.groups}; expected at least {MIN_GROUPS}.")
    table, added, cache = read_predictions(options.predictions), [], Cache(options.cache)
    for name in options.tables:
        table = add_attributes(table, cache.table(name))
        added += list(cache.table(name))
    write_predictions(table, options.out)
    clips = table.drop_duplicates("clip")
    print(
        f"{options.out}: {len(added)} attributes of {len(clips):,} clips, in {options.groups} groups of equal size by"
    )
    for name in added:
        edges = ",".join(f"{edge:g}" for edge in cut_into_equal_groups(table, name, options.groups))
        print(f"  --by {name}:{edges}" if edges else f"  {name}: all values are equal", end="")
        print(f"  ({clips[name].notna().sum():,} clips)")


def run_inspect(options: argparse.Namespace) -> None:
    """List what a file of features or predictions contains."""
    from personality.tables.file_contents import describe_table_file

    for line in describe_table_file(options.file):
        print(line)


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers of the command line."""
    command = commands.add_parser("inspect", help="list the contents of an HDF5, CSV or parquet file")
    command.add_argument("file", type=Path)
    command.set_defaults(run=run_inspect)

    command = commands.add_parser("import-predictions", help="import the predictions of an external model")
    command.add_argument("csv", type=Path)
    command.add_argument("--dataset", type=Path, required=True)
    command.add_argument("--split", choices=SPLITS, required=True)
    command.add_argument("--model", required=True, help="name of the model")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument(
        "--trained-on",
        nargs="+",
        choices=(*SPLITS, "none"),
        default=("training",),
        metavar="SPLIT",
        help="splits that the model was trained on, whose sources are marked as seen; none: trained on another dataset",
    )
    add_scale_options(command, "", of="predictions")
    add_scale_options(command, "label-", of="labels in clips.csv")
    command.set_defaults(run=run_import_predictions)

    command = commands.add_parser("join", help="join several predictions tables of the same clips")
    command.add_argument("tables", type=Path, nargs="+", metavar="PREDICTIONS")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--mean", metavar="MODEL", help="also add the unweighted mean of all models, with this name")
    command.set_defaults(run=run_join)

    command = commands.add_parser(
        "add-attributes",
        help="add columns of a cache's tables to predictions, to group by them",
        description="Columns of tables of a cache (of `describe` or `add-table`) become numeric attributes of "
        "predictions. The edges of groups of equal size are printed for --by of `accuracy`, `gaps` and others.",
    )
    command.add_argument("predictions", type=Path)
    command.add_argument("cache", type=Path)
    command.add_argument("tables", nargs="+", metavar="TABLE")
    command.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS")
    words = f"number of groups of equal size to print edges for; default: {DEFAULT_GROUPS}"
    command.add_argument("--groups", type=int, default=DEFAULT_GROUPS, metavar="N", help=words)
    command.set_defaults(run=run_add_attributes)
