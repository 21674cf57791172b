"""The tutorial's figures are those of what ships; the README's code runs, and it stays short."""

import re

import pytest

from benchmarks.tutorial import TUTORIAL_FILE, TUTORIAL_PREDICTIONS_FILE, update_tutorial_tables
from personality.assets.shipped_models import REAL_MODEL_NAMES
from personality.predictions.prediction_files import read_predictions
from tests.conftest import ROOT

README = ROOT / "README.md"


def test_the_tables_are_those_of_the_shipped_predictions() -> None:
    text = TUTORIAL_FILE.read_text()
    assert update_tutorial_tables(text, read_predictions(TUTORIAL_PREDICTIONS_FILE)) == text, "run make figures"


def test_its_python_runs(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(code, README.name, "exec"), {})
    said = capsys.readouterr().out
    assert all(f"{model} {{'openness'" in said for model in REAL_MODEL_NAMES)
    assert "female" in said


def test_a_readme_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="figures by trait"):
        update_tutorial_tables("# no figures", read_predictions(TUTORIAL_PREDICTIONS_FILE))


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text()
    assert len(text.split()) <= 1200
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert len(links) > 20
    assert not [link for link in links if not (ROOT / link).exists()]
