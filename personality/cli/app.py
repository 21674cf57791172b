"""The command that starts the app."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

from personality.utils.locations import APP_FOLDER
from personality.utils.public_mode import PUBLIC_MODE_VARIABLE
from personality.utils.workspace import WORKSPACE_VARIABLE as WORKSPACE
from personality.utils.workspace import workspace_folder


def run_app(options: argparse.Namespace) -> int:
    """Serve the app until it is interrupted."""
    environment = os.environ | {
        WORKSPACE: str(workspace_folder().resolve()),
        PUBLIC_MODE_VARIABLE: "1" if options.public else "",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(APP_FOLDER / "app.py"), *_streamlit_options()]
    if options.port:
        command.append(f"--server.port={options.port}")
    try:
        return subprocess.run(command, env=environment).returncode
    except KeyboardInterrupt:
        return 0


def _streamlit_options() -> Iterator[str]:
    """The values of config.toml as options, because Streamlit only reads the file in the current folder."""
    config = tomllib.loads((APP_FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    yield from _flatten_streamlit_config("", config)


def _flatten_streamlit_config(prefix: str, values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten_streamlit_config(f"{prefix}{name}.", value)
        else:
            yield f"--{prefix}{name}={str(value).lower() if isinstance(value, bool) else value}"


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser("app", help="start the app and open it in the browser")
    command.add_argument(
        "--public", action="store_true", help="public mode, for untrusted visitors; see docs/serving.md"
    )
    command.add_argument("--port", type=int, help="default: 8501, or the next free port")
    command.set_defaults(run=run_app)
