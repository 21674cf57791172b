"""Figures of models on real people, measured where the clips are, so that they can be shown where the clips are not.

The files hold counts, averages and intervals of groups of clips: no clip, no source, no person's value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from personality.analysis.gaps import MEASURES, SPREAD, Comparison, verdicts
from personality.analysis.groups import SMALL
from personality.predictions.predictions_table import SEEN, PredictionsError
from personality.utils.locations import ASSETS

FOLDER = ASSETS / "real_figures"
ALL, UNSEEN = "all", "unseen"  # which sources: every one, or those without a clip in training
SOURCES = (ALL, UNSEEN)
# By which attributes there are figures; () is all clips together.
BY: tuple[tuple[str, ...], ...] = ((), (SEEN,), ("gender",), ("ethnicity",), ("age_group",), ("gender", "ethnicity"))
KEYS = ("sources_of", "by")  # the columns that every table has before its own
TABLES = ("accuracy", "gaps", "spreads", "differences")
CARD = "card.json"
DIGITS = 5  # decimals that the files keep: a hundredth of the narrowest interval


@dataclass(frozen=True)
class RealFigures:
    """Figures of several models on one split of real people.

    card: what they are, of which clips, by which command, under which licence. accuracy, gaps, spreads and differences:
    rows of `accuracy_by`, `compare_groups` and `differences` for each of SOURCES and BY, whose columns KEYS say which;
    gaps and spreads also by `measure`. sources: which of SOURCES is asked about.
    """

    card: dict
    accuracy: pd.DataFrame
    gaps: pd.DataFrame
    spreads: pd.DataFrame
    differences: pd.DataFrame
    sources: str = ALL

    @property
    def models(self) -> list[str]:
        """The models, in the order of the card."""
        there = set(self.accuracy["model"])
        return [model for model in self.card["models"] if model in there]

    @property
    def attributes(self) -> list[tuple[str, ...]]:
        """By which attributes there are figures of the chosen sources."""
        here = self.accuracy.loc[self.accuracy[KEYS[0]].eq(self.sources), "by"]
        return [by for by in BY if by and here.eq(_name(by)).any()]

    def of_models(self, models: Sequence[str]) -> RealFigures:
        """The same figures of some of the models."""
        some = {name: table[table["model"].isin(models)] for name, table in self._tables().items()}
        pairs = some["differences"]
        return replace(self, **{**some, "differences": pairs[pairs["reference"].isin(models)]})

    def of_sources(self, sources: str) -> RealFigures:
        """The same, asked about all sources or about those without a clip in training."""
        return replace(self, sources=sources)

    def accuracy_by(self, by: Sequence[str] = ()) -> pd.DataFrame:
        """As `groups.accuracy_by`, of groups of at least SMALL clips. Raises PredictionsError where there are no
        figures by these attributes."""
        return self._part(self.accuracy, by)

    def compare_groups(self, by: Sequence[str], measure: str) -> Comparison:
        """As `gaps.compare_groups` of the clips in groups of at least SMALL. Raises PredictionsError where there
        are no figures by these attributes, or only one group."""
        if measure not in MEASURES:
            raise PredictionsError(f"There is no measure {measure!r}; expected one of {', '.join(MEASURES)}.")
        gaps, spreads = (
            table[table["measure"].eq(measure)].reset_index(drop=True)
            for table in (self._part(self.gaps, by), self._part(self.spreads, by))
        )
        return Comparison(gaps.assign(verdict=verdicts(gaps, measure)), spreads[list(SPREAD)])

    def differences_from(self, reference: str) -> pd.DataFrame:
        """As `differences.differences`: every other model minus `reference`."""
        part = self._part(self.differences, ())
        return part[part["reference"].eq(reference)].drop(columns="reference").reset_index(drop=True)

    def left_out(self, by: Sequence[str]) -> dict[str, int]:
        """How many groups are left out because they have under SMALL clips, how many clips they have together, and
        how many clips are of no known group: groups, clips, unknown."""
        return self.card["left_out"][self.sources].get(_name(by), {"groups": 0, "clips": 0, "unknown": 0})

    def _part(self, table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
        part = table[table[KEYS[0]].eq(self.sources) & table["by"].eq(_name(by))]
        if part.empty:
            raise PredictionsError(
                f"There are no figures by {' and '.join(by) or 'all clips'} for these clips of real people: "
                f"fewer than two groups have {SMALL} clips."
            )
        return part.drop(columns=list(KEYS)).reset_index(drop=True)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: getattr(self, name) for name in TABLES}


def _name(by: Sequence[str]) -> str:
    return ",".join(by)


def read_real_figures(folder: Path = FOLDER) -> RealFigures:
    """The figures in a folder that `training real-figures` wrote."""
    card = json.loads((folder / CARD).read_text())
    return RealFigures(card, **{name: _read(folder / f"{name}.parquet") for name in TABLES})


def _read(path: Path) -> pd.DataFrame:
    rows = pd.read_parquet(path)
    return rows.astype(dict.fromkeys(rows.select_dtypes("float32"), "float64")).round(DIGITS)
