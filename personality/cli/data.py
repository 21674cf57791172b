"""Commands that create datasets and caches."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from personality.cli.options import add_scale_options


def run_synthesize(options: argparse.Namespace) -> None:
    """Generate a dataset of computer-made people."""
    from personality.synthetic.distribution import pack_as_distributed
    from personality.synthetic.people import synthesize
    from personality.synthetic.scenes import SynthesisOptions

    how = SynthesisOptions(shared_sources=options.as_distributed)
    table = synthesize(options.out, people=options.people, seed=options.seed, options=how, workers=options.workers)
    if options.as_distributed:
        pack_as_distributed(options.out, table, options.seed)
    print(f"{len(table):,} clips of {table['source'].nunique():,} people in {options.out}")


def run_preprocess(options: argparse.Namespace) -> None:
    """Preprocess the clips of a dataset into a cache."""
    from personality.dataset import load_dataset
    from personality.preprocessing.build_cache import preprocess

    dataset = load_dataset(options.dataset, scale=options.scale, is_reversed=bool(options.reversed))
    print(dataset.summarize())
    how = {name: getattr(options, name) for name in ("workers", "dask", "remake", "whole_sound")}
    clips = preprocess(dataset, options.out, **how)
    failed = clips[clips["error"] != ""]
    print(f"{len(clips) - len(failed):,} clips in {options.out}, {len(failed):,} could not be read")
    for reason, rows in failed.groupby("error"):
        print(f"  {len(rows):,} x {reason} ({rows['clip'].iloc[0]} ...)")


def run_add_table(options: argparse.Namespace) -> None:
    """Add external features of the clips to a cache."""
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.feature_tables import add_table, read_hdf5_table, read_table_files

    cache = Cache(options.cache)
    if options.features and len(options.files) > 1:
        raise ValueError(f"--features reads one HDF5 file; got {len(options.files)} files.")
    table = (
        read_hdf5_table(options.files[0], cache, options.features, clips=options.clips, splits=options.splits)
        if options.features
        else read_table_files(options.files)
    )
    _print_feature_table_size(add_table(cache, options.name, table), options)


def run_add_text(options: argparse.Namespace) -> None:
    """Compute text features from transcripts and add them to a cache."""
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.feature_tables import add_table, read_transcript_files, write_transcripts
    from personality.preprocessing.text_features import compute_text_features

    cache = Cache(options.cache)
    texts = read_transcript_files(options.transcriptions, list(cache.clips["clip"]))
    left_out = add_table(cache, options.name, compute_text_features(texts))
    write_transcripts(cache, texts)
    _print_feature_table_size(left_out, options)


def _print_feature_table_size(left_out: int, options: argparse.Namespace) -> None:
    from personality.preprocessing.cache import Cache

    table = Cache(options.cache).table(options.name)
    print(f"{len(table):,} clips x {len(table.columns)} columns, {left_out:,} rows with missing values left out")


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers of the command line."""
    command = commands.add_parser("synthesize", help="generate a dataset of computer-made people")
    command.add_argument("out", type=Path, help="folder to create")
    command.add_argument("--people", type=int, default=200, help="number of people, four clips each; default: 200")
    command.add_argument("--seed", type=int, default=0, help="random seed; default: 0")
    command.add_argument("--workers", type=int, default=-1, help="number of processes; -1: one per core")
    command.add_argument(
        "--as-distributed",
        action="store_true",
        help="nested zip archives, transcripts, and people in several splits, as First Impressions is distributed",
    )
    command.set_defaults(run=run_synthesize)

    command = commands.add_parser("preprocess", help="preprocess the clips of a dataset into a cache")
    command.add_argument("dataset", type=Path)
    command.add_argument("--out", type=Path, required=True)
    group = command.add_mutually_exclusive_group()
    group.add_argument("--workers", type=int, default=-1, help="number of processes; -1: one per core")
    group.add_argument("--dask", metavar="ADDRESS", help="address of a Dask cluster to use instead of local processes")
    command.add_argument("--remake", action="store_true", help="recompute entries that are out of date")
    add_scale_options(command, "", of="labels in clips.csv")
    command.add_argument("--whole-sound", action="store_true", help="also store the sound after the first 5 s")
    command.set_defaults(run=run_preprocess)

    command = commands.add_parser("add-table", help="add external features of the clips to a cache")
    command.add_argument("cache", type=Path)
    command.add_argument("name", help="name of the table, in lowercase")
    words = "CSV or parquet file with a column clip, or, with --features, one HDF5 file"
    command.add_argument("files", type=Path, nargs="+", metavar="FILE", help=words)
    words = "features of an HDF5 file, by path or end of the path: datasets with a row per clip, or groups of clips"
    command.add_argument("--features", nargs="+", metavar="NAME", help=words)
    command.add_argument("--clips", metavar="NAME", help="dataset with the names of the clips, in row order")
    words = "dataset with the splits of the clips, to check that they equal those of the cache"
    command.add_argument("--splits", metavar="NAME", help=words)
    command.set_defaults(run=run_add_table)

    command = commands.add_parser("add-text", help="compute text features from transcripts")
    command.add_argument("cache", type=Path)
    words = "First Impressions' transcription_*.pkl, or text files named after their clips"
    command.add_argument("transcriptions", type=Path, nargs="+", metavar="FILE", help=words)
    command.set_defaults(run=run_add_text, name="text")
