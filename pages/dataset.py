"""Dataset: what a cache holds, how its splits differ, which sources they share, and what could not be read."""

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
from personality.traits import TRAIT_LABELS
from personality.utils.legacy_names import rename_legacy_columns
from personality.utils.workspace import list_finished_caches, list_unfinished_caches

operator_only()

PRACTICE_DATASET_LABEL = "Practice data (computer-made people)"
SPLIT_COUNT_LABELS = {
    "clips": "clips",
    "sources": "sources",
    "labelled": "with labels",
    "unread": "not read",
    "faceless": "without a face",
    "silent": "without sound",
}


@st.cache_data(max_entries=4, show_spinner=False)
def load_cache_clips(path: Path, changed: float) -> pd.DataFrame:
    """A cache's table of clips; `changed` is the file's time, so that a new file is read anew."""
    return rename_legacy_columns(pd.read_parquet(path))


def choose_cache_clips() -> pd.DataFrame:
    """The bar above the page: which cache. Says where the people are synthetic."""
    own = {path.name: path for path in list_finished_caches()}
    with st.container(border=True):
        choice = st.selectbox(
            "Clips",
            [PRACTICE_DATASET_LABEL, *own],
            key="clips",
            bind="query-params",
            help="Folders below workspace/caches.",
        )
        path = demo.DEMO_CLIPS_FILE if choice == PRACTICE_DATASET_LABEL else own[choice] / "clips.parquet"
        clips = load_cache_clips(path, path.stat().st_mtime)
        name = (
            demo.DEMO_CLIPS_FILE.parent.name if choice == PRACTICE_DATASET_LABEL else Cache(own[choice]).card["dataset"]
        )
        st.caption(f"{len(clips):,} clips of {clips['source'].nunique():,} sources · dataset {escape_markdown(name)}")
        if waiting := [path.name for path in list_unfinished_caches()]:
            st.caption(
                f"Not finished: {escape_markdown(', '.join(waiting))}. The same `preprocess` command goes on "
                "where it stopped."
            )
    if choice == PRACTICE_DATASET_LABEL:
        st.info(demo.PRACTICE_NOTICE, icon=":material/science:")
    elif Cache(own[choice]).card["synthetic"]:
        st.info(demo.SYNTHETIC_DATA_NOTICE, icon=":material/science:")
    return clips


def draw_leakage(clips: pd.DataFrame) -> None:
    """Sources in more than one split, in a table or in a sentence."""
    shared = summary.shared_sources(clips)
    if not shared["sources"].any():
        st.success("No source occurs in two splits: nobody is tested on a video that was trained on.")
        return
    st.warning(
        "Splits share sources: they hold clips **of the same videos**. Where training is one of the two, figures look "
        "better than they would on unseen people; above the analysis pages choose *Sources: unseen in training*.",
        icon=":material/call_merge:",
    )
    percent = st.column_config.NumberColumn("share of its clips", format="percent")
    names: dict[str, Any] = {"split": "clips of", "other": "whose source is also in", "share": percent}
    st.dataframe(shared[shared["sources"] > 0], hide_index=True, column_config=names)


@st.cache_data(max_entries=4, show_spinner=False)
def label_charts(clips: pd.DataFrame) -> dict[str, dict]:
    """A chart per trait, spelt out by altair, which takes longer than all else on the page; empty without labels."""
    rows = summary.label_distribution(clips)
    labels = [] if rows.empty else [name for key, name in TRAIT_LABELS.items() if key != "mean"]
    return {label: count_plots.plot_label_distribution(rows[rows["trait"] == label]).to_dict() for label in labels}


def draw_labels(clips: pd.DataFrame) -> None:
    """Five small distributions, side by side."""
    drawn = label_charts(clips)
    if not drawn:
        st.caption("No clip has labels.")
        return
    for column, (label, chart) in zip(st.columns(5), drawn.items(), strict=True):
        column.markdown(f"**{escape_markdown(label)}**")
        column.vega_lite_chart(chart, width="stretch", alt=f"Distribution of the labels of {label} per split")
    st.caption(
        "Share of a split's labelled clips per range of 0.05; dashed: the split's mean. "
        "Training grey, validation blue, test orange."
    )


analysis_widgets.draw_page_header(
    "Dataset",
    "What people said of the clips, who is in them, and what preprocessing could not read. Age, gender and expression "
    "are estimates by machine wherever the dataset does not say.",
    notice=False,
)
clips = choose_cache_clips()

st.subheader("Splits")
st.dataframe(summary.split_counts(clips).rename(columns=SPLIT_COUNT_LABELS), hide_index=True)
draw_leakage(clips)

st.subheader("Labels: what people said")
draw_labels(clips)

st.subheader("Attributes: who is in the clips")
if attributes := summary.grouping_attributes(clips):
    attribute = st.selectbox("Attribute", attributes, key="attribute", bind="query-params")
    counts = summary.attribute_counts(clips, attribute)
    st.altair_chart(
        count_plots.attribute_bars(counts), width="stretch", alt=f"Share of clips per {attribute} and split"
    )
    totals = counts.groupby("group", sort=False)["n"].sum()
    st.caption("Clips: " + ", ".join(f"{escape_markdown(group)} {n:,}" for group, n in totals.items()))
else:
    st.caption("The dataset says nothing of the people, and no clip was read from which to estimate it.")

st.subheader("What went wrong")
reasons = summary.count_problems(clips)
if reasons.empty:
    st.success(f"All {len(clips):,} clips were read, each with a face at every moment and five seconds of sound.")
else:
    st.dataframe(reasons, hide_index=True)
    wrong = clips.loc[(clips["error"] != "") | (clips["warnings"] != ""), ["clip", "split", "error", "warnings"]]
    st.download_button("Download the list", rows_to_safe_csv(wrong).encode(), "went-wrong.csv", "text/csv")
