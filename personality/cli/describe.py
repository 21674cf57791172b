"""The command that computes attributes of the clips of a cache."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def run_describe(options: argparse.Namespace) -> None:
    """Compute attributes of the clips and add them to the cache as tables."""
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.clip_attributes import ATTRIBUTE_TABLES
    from personality.preprocessing.describe_cache import describe_cache

    cache = Cache(options.cache)
    counts, errors = describe_cache(cache, workers=options.workers)
    for name, columns in ATTRIBUTE_TABLES.items():
        print(f"{name}: {counts[name]:,} of {len(cache.clips):,} clips ({', '.join(columns)})")
    if not cache.transcripts_path.is_file():
        print("speech_rate requires transcripts: `personality add-text`, then this command again")
    if errors:
        clip, reason = next(iter(errors.items()))
        print(f"{len(errors):,} clips could not be read, such as {clip}: {reason}")


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser(
        "describe",
        help="compute attributes of the clips: head, background, speech, pitch and loudness",
        description="Attributes of the clips of a cache become its tables head, background, speech, pauses, "
        "speech_rate and prosody, for models and, with `add-attributes`, for the analysis. The videos are read again.",
    )
    command.add_argument("cache", type=Path, help="folder that `personality preprocess` created")
    command.add_argument("--workers", type=int, default=-1, help="number of processes; -1: one per core")
    command.set_defaults(run=run_describe)
