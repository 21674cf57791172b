"""The README's figures are those of what ships."""

import re

import pytest

from benchmarks.readme import README_FILE, README_PREDICTIONS_FILE, update_readme_tables
from personality.assets.shipped_models import REAL_MODEL_NAMES
from personality.predictions.prediction_files import read_predictions


def test_the_tables_are_those_of_the_shipped_predictions() -> None:
    text = README_FILE.read_text()
    assert update_readme_tables(text, read_predictions(README_PREDICTIONS_FILE)) == text, (
        "make figures writes them anew"
    )


def test_its_python_runs(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README_FILE.parent)
    (code,) = re.findall(r"```python\n(.*?)```", README_FILE.read_text(), re.DOTALL)
    exec(compile(code, README_FILE.name, "exec"), {})
    said = capsys.readouterr().out
    assert all(f"{model} {{'openness'" in said for model in REAL_MODEL_NAMES)
    assert "female" in said


def test_a_readme_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="wants one place `<!-- figures by trait -->`"):
        update_readme_tables("# no figures", read_predictions(README_PREDICTIONS_FILE))
