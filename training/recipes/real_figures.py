"""Compute figures of models on real people from predictions tables that are not published.

The output includes no clips, no sources, and no groups of few clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from personality.analysis.export import EXPORT_METHOD
from personality.analysis.gaps import compare_measures
from personality.analysis.group_assignment import GroupAssignment, assign_groups
from personality.analysis.groups import MIN_GROUP_CLIPS, accuracy_by
from personality.analysis.model_comparison import compare_models
from personality.analysis.real_figures import (
    ALL_SOURCES,
    FIGURE_ATTRIBUTES,
    FIGURE_TABLES,
    REAL_FIGURES_CARD_FILE,
    SOURCE_SUBSETS,
    STORED_DECIMALS,
)
from personality.predictions.assemble import join_predictions
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import SOURCE_IN_TRAINING, PredictionsError
from personality.utils.atomic_files import atomic_path, write_json

LABELS_LICENCE_TEXT = (
    "Labels, gender, ethnicity and age: ChaLearn First Impressions v2, annotated by people (CC BY-NC 4.0). These are "
    "figures measured on it; no clip, transcript or label of it is included."
)
CHALLENGE_WINNERS_TEXTS = (
    "Winners of ChaLearn's challenge of 2017 (BU-NKU: Gürpınar, Kaya, Salah)",
    "Scores published in github.com/frkngrpnr/jcs (data/output/scores_elm_trval_*.mat): cross-validation over training "
    "and validation, so each model was trained on other validation clips, of other videos",
)
SHIPPED_ORIGIN = "Ships with this tool; trained here on the training split, labels of First Impressions"
# Description and origin of each model, in the order of the pages.
REAL_FIGURES_MODELS: dict[str, tuple[str, str]] = {
    "voice": ("26 descriptors of the voice", SHIPPED_ORIGIN),
    "words": ("The transcript", SHIPPED_ORIGIN),
    "voice_words": ("Voice and transcript", SHIPPED_ORIGIN),
    "BU-NKU 2017 face": (f"The face. {CHALLENGE_WINNERS_TEXTS[0]}", CHALLENGE_WINNERS_TEXTS[1]),
    "BU-NKU 2017 audio + scene": (f"Sound and background. {CHALLENGE_WINNERS_TEXTS[0]}", CHALLENGE_WINNERS_TEXTS[1]),
    "BU-NKU 2017 mean": (f"The mean of the two. {CHALLENGE_WINNERS_TEXTS[0]}", CHALLENGE_WINNERS_TEXTS[1]),
    "frozen encoders 2026": (
        "Face, voice and transcript by large pretrained networks (DINOv2, WavLM, RoBERTa) and a small fusion",
        "Scores published in github.com/uewuu/lightweight-multimodal-personality (MIT)",
    ),
}


def write_real_figures(tables: Sequence[Path], out: Path) -> dict:
    """Write the figures of all models of some predictions tables into the folder `out`, and return their card.

    Parameters
    ----------
    tables
        Predictions tables (parquet) of the same clips of one split, with the attributes of `FIGURE_ATTRIBUTES`.
    out
        The folder, created if it does not exist; files of the same names are replaced.

    Raises
    ------
    PredictionsError
        If the tables have several splits, contradict each other, do not have an attribute, or include a model that
        REAL_FIGURES_MODELS does not describe.
    """
    table = _read_joined_predictions(tables)
    made = compute_real_figures(table)
    card = _make_real_figures_card(table)
    out.mkdir(parents=True, exist_ok=True)
    for name in FIGURE_TABLES:
        _write_compact_parquet(made[name], out / f"{name}.parquet")
    write_json(out / REAL_FIGURES_CARD_FILE, card)
    return card


def _write_compact_parquet(rows: pd.DataFrame, path: Path) -> None:
    """Write rows to a small parquet file; float32 columns compress best with byte stream split."""
    numbers = rows.select_dtypes("floating").columns
    with atomic_path(path) as temporary:
        rows.astype(dict.fromkeys(numbers, "float32")).to_parquet(
            temporary,
            index=False,
            compression="zstd",
            compression_level=19,
            use_dictionary=[name for name in rows if name not in numbers],
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )


def compute_real_figures(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Compute the tables of `RealFigures` from a predictions table, with rounded figures."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in FIGURE_TABLES}
    for sources in SOURCE_SUBSETS:
        for by in FIGURE_ATTRIBUTES:
            for name, rows in _compute_figures_by(_select_sources(table, sources), by):
                rows.insert(0, "by", ",".join(by))
                rows.insert(0, "sources_of", sources)
                parts[name].append(rows)
    return {name: _round_and_compact(pd.concat(rows, ignore_index=True)) for name, rows in parts.items()}


def _compute_figures_by(table: pd.DataFrame, by: tuple[str, ...]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the tables by a set of attributes with their names; none if fewer than two groups are large enough."""
    if not by:
        yield "accuracy", accuracy_by(table)
        for model in table["model"].unique():
            yield "differences", compare_models(table, model).assign(reference=model)
        return
    assigned = assign_groups(table, by)
    large = _large_groups(table, assigned)
    if len(large) < 2:
        return
    kept = table[np.isin(assigned.codes, large)]
    yield "accuracy", accuracy_by(kept, by).query("n > 0")
    for measure, found in compare_measures(kept, by).items():
        yield "gaps", found.gaps.query("n > 0").drop(columns="verdict")
        yield "spreads", found.spreads.assign(measure=measure)


def _select_sources(table: pd.DataFrame, sources: str) -> pd.DataFrame:
    return table if sources == ALL_SOURCES else table[table[SOURCE_IN_TRAINING].eq("no")]


def _large_groups(table: pd.DataFrame, assigned: GroupAssignment) -> np.ndarray:
    """Return the codes of the groups in which every model predicts at least MIN_GROUP_CLIPS clips."""
    known = assigned.codes >= 0
    sizes = table[known].groupby([assigned.codes[known], "model"])["clip"].nunique()
    smallest = sizes.groupby(level=0).min()
    return smallest.index[smallest.ge(MIN_GROUP_CLIPS)].to_numpy()


def _round_and_compact(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with rounded numbers and categorical text."""
    rows = rows.round(STORED_DECIMALS)
    words = rows.select_dtypes(["object", "string"]).columns
    return rows.assign(**{name: rows[name].astype(str) for name in words})


def _read_joined_predictions(tables: Sequence[Path]) -> pd.DataFrame:
    """Read and join the tables, sorted by model (as in REAL_FIGURES_MODELS) and clip, so that the output is
    deterministic. Raises PredictionsError like `write_real_figures`."""
    table = join_predictions([read_predictions(path) for path in tables]).sort_values("clip", kind="stable")
    unknown = sorted(set(table["model"]) - set(REAL_FIGURES_MODELS))
    if unknown:
        raise PredictionsError(
            f"No description of the model {unknown[0]!r}; expected one of {', '.join(REAL_FIGURES_MODELS)}."
        )
    splits = sorted(set(table["split"]))
    if len(splits) > 1:
        raise PredictionsError(f"The tables have the splits {', '.join(splits)}; expected a single split.")
    order = pd.Categorical(table["model"], categories=list(REAL_FIGURES_MODELS), ordered=True)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _make_real_figures_card(table: pd.DataFrame) -> dict:
    """Return the card of the figures: the clips, the models, and the groups that are not included."""
    clips = table.drop_duplicates("clip")
    models = {
        model: {
            "what": REAL_FIGURES_MODELS[model][0],
            "origin": REAL_FIGURES_MODELS[model][1],
            "clips": int(rows["clip"].nunique()),
        }
        for model, rows in table.groupby("model", sort=False)
    }
    return {
        "dataset": "ChaLearn First Impressions v2",
        "split": str(clips["split"].iloc[0]),
        "clips": {sources: len(_select_sources(clips, sources)) for sources in SOURCE_SUBSETS},
        "videos": {sources: int(_select_sources(clips, sources)["source"].nunique()) for sources in SOURCE_SUBSETS},
        "models": models,
        "licence": LABELS_LICENCE_TEXT,
        "command": "python -m training real-figures PREDICTIONS...",
        "least_clips_of_a_group": MIN_GROUP_CLIPS,
        "left_out": {sources: _count_left_out(_select_sources(table, sources)) for sources in SOURCE_SUBSETS},
        **EXPORT_METHOD,
    }


def _count_left_out(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count, by attribute, the groups that are too small, their clips in total, and the clips without a known group."""
    is_first, result = ~table["clip"].duplicated(), {}
    for by in filter(None, FIGURE_ATTRIBUTES):
        assigned = assign_groups(table, by)
        codes = assigned.codes[is_first]
        small = codes[(codes >= 0) & ~np.isin(codes, _large_groups(table, assigned))]
        counts = {"groups": len(np.unique(small)), "clips": len(small), "unknown": int((codes < 0).sum())}
        result[",".join(by)] = counts
    return result
