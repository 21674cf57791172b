"""The command that exports a trained model for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def run_export(options: argparse.Namespace) -> None:
    """Export a trained model as an ONNX file."""
    from personality.models.checkpoint import load_model
    from personality.models.onnx_export import export_onnx

    difference = export_onnx(load_model(options.model), options.out)
    size = options.out.stat().st_size / 2**20
    print(f"{options.out}, {size:.1f} MB; traits differ from torch by {difference:.0e} at most on random clips")


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser("export", help="export a trained model as ONNX, with the constants of its inputs")
    command.add_argument("model", type=Path, metavar="RUN_OR_MODEL")
    command.add_argument("out", type=Path, metavar="OUT.onnx")
    command.set_defaults(run=run_export)
