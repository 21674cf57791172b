"""The wheel: what it holds, that it works beside the installed dependencies from any folder, and what it requires."""

from __future__ import annotations

import inspect
import json
import os
import re
import runpy
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pdoc
import pytest
from packaging.requirements import Requirement

import personality
from tests.conftest import ROOT
from tests.waiting import wait_for

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SAMPLE = "personality/_app/demo/sample_speech.mp4"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel was installed to, without its dependencies."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder)]
    command.append(str(wheel))
    subprocess.run(command, check=True)
    return folder


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the installed package, run from another folder."""
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.run([*words], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_adds_two_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"personality", "training"}
    wanted = {
        "py.typed",
        "assets/models/voice/model.safetensors",
        "report/report.html.j2",
        "_app/app.py",
        "_app/pages/predict.py",
        "_app/pages/locale/es/LC_MESSAGES/dashboard.mo",
    }
    assert {f"personality/{name}" for name in wanted} <= set(names)
    assert {SAMPLE, "personality/_app/.streamlit/config.toml", "training/py.typed"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_installed_commands_work_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, str(site / "bin" / "personality"), "predict", str(site / SAMPLE), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result["traits"]) == {"voice", "words", "voice_words"}
    where = run(site, tmp_path, sys.executable, "-c", "import personality; print(personality.__file__)").stdout
    assert Path(where.strip()).is_relative_to(site)
    assert run(site, tmp_path, str(site / "bin" / "personality-train"), "--help").returncode == 0


@pytest.fixture
def app(site: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the app, served by the installed command from an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [str(site / "bin" / "personality"), "app", "--port", str(port)]
    with (tmp_path / "log.txt").open("w") as log:
        how: dict[str, Any] = {"cwd": tmp_path, "env": environment, "stdout": log, "stderr": log}
        server = subprocess.Popen(command, start_new_session=True, **how)
        yield f"http://127.0.0.1:{port}"
        os.killpg(server.pid, 15)
        server.wait()


def test_the_installed_app_is_served_with_the_options_of_its_config(app: str) -> None:
    def answers() -> bool:
        try:
            return urlopen(f"{app}/_stcore/health", timeout=5).status == 200
        except OSError:
            return False

    wait_for(answers)
    assert "Content-Security-Policy" in urlopen(app).headers
    port = int(app.rpartition(":")[2])
    listening = re.findall(rf"(\S+):{port:04X} 0+:0000 0A", Path("/proc/net/tcp").read_text())
    assert listening == ["0100007F"]  # 127.0.0.1 only


def specifiers(words: list[str]) -> dict[str, Requirement]:
    return {one.name.lower(): one for one in map(Requirement, words)}


def pinned(name: str) -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return dict(line.lower().split("==") for line in lines if "==" in line)


@pytest.mark.parametrize(
    ("file", "required"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("requirements-test.txt", [one for extra in PROJECT["optional-dependencies"].values() for one in extra]),
    ],
)
def test_what_is_pinned_is_what_the_package_requires(file: str, required: list[str]) -> None:
    wanted, pins = specifiers(required), pinned(file)
    assert set(pins) == set(wanted) - {"personality"}
    for name, version in pins.items():
        assert wanted[name].specifier.contains(version), name


def test_the_public_interface_is_whole_documented_and_imported_late() -> None:
    public = {name: getattr(personality, name) for name in personality.__all__}
    assert all(inspect.getdoc(value) for value in public.values())
    assert personality.__version__ == PROJECT["version"]
    code = "import sys, personality; print(sorted({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_api_reference_has_every_public_name(tmp_path: Path) -> None:
    pdoc.render.configure(docformat="numpy")
    pdoc.pdoc("personality", output_directory=tmp_path)
    page = (tmp_path / "personality.html").read_text()
    assert not [name for name in personality.__all__ if f'id="{name}"' not in page]


def test_the_architecture_page_is_up_to_date() -> None:
    architecture = runpy.run_path(str(ROOT / "docs" / "architecture.py"))
    assert architecture["PAGE"].read_text() == architecture["page"]()
