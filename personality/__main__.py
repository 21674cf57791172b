"""The command line: `python -m personality synthesize | preprocess | evaluate | import-predictions | accuracy | predict`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from personality.dataset.index import DatasetError
from personality.preprocessing.cache import CacheError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 with one sentence on what was wrong."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (DatasetError, CacheError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _synthesize(options: argparse.Namespace) -> None:
    from personality.synthetic.people import synthesize

    table = synthesize(options.out, people=options.people, seed=options.seed, workers=options.workers)
    print(f"{len(table):,} clips of {table['source'].nunique():,} people in {options.out}")


def _preprocess(options: argparse.Namespace) -> None:
    from personality.dataset import load_dataset
    from personality.preprocessing.run import preprocess

    dataset = load_dataset(options.dataset)
    print(dataset.report())
    clips = preprocess(dataset, options.out, workers=options.workers, dask=options.dask)
    failed = clips[clips["error"] != ""]
    print(f"{len(clips) - len(failed):,} clips in {options.out}, {len(failed):,} could not be read")
    for reason, rows in failed.groupby("error"):
        print(f"  {len(rows):,} x {reason} ({rows['clip'].iloc[0]} ...)")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m personality", description="Apparent personality from short videos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("synthesize", help="make a dataset of people who do not exist")
    command.add_argument("out", type=Path)
    command.add_argument("--people", type=int, default=200)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--workers", type=int, default=-1, help="processes; -1 is one a core")
    command.set_defaults(run=_synthesize)

    command = commands.add_parser("preprocess", help="read the clips of a dataset into a cache")
    command.add_argument("dataset", type=Path)
    command.add_argument("--out", type=Path, required=True)
    group = command.add_mutually_exclusive_group()
    group.add_argument("--workers", type=int, default=-1, help="processes; -1 is one a core")
    group.add_argument("--dask", metavar="ADDRESS", help="send the clips to the Dask cluster at this address")
    command.set_defaults(run=_preprocess)
    return parser


if __name__ == "__main__":
    sys.exit(main())
