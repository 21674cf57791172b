"""Figures of models on real people, from predictions tables that stay where the clips are.

What is written holds no clip and no source, and no group of fewer than SMALL clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from personality.analysis.export import MADE
from personality.analysis.gaps import compare_measures
from personality.analysis.groups import SMALL, accuracy_by, groups_of
from personality.analysis.model_comparison import differences
from personality.analysis.real_figures import ALL, BY, CARD, DIGITS, SOURCES, TABLES
from personality.predictions.assemble import join_predictions
from personality.predictions.prediction_files import read_predictions
from personality.predictions.predictions_table import SEEN, PredictionsError
from personality.utils.atomic_files import atomic_path, write_json

LABELS = (
    "Labels, gender, ethnicity and age: ChaLearn First Impressions v2, annotated by people (CC BY-NC 4.0). These are "
    "figures measured on it; no clip, transcript or label of it is included."
)
WINNERS = (
    "Winners of ChaLearn's challenge of 2017 (BU-NKU: Gürpınar, Kaya, Salah)",
    "Scores published in github.com/frkngrpnr/jcs (data/output/scores_elm_trval_*.mat): cross-validation over training "
    "and validation, so each model was trained on other validation clips, of other videos",
)
SHIPPED_ORIGIN = "Ships with this tool; trained here on the training split, labels of First Impressions"
# What a reader is told of each model: what it uses, and where its predictions are from. The order is that of the pages.
MODELS: dict[str, tuple[str, str]] = {
    "voice": ("26 descriptors of the voice", SHIPPED_ORIGIN),
    "words": ("The transcript", SHIPPED_ORIGIN),
    "voice_words": ("Voice and transcript", SHIPPED_ORIGIN),
    "BU-NKU 2017 face": (f"The face. {WINNERS[0]}", WINNERS[1]),
    "BU-NKU 2017 audio + scene": (f"Sound and background. {WINNERS[0]}", WINNERS[1]),
    "BU-NKU 2017 mean": (f"The mean of the two. {WINNERS[0]}", WINNERS[1]),
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
        Predictions tables (parquet) of the same clips of one split, with the attributes of `BY`.
    out
        The folder, made where it is absent; files of the same names are replaced.

    Raises
    ------
    PredictionsError
        Where the tables hold several splits, contradict each other, lack an attribute, or have a model that MODELS
        does not describe.
    """
    table = _joined(tables)
    made = measured(table)
    card = _card(table)
    out.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        _write(made[name], out / f"{name}.parquet")
    write_json(out / CARD, card)
    return card


def _write(rows: pd.DataFrame, path: Path) -> None:
    """Rows as a small parquet file: the bytes of single precision numbers compress best where those of one place lie
    together."""
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


def measured(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The TABLES of `RealFigures` from a predictions table, rounded to DIGITS decimals."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for sources in SOURCES:
        for by in BY:
            for name, rows in _of_one(_of_sources(table, sources), by):
                rows.insert(0, "by", ",".join(by))
                rows.insert(0, "sources_of", sources)
                parts[name].append(rows)
    return {name: _small(pd.concat(rows, ignore_index=True)) for name, rows in parts.items()}


def _of_one(table: pd.DataFrame, by: tuple[str, ...]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables by one set of attributes, each with its name; none where only one group is large enough."""
    if not by:
        yield "accuracy", accuracy_by(table)
        for model in table["model"].unique():
            yield "differences", differences(table, model).assign(reference=model)
        return
    kept = table[groups_of(table, by).isin(_large(table, by))]
    if groups_of(kept, by).nunique() < 2:
        return
    yield "accuracy", accuracy_by(kept, by).query("n > 0")
    for measure, found in compare_measures(kept, by).items():
        yield "gaps", found.gaps.query("n > 0").drop(columns="verdict")
        yield "spreads", found.spreads.assign(measure=measure)


def _of_sources(table: pd.DataFrame, sources: str) -> pd.DataFrame:
    return table if sources == ALL else table[table[SEEN].eq("no")]


def _large(table: pd.DataFrame, by: tuple[str, ...]) -> list[str]:
    """The groups in which every model predicts at least SMALL clips."""
    sizes = table.assign(group=groups_of(table, by)).groupby(["group", "model"])["clip"].nunique()
    smallest = sizes.groupby("group").min()
    return list(smallest.index[smallest.ge(SMALL)])


def _small(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers rounded and repeated words stored once."""
    rows = rows.round(DIGITS)
    words = rows.select_dtypes(["object", "string"]).columns
    return rows.assign(**{name: rows[name].astype(str) for name in words})


def _joined(tables: Sequence[Path]) -> pd.DataFrame:
    """One table in the order of MODELS and of the clips' names, so that the same tables make the same files.
    Raises PredictionsError as `write_real_figures`."""
    table = join_predictions([read_predictions(path) for path in tables]).sort_values("clip", kind="stable")
    strange = sorted(set(table["model"]) - set(MODELS))
    if strange:
        raise PredictionsError(f"No description of the model {strange[0]!r}; expected one of {', '.join(MODELS)}.")
    splits = sorted(set(table["split"]))
    if len(splits) > 1:
        raise PredictionsError(f"The tables hold the splits {', '.join(splits)}; expected one.")
    order = pd.Categorical(table["model"], categories=list(MODELS), ordered=True)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _card(table: pd.DataFrame) -> dict:
    """What the figures are of, who made the predictions, and what was left out."""
    clips = table.drop_duplicates("clip")
    models = {
        model: {"what": MODELS[model][0], "origin": MODELS[model][1], "clips": int(rows["clip"].nunique())}
        for model, rows in table.groupby("model", sort=False)
    }
    return {
        "dataset": "ChaLearn First Impressions v2",
        "split": str(clips["split"].iloc[0]),
        "clips": {sources: len(_of_sources(clips, sources)) for sources in SOURCES},
        "videos": {sources: int(_of_sources(clips, sources)["source"].nunique()) for sources in SOURCES},
        "models": models,
        "licence": LABELS,
        "command": "python -m training real-figures PREDICTIONS...",
        "least_clips_of_a_group": SMALL,
        "left_out": {sources: _left_out(_of_sources(table, sources)) for sources in SOURCES},
        **MADE,
    }


def _left_out(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """By each attribute: how many groups are too small, their clips together, and the clips of no known group."""
    clips, result = table.drop_duplicates("clip"), {}
    for by in filter(None, BY):
        groups = groups_of(clips, by)
        small = groups[groups.notna() & ~groups.isin(_large(table, by))]
        counts = {"groups": int(small.nunique()), "clips": len(small), "unknown": int(groups.isna().sum())}
        result[",".join(by)] = counts
    return result
