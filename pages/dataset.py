"""Dataset: the contents of a cache, its splits, the sources they share, and the clips that could not be read."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.plain_text import escape_markdown
from personality.analysis.export import rows_to_safe_csv
from personality.assets import demo
from personality.dataset import summary
from personality.plots import count_plots
from personality.preprocessing.cache import Cache
from personality.preprocessing.thumbnails import THUMBNAIL_PIXELS, face_thumbnails
from personality.traits import TRAIT_LABELS, TRAIT_NAMES
from personality.utils.legacy_names import rename_legacy_columns
from personality.utils.workspace import list_finished_caches, list_unfinished_caches

operator_only()

CLIPS_PER_PAGE = 10
PRACTICE_DATASET_LABEL = "Practice data (computer-made people)"
SPLIT_COUNT_LABELS = {
    "clips": "clips",
    "sources": "source videos",
    "labelled": "with ratings",
    "unread": "not readable",
    "faceless": "without a face",
    "silent": "without sound",
}


@st.cache_data(max_entries=4, show_spinner=False)
def load_cache_clips(path: Path, changed: float) -> pd.DataFrame:
    """The clips table of a cache; `changed` is the file's modification time, so that a new file is read again."""
    return rename_legacy_columns(pd.read_parquet(path))


def choose_cache_clips() -> tuple[Cache | None, pd.DataFrame]:
    """Let the operator choose a cache and return it with its clips; None for the practice data, of which only the table
    is included. Shows a notice if the people are computer-made."""
    own = {path.name: path for path in list_finished_caches()}
    with st.container(border=True):
        choice = st.selectbox(
            "Preprocessed dataset",
            [PRACTICE_DATASET_LABEL, *own],
            key="clips",
            bind="query-params",
            help="The folders in workspace/caches.",
        )
        path = demo.DEMO_CLIPS_FILE if choice == PRACTICE_DATASET_LABEL else own[choice] / "clips.parquet"
        clips = load_cache_clips(path, path.stat().st_mtime)
        name = (
            demo.DEMO_CLIPS_FILE.parent.name if choice == PRACTICE_DATASET_LABEL else Cache(own[choice]).card["dataset"]
        )
        sources = clips["source"].nunique()
        st.caption(f"{len(clips):,} clips from {sources:,} source videos · dataset {escape_markdown(name)}")
        if waiting := [path.name for path in list_unfinished_caches()]:
            st.caption(
                f"Not finished: {escape_markdown(', '.join(waiting))}. Run the same `preprocess` command again to "
                "continue."
            )
    if choice == PRACTICE_DATASET_LABEL:
        st.info(demo.PRACTICE_NOTICE, icon=":material/science:")
        return None, clips
    cache = Cache(own[choice])
    if cache.card["synthetic"]:
        st.info(demo.SYNTHETIC_DATA_NOTICE, icon=":material/science:")
    return cache, clips


def draw_leakage(clips: pd.DataFrame) -> None:
    """The source videos that occur in more than one split, as a table, or a message that there are none."""
    shared = summary.shared_sources(clips)
    if not shared["sources"].any():
        st.success("No source video occurs in more than one split: no test clip comes from a training video.")
        return
    st.warning(
        "Some splits share source videos: they contain different clips **of the same videos**. If one of these splits "
        "is the training split, accuracy is higher than it would be on unseen people. On the analysis pages, select "
        "*Sources: unseen in training* to avoid this.",
        icon=":material/call_merge:",
    )
    percent = st.column_config.NumberColumn("share of its clips", format="percent")
    names: dict[str, Any] = {"split": "split", "other": "shares sources with", "share": percent}
    st.dataframe(shared[shared["sources"] > 0], hide_index=True, column_config=names)


def warn_one_gender(clips: pd.DataFrame) -> None:
    """Warn about splits in which only one gender occurs."""
    found = summary.find_one_sided_splits(clips, "gender")
    if found:
        splits = ", ".join(f"{escape_markdown(split)}: only {escape_markdown(group)}" for split, group in found.items())
        st.warning(
            f"Some splits show people of one gender ({splits}). A model that is trained on such a split has not seen "
            "others, and accuracy measured on it says nothing about others.",
            icon=":material/wc:",
        )


@st.cache_data(max_entries=4, show_spinner=False)
def label_charts(clips: pd.DataFrame) -> dict[str, dict]:
    """The Vega-Lite specification of a chart per trait, cached because it is slow to build; empty without labels."""
    rows = summary.label_distribution(clips)
    labels = [] if rows.empty else [name for key, name in TRAIT_LABELS.items() if key != "mean"]
    return {label: count_plots.plot_label_distribution(rows[rows["trait"] == label]).to_dict() for label in labels}


def draw_labels(clips: pd.DataFrame) -> None:
    """The distribution of the ratings of each trait, side by side."""
    charts = label_charts(clips)
    if not charts:
        st.caption("No clip has ratings.")
        return
    for column, (label, chart) in zip(st.columns(5), charts.items(), strict=True):
        column.markdown(f"**{escape_markdown(label)}**")
        column.vega_lite_chart(chart, width="stretch", alt=f"Distribution of the ratings of {label} per split")
    st.caption(
        "Share of the rated clips in each split, in bins of 0.05. Dashed line: mean of the split. "
        "Grey: training, blue: validation, orange: test."
    )


@st.cache_data(max_entries=16, show_spinner=False)
def load_thumbnails(folder: Path, changed: float, shown: pd.DataFrame) -> list[str]:
    """The pictures of some clips of a cache; `changed` is the modification time of its table."""
    return face_thumbnails(Cache(folder), shown)


def draw_clips(cache: Cache, clips: pd.DataFrame) -> None:
    """The clips of a split, with a face and their ratings, a few at a time."""
    splits = summary.list_splits(clips)
    split = st.segmented_control(
        "Split", splits, default=splits[0], required=True, format_func=escape_markdown, key="split", bind="query-params"
    )
    rows = clips[clips["split"] == split]
    page = st.pagination(-(-len(rows) // CLIPS_PER_PAGE), key=f"clips_page_{splits.index(split)}")
    shown = rows.iloc[(page - 1) * CLIPS_PER_PAGE : page * CLIPS_PER_PAGE]
    table = shown[["clip", *(trait for trait in TRAIT_NAMES if trait in shown)]]
    table.insert(0, "face", load_thumbnails(cache.folder, (cache.folder / "clips.parquet").stat().st_mtime, shown))
    ratings = {trait: st.column_config.NumberColumn(TRAIT_LABELS[trait], format="%.2f") for trait in TRAIT_NAMES}
    st.dataframe(
        table,
        hide_index=True,
        row_height=THUMBNAIL_PIXELS,
        column_config={"face": st.column_config.ImageColumn("face", width="small"), **ratings},
    )


analysis_widgets.draw_page_header(
    "Dataset",
    "How people rated the clips, who appears in them, and which clips could not be read. Age, gender and expression "
    "are estimated from the face if the dataset does not include them.",
    notice=False,
)
cache, clips = choose_cache_clips()

st.header("Splits")
st.dataframe(summary.split_counts(clips).rename(columns=SPLIT_COUNT_LABELS), hide_index=True)
draw_leakage(clips)
warn_one_gender(clips)

st.header("Ratings")
draw_labels(clips)

st.header("People in the clips")
if attributes := summary.grouping_attributes(clips):
    attribute = st.selectbox("Attribute", attributes, key="attribute", bind="query-params")
    counts = summary.attribute_counts(clips, attribute)
    st.altair_chart(
        count_plots.attribute_bars(counts), width="stretch", alt=f"Share of clips per {attribute} and split"
    )
    totals = counts.groupby("group", sort=False)["n"].sum()
    st.caption("Number of clips: " + ", ".join(f"{escape_markdown(group)} {n:,}" for group, n in totals.items()))
else:
    st.caption("The dataset has no attributes of the people, and no clip could be read to estimate them.")

if cache is not None and len(clips):
    st.header("Clips")
    draw_clips(cache, clips)

st.header("Problems")
reasons = summary.count_problems(clips)
if reasons.empty:
    st.success(
        f"All {len(clips):,} clips were read. Each has a face at every sampled moment and five seconds of sound."
    )
else:
    st.dataframe(reasons, hide_index=True)
    wrong = clips.loc[(clips["error"] != "") | (clips["warnings"] != ""), ["clip", "split", "error", "warnings"]]
    st.download_button("Download list", rows_to_safe_csv(wrong).encode(), "problems.csv", "text/csv")
