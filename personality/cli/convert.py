"""The command that converts weights that others published."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def run_convert_evolgen(options: argparse.Namespace) -> None:
    """Convert the network of team evolgen (ECCV 2016) to a checkpoint folder."""
    from personality.models.convert_evolgen import convert_evolgen

    convert_evolgen(options.file, options.out)
    print(f"a model in {options.out}; personality predict VIDEO --run {options.out}")


def run_convert_vggface(options: argparse.Namespace) -> None:
    """Convert VGG-Face to weights for `--backbone`."""
    from personality.models.convert_vggface import convert_vggface

    convert_vggface(options.file, options.out)
    command = f"personality-train run CACHE --modality visual --preset thesis --backbone {options.out}"
    print(f"weights in {options.out}; {command}")


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser("convert", help="convert weights published by others: evolgen or vggface")
    kinds = command.add_subparsers(required=True, metavar="KIND")
    for name, run, text in (
        (
            "evolgen",
            run_convert_evolgen,
            "LSTMModel#440.net of team evolgen (Torch7): five traits from faces and sound",
        ),
        ("vggface", run_convert_vggface, "VGG_FACE.t7 of Oxford (Torch7): a backbone for the preset thesis"),
    ):
        kind = kinds.add_parser(name, help=text)
        kind.add_argument("file", type=Path)
        kind.add_argument("out", type=Path, help="checkpoint folder" if name == "evolgen" else "safetensors file")
        kind.set_defaults(run=run)
