"""The command that computes features of a cache by frozen encoders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def run_embed(options: argparse.Namespace) -> None:
    """Compute the features of each encoder and add them to the cache."""
    from personality.inference.embed_cache import EmbedJob
    from personality.models.encoders.encoding import IDENTITY_KINDS, parse_encoder
    from personality.preprocessing.cache import Cache

    cache, encoders = Cache(options.cache), [parse_encoder(name) for name in options.encoder]
    _fetch_weights(encoders, options)
    for job in [EmbedJob(cache, name, device=options.device, batch=options.batch) for name in encoders]:
        name = job.encoding.encoder
        if job.is_done:
            print(f"{name}: the cache has this table, {job.encoding.table}")
            continue
        if job.encoding.kind in IDENTITY_KINDS:
            print(f"{name} was trained to recognise who a person is: its features are biometric data of these people.")
        found = job.estimate()
        minutes = max(1, round(found.seconds / 60))
        print(f"{name}: {found.clips:,} clips, {found.megabytes:,.1f} MB, about {minutes:,} min", flush=True)
        print(f"{job.run():,} rows in the table {job.encoding.table}")


def _fetch_weights(encoders: list[str], options: argparse.Namespace) -> None:
    from personality.models.encoders.weights import download_weights, import_weights

    if options.weights and len(encoders) > 1:
        raise ValueError(f"--weights are those of one encoder; got {len(encoders)} encoders. Run the command for each.")
    for name in encoders:
        if options.weights:
            import_weights(name, options.weights)
        elif options.download:
            download_weights(name)


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser(
        "embed",
        help="compute features of faces, sound and words by frozen encoders",
        description="Features of frozen encoders become tables of the cache, in half precision. dlib:resnet and "
        "speaker:resemblyzer recognise people: their features are biometric data.",
    )
    command.add_argument("cache", type=Path, help="folder that `personality preprocess` created")
    words = "timm:NAME (faces), torchaudio:BUNDLE or opensmile:SET (sound), sentence-transformers:NAME (transcripts of "
    words += "`add-text`), dlib:resnet, speaker:resemblyzer; repeatable"
    command.add_argument("--encoder", nargs="+", action="extend", required=True, metavar="KIND:NAME", help=words)
    group = command.add_mutually_exclusive_group()
    words = "safetensors file of its weights, or a folder of a sentence transformer, copied into the workspace"
    group.add_argument("--weights", type=Path, metavar="FILE", help=words)
    words = "download the weights from timm's, torchaudio's or sentence-transformers' hub into the workspace"
    group.add_argument("--download", action="store_true", help=words)
    command.add_argument("--device", help="device of torch, such as cpu or cuda:1; default: a CUDA GPU if there is one")
    command.add_argument("--batch", type=int, default=16, help="clips per step; default: 16")
    command.set_defaults(run=run_embed)
