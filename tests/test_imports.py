"""Every module of the repository imports: also those that no other test runs, such as benchmarks and fuzz targets."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("personality", "training", "pages", "benchmarks", "tests")
# Importing them draws; tests/pages runs each as Streamlit does.
SCRIPTS = re.findall(r"pages/\w+\.py", (ROOT / "app.py").read_text())
# Python imports it by itself where PYTHONPATH has its folder, which is no package.
SITE = "tests/loopback/sitecustomize.py"
# atheris is installed by `make fuzz` only; a stand-in lets the targets import what they fuzz.
CODE = """
import importlib, sys, traceback
from unittest.mock import MagicMock
sys.modules["atheris"] = MagicMock()
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        print(name, traceback.format_exc(), sep="\\n")
"""


def modules() -> list[str]:
    files = {path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    return sorted(
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files - {*SCRIPTS, SITE}
    )


def test_every_module_imports() -> None:
    names = modules()
    assert {
        "benchmarks.preprocess",
        "pages.components.analysis_widgets",
        "tests.fuzz.probe",
        "training.__main__",
    } <= set(names)
    done = subprocess.run([sys.executable, "-c", CODE, *names], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0), done.stdout + done.stderr
