"""The README's figures are those of what ships."""

import re

import pytest

from benchmarks.readme import PREDICTIONS, README, renewed
from personality.assets.shipped_models import REAL
from personality.predictions.prediction_files import read_predictions


def test_the_tables_are_those_of_the_shipped_predictions() -> None:
    text = README.read_text()
    assert renewed(text, read_predictions(PREDICTIONS)) == text, "make figures writes them anew"


def test_its_python_runs(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(code, README.name, "exec"), {})
    said = capsys.readouterr().out
    assert all(f"{model} {{'openness'" in said for model in REAL)
    assert "female" in said


def test_a_readme_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="wants one place `<!-- figures by trait -->`"):
        renewed("# no figures", read_predictions(PREDICTIONS))
