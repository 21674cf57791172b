"""Update the tables of docs/tutorial.md from the included predictions: `python -m benchmarks.tutorial`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pandas as pd

from personality.analysis.groups import accuracy_by
from personality.predictions.prediction_files import read_predictions
from personality.traits import GENDERS, TRAITS
from personality.utils.atomic_files import write_bytes

CHECKOUT_FOLDER = Path(__file__).parents[1]
TUTORIAL_FILE = CHECKOUT_FOLDER / "docs" / "tutorial.md"
TUTORIAL_PREDICTIONS_FILE = CHECKOUT_FOLDER / "demo" / "predictions.parquet"


def format_tutorial_trait_table(table: pd.DataFrame) -> str:
    """Return a row per model: accuracy by trait, their mean, and its interval. The first row is the mean baseline."""
    rows = accuracy_by(table).set_index(["model", "trait"])
    names = [trait.name for trait in TRAITS]
    first = table["model"].iloc[0]
    lines = [
        f"| model | {' | '.join(trait.letter for trait in TRAITS)} | mean of five | 95 % interval |",
        "|---" * (len(names) + 3) + "|",
        _format_tutorial_row(
            "constant (training mean)", [f"{rows.loc[(first, name), 'baseline']:.4f}" for name in [*names, "mean"]], ""
        ),
    ]
    for model in dict.fromkeys(table["model"]):
        cells = [f"{rows.loc[(model, name), 'accuracy']:.4f}" for name in [*names, "mean"]]
        lines.append(_format_tutorial_row(model, cells, _format_tutorial_interval(rows.loc[(model, "mean")])))
    return "\n".join(lines)


def format_tutorial_gender_table(table: pd.DataFrame) -> str:
    """Return a row per model: the mean of five traits on men and on women, with intervals."""
    rows = accuracy_by(table, ["gender"]).query("trait == 'mean'").set_index(["model", "group"])
    first = table["model"].iloc[0]
    heads = [f"{'men' if gender == 'male' else 'women'} (n = {rows.loc[(first, gender), 'n']})" for gender in GENDERS]
    lines = [f"| model | {' | '.join(heads)} |", "|---|---|---|"]
    lines.append(
        _format_tutorial_row("constant", [f"{rows.loc[(first, gender), 'baseline']:.4f}" for gender in GENDERS])
    )
    for model in dict.fromkeys(table["model"]):
        cells = [rows.loc[(model, gender)] for gender in GENDERS]
        lines.append(
            _format_tutorial_row(model, [f"{cell['accuracy']:.4f} {_format_tutorial_interval(cell)}" for cell in cells])
        )
    return "\n".join(lines)


def _format_tutorial_interval(row: pd.Series) -> str:
    return f"[{row['low']:.4f}, {row['high']:.4f}]"


def _format_tutorial_row(name: str, cells: list[str], *more: str) -> str:
    return f"| {' | '.join([name, *cells, *more])} |"


def _fill_tutorial_place(content: str, place: re.Match[str]) -> str:
    return place[1] + content + place[2]


def update_tutorial_tables(text: str, table: pd.DataFrame) -> str:
    """Return the text of the tutorial with its two tables updated. Raises ValueError if a placeholder is missing."""
    for name, content in (
        ("by trait", format_tutorial_trait_table(table)),
        ("by gender", format_tutorial_gender_table(table)),
    ):
        place = re.compile(rf"(<!-- figures {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text, found = place.subn(partial(_fill_tutorial_place, content), text)
        if found != 1:
            raise ValueError(
                f"docs/tutorial.md has {found} placeholders `<!-- figures {name} -->` ... `<!-- end -->`; expected one."
            )
    return text


def main() -> None:
    text = update_tutorial_tables(TUTORIAL_FILE.read_text(), read_predictions(TUTORIAL_PREDICTIONS_FILE))
    write_bytes(TUTORIAL_FILE, text.encode())


if __name__ == "__main__":
    main()
