"""Options shared by several commands."""

from __future__ import annotations

import argparse


def add_scale_options(command: argparse.ArgumentParser, prefix: str, *, of: str) -> None:
    """Add options for the scale of values and for a reversed fifth trait."""
    words = f"lowest and highest value of the scale of the {of}, such as 1 7; default: 0 1"
    command.add_argument(f"--{prefix}scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help=words)
    command.add_argument(
        f"--{prefix}reversed",
        nargs="?",
        const="neuroticism",
        choices=("neuroticism",),
        help=f"the fifth trait of the {of} is neuroticism, not emotional stability",
    )
