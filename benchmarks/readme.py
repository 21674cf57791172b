"""Writes the README's tables of figures anew from the shipped predictions: `python -m benchmarks.readme`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pandas as pd

from personality.analysis.groups import accuracy_by
from personality.predictions.prediction_files import read_predictions
from personality.traits import GENDERS, TRAITS
from personality.utils.atomic_files import write_bytes

ROOT = Path(__file__).parents[1]
README, PREDICTIONS = ROOT / "README.md", ROOT / "demo" / "predictions.parquet"


def by_trait(table: pd.DataFrame) -> str:
    """A row per model: accuracy by trait, their mean, and its interval; above them the constant baseline."""
    rows = accuracy_by(table).set_index(["model", "trait"])
    names = [trait.name for trait in TRAITS]
    first = table["model"].iloc[0]
    lines = [
        f"| model | {' | '.join(trait.letter for trait in TRAITS)} | mean of five | 95 % interval |",
        "|---" * (len(names) + 3) + "|",
        _line(
            "constant (training mean)", [f"{rows.loc[(first, name), 'baseline']:.4f}" for name in [*names, "mean"]], ""
        ),
    ]
    for model in dict.fromkeys(table["model"]):
        cells = [f"{rows.loc[(model, name), 'accuracy']:.4f}" for name in [*names, "mean"]]
        lines.append(_line(model, cells, _interval(rows.loc[(model, "mean")])))
    return "\n".join(lines)


def by_gender(table: pd.DataFrame) -> str:
    """A row per model: the mean of five traits on men and on women, with intervals."""
    rows = accuracy_by(table, ["gender"]).query("trait == 'mean'").set_index(["model", "group"])
    first = table["model"].iloc[0]
    heads = [f"{'men' if gender == 'male' else 'women'} (n = {rows.loc[(first, gender), 'n']})" for gender in GENDERS]
    lines = [f"| model | {' | '.join(heads)} |", "|---|---|---|"]
    lines.append(_line("constant", [f"{rows.loc[(first, gender), 'baseline']:.4f}" for gender in GENDERS]))
    for model in dict.fromkeys(table["model"]):
        cells = [rows.loc[(model, gender)] for gender in GENDERS]
        lines.append(_line(model, [f"{cell['accuracy']:.4f} {_interval(cell)}" for cell in cells]))
    return "\n".join(lines)


def _interval(row: pd.Series) -> str:
    return f"[{row['low']:.4f}, {row['high']:.4f}]"


def _line(name: str, cells: list[str], *more: str) -> str:
    return f"| {' | '.join([name, *cells, *more])} |"


def _filled(content: str, place: re.Match[str]) -> str:
    return place[1] + content + place[2]


def renewed(text: str, table: pd.DataFrame) -> str:
    """The README's text with its two tables made anew. Raises ValueError where it has no place for one."""
    for name, content in (("by trait", by_trait(table)), ("by gender", by_gender(table))):
        place = re.compile(rf"(<!-- figures {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text, found = place.subn(partial(_filled, content), text)
        if found != 1:
            raise ValueError(f"README.md wants one place `<!-- figures {name} -->` ... `<!-- end -->`; it has {found}.")
    return text


def main() -> None:
    write_bytes(README, renewed(README.read_text(), read_predictions(PREDICTIONS)).encode())


if __name__ == "__main__":
    main()
