"""The command `personality`, the same as `python -m personality`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from personality.cli import analysis, app, convert, data, describe, embed, export, predict, tables
from personality.utils.error_messages import describe_error


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : list of str, optional
        The command and its options; by default `sys.argv[1:]`.

    Returns
    -------
    int
        The exit status: 0, or 1 with an error message on standard error.
    """
    options = _build_parser().parse_args(_mark_dash_files(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(options.run(options) or 0)
    except (OSError, ValueError) as error:
        print(f"error: {describe_error(error)}", file=sys.stderr)
        return 1


def _mark_dash_files(arguments: list[str]) -> list[str]:
    """Prefix existing files whose names start with `-`, as in First Impressions, to distinguish them from options."""
    return [f"./{word}" if word.startswith("-") and Path(word).is_file() else word for word in arguments]


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "personality", description="Apparent personality from short videos: prediction, evaluation and audit."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (app, predict, data, describe, embed, tables, analysis, convert, export):
        group.add_commands(commands)
    return parser
