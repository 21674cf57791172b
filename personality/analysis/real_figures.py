"""Precomputed figures of models on real people, which can be shown without the clips.

The files contain counts, averages and intervals of groups of clips, and no data of a single clip, source or person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from personality.analysis.gaps import GAP_MEASURES, SPREAD_COLUMNS, GroupComparison, describe_verdicts
from personality.analysis.groups import MIN_GROUP_CLIPS
from personality.predictions.predictions_table import SOURCE_IN_TRAINING, PredictionsError
from personality.utils.locations import ASSETS_FOLDER

REAL_FIGURES_FOLDER = ASSETS_FOLDER / "real_figures"
ALL_SOURCES, SOURCES_NOT_IN_TRAINING = "all", "unseen"  # all sources, or those without a clip in the training split
SOURCE_SUBSETS = (ALL_SOURCES, SOURCES_NOT_IN_TRAINING)
# The attributes of the figures; () is all clips together.
FIGURE_ATTRIBUTES: tuple[tuple[str, ...], ...] = (
    (),
    (SOURCE_IN_TRAINING,),
    ("gender",),
    ("ethnicity",),
    ("age_group",),
    ("gender", "ethnicity"),
)
FIGURE_KEY_COLUMNS = ("sources_of", "by")  # the first columns of every table
FIGURE_TABLES = ("accuracy", "gaps", "spreads", "differences")
REAL_FIGURES_CARD_FILE = "card.json"
STORED_DECIMALS = 5  # precise to a hundredth of the narrowest interval


@dataclass(frozen=True)
class RealFigures:
    """Figures of several models on one split of real people.

    card: dataset, clips, models, licence and command. accuracy, gaps, spreads and differences: rows of `accuracy_by`,
    `compare_groups` and `compare_models` for each of SOURCE_SUBSETS and FIGURE_ATTRIBUTES, in FIGURE_KEY_COLUMNS; gaps
    and spreads also by `measure`. source_subset: the selected one of SOURCE_SUBSETS.
    """

    card: dict
    accuracy: pd.DataFrame
    gaps: pd.DataFrame
    spreads: pd.DataFrame
    differences: pd.DataFrame
    source_subset: str = ALL_SOURCES

    @property
    def models(self) -> list[str]:
        """The models, in the order of the card."""
        there = set(self.accuracy["model"])
        return [model for model in self.card["models"] if model in there]

    @property
    def attributes(self) -> list[tuple[str, ...]]:
        """The attributes that have figures for the selected sources."""
        here = self.accuracy.loc[self.accuracy[FIGURE_KEY_COLUMNS[0]].eq(self.source_subset), "by"]
        return [by for by in FIGURE_ATTRIBUTES if by and here.eq(_join_attributes(by)).any()]

    def select_models(self, models: Sequence[str]) -> RealFigures:
        """The figures of some of the models."""
        some = {name: table[table["model"].isin(models)] for name, table in self._tables().items()}
        pairs = some["differences"]
        return replace(self, **{**some, "differences": pairs[pairs["reference"].isin(models)]})

    def rename_models(self, rename: Callable[[str], str]) -> RealFigures:
        """The figures with other names of models."""
        card = {**self.card, "models": {rename(name): facts for name, facts in self.card["models"].items()}}
        tables = self._tables()
        for name, table in tables.items():
            columns = [column for column in ("model", "reference") if column in table]
            tables[name] = table.assign(**{column: table[column].map(rename) for column in columns})
        return replace(self, card=card, **tables)

    def select_sources(self, sources: str) -> RealFigures:
        """The figures with another of SOURCE_SUBSETS selected."""
        return replace(self, source_subset=sources)

    def accuracy_by(self, by: Sequence[str] = ()) -> pd.DataFrame:
        """As `groups.accuracy_by`, for groups of at least MIN_GROUP_CLIPS clips. Raises PredictionsError if there are
        no figures by these attributes."""
        return self._select_rows(self.accuracy, by)

    def compare_groups(self, by: Sequence[str], measure: str) -> GroupComparison:
        """As `gaps.compare_groups`, for the clips in groups of at least MIN_GROUP_CLIPS. Raises PredictionsError if
        there are no figures by these attributes, or there is no such measure."""
        if measure not in GAP_MEASURES:
            raise PredictionsError(f"There is no measure {measure!r}; expected one of {', '.join(GAP_MEASURES)}.")
        gaps, spreads = (
            table[table["measure"].eq(measure)].reset_index(drop=True)
            for table in (self._select_rows(self.gaps, by), self._select_rows(self.spreads, by))
        )
        return GroupComparison(gaps.assign(verdict=describe_verdicts(gaps, measure)), spreads[list(SPREAD_COLUMNS)])

    def compare_with(self, reference: str) -> pd.DataFrame:
        """As `model_comparison.compare_models`: every other model minus `reference`."""
        part = self._select_rows(self.differences, ())
        return part[part["reference"].eq(reference)].drop(columns="reference").reset_index(drop=True)

    def count_omitted_groups(self, by: Sequence[str]) -> dict[str, int]:
        """Counts of what the figures leave out: `groups` with fewer than MIN_GROUP_CLIPS clips, their `clips` in total,
        and the clips of `unknown` group."""
        return self.card["left_out"][self.source_subset].get(
            _join_attributes(by), {"groups": 0, "clips": 0, "unknown": 0}
        )

    def _select_rows(self, table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
        part = table[table[FIGURE_KEY_COLUMNS[0]].eq(self.source_subset) & table["by"].eq(_join_attributes(by))]
        if part.empty:
            raise PredictionsError(
                f"There are no figures by {' and '.join(by) or 'all clips'} for these clips of real people: "
                f"fewer than two groups have {MIN_GROUP_CLIPS} clips."
            )
        return part.drop(columns=list(FIGURE_KEY_COLUMNS)).reset_index(drop=True)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: getattr(self, name) for name in FIGURE_TABLES}


def _join_attributes(by: Sequence[str]) -> str:
    return ",".join(by)


def read_real_figures(folder: Path = REAL_FIGURES_FOLDER) -> RealFigures:
    """Read the figures that `training real-figures` wrote to a folder."""
    card = json.loads((folder / REAL_FIGURES_CARD_FILE).read_text())
    return RealFigures(card, **{name: _read_figures_table(folder / f"{name}.parquet") for name in FIGURE_TABLES})


def _read_figures_table(path: Path) -> pd.DataFrame:
    rows = pd.read_parquet(path)
    return rows.astype(dict.fromkeys(rows.select_dtypes("float32"), "float64")).round(STORED_DECIMALS)
