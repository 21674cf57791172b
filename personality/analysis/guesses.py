"""Guesses of a visitor about clips with simulated ratings, compared with the predictions of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from personality.analysis.jackknife import mean_intervals

GUESS_COLUMNS = ("clip", "trait", "planted", "machine", "visitor")


def select_guess_clips(table: pd.DataFrame, clips: Sequence[str], model: str) -> pd.DataFrame:
    """The simulated ratings of some clips and a model's predictions for them, from a predictions table.

    Parameters
    ----------
    table
        A predictions table of computer-made people.
    clips
        Names of clips.
    model
        Name of the model in the table.

    Returns
    -------
    DataFrame
        Columns clip, trait, planted, machine; in the order of `clips`, traits in the order of the table.
    """
    rows = table[table["model"].eq(model) & table["clip"].isin(clips)]
    renamed = rows.rename(columns={"actual": "planted", "predicted": "machine"})[
        ["clip", "trait", "planted", "machine"]
    ]
    return renamed.sort_values("clip", key=lambda names: names.map(list(clips).index), kind="stable").reset_index(
        drop=True
    )


def add_guesses(known: pd.DataFrame, guesses: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The rows of `select_guess_clips` that a visitor has guessed, with the guesses as the column `visitor`.

    Parameters
    ----------
    known
        From `select_guess_clips`.
    guesses
        By clip and trait, in [0, 1].
    """
    rows = known[known["clip"].isin(list(guesses))]
    pairs = zip(rows["clip"], rows["trait"], strict=True)
    return rows.assign(visitor=[guesses[clip][trait] for clip, trait in pairs])[list(GUESS_COLUMNS)]


def score_guesses(guesses: pd.DataFrame) -> pd.DataFrame:
    """The accuracy of a visitor and of a model on the same clips.

    Parameters
    ----------
    guesses
        Columns GUESS_COLUMNS, a row per clip and trait, each clip of another person; values in [0, 1].

    Returns
    -------
    DataFrame
        Rows `visitor` and `machine`; columns accuracy (1 - mean absolute error to the planted values, mean over clips),
        low, high (95 % interval over clips; NaN for fewer than MIN_SOURCES) and n (clips).
    """
    errors = guesses.assign(**{who: (guesses[who] - guesses["planted"]).abs() for who in ("visitor", "machine")})
    by_clip = 1 - errors.groupby("clip")[["visitor", "machine"]].mean()
    low, high = mean_intervals(by_clip.to_numpy(), np.arange(len(by_clip)))
    return pd.DataFrame({"accuracy": by_clip.mean(), "low": low, "high": high, "n": len(by_clip)})
