"""Where the files that ship lie: in a checkout, or in an installed package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
IMPORT_ROOT = PACKAGE.parent  # a process that is started here can import `personality` and `training`
ASSETS = PACKAGE / "assets"
IS_CHECKOUT = not (PACKAGE / "_app").exists()  # which only the wheel has: pyproject.toml
APP = IMPORT_ROOT if IS_CHECKOUT else PACKAGE / "_app"  # app.py, pages/, server/, demo/
DEMO = APP / "demo"
