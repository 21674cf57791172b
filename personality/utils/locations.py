"""Locations of the bundled files, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

PACKAGE_FOLDER = Path(__file__).parents[1]
IMPORT_ROOT = PACKAGE_FOLDER.parent  # processes started here can import `personality` and `training`
ASSETS_FOLDER = PACKAGE_FOLDER / "assets"
IS_CHECKOUT = not (PACKAGE_FOLDER / "_app").exists()  # only the wheel contains _app, see pyproject.toml
APP_FOLDER = IMPORT_ROOT if IS_CHECKOUT else PACKAGE_FOLDER / "_app"  # app.py, pages/, server/, demo/
DEMO_FOLDER = APP_FOLDER / "demo"
