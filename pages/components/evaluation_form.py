"""The form that evaluates finished runs, so that the analysis pages have a table of them."""

from pathlib import Path

import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.plain_text import plain
from personality.utils.app_log import noted
from personality.utils.error_messages import sentence
from personality.utils.workspace import caches, runs_folder, workspace
from training.runs import evaluation_job
from training.runs.run import done_runs


@st.cache_data(max_entries=8, show_spinner=False)
def labelled_splits(cache: Path, changed: float) -> list[str]:
    """As `evaluation.labelled_splits`, which reads the cache's table; `changed` is that file's time."""
    return evaluation_job.labelled_splits(cache)


def form() -> None:
    """Which runs, on the clips of which split; then how the last evaluation is doing."""
    operator_only()
    done = dict(reversed(done_runs(runs_folder()).items()))  # as they were trained
    found = {path.name: path for path in caches()}
    if not done or not found:
        st.caption("Runs that are done are evaluated here: on clips they were not trained on.")
        return
    first = st.columns([2, 1])
    cache = found[first[0].selectbox("Clips of", list(found), key="judged_cache")]
    try:
        splits = labelled_splits(cache, (cache / "clips.parquet").stat().st_mtime)
    except (ValueError, OSError) as error:
        st.error(f"The cache {plain(cache.name)} cannot be read. {plain(sentence(error))}", icon=":material/error:")
        return
    split = first[1].selectbox("Split", splits, key="judged_split", placeholder="no labels")
    own = [name for name, run in done.items() if run.cache.resolve() == cache.resolve()]
    names = st.multiselect("Runs", list(done), default=own, key=f"judged_{cache.name}")
    if st.button("Evaluate", icon=":material/fact_check:", key="judge", disabled=not names or split is None):
        try:
            with noted("start of an evaluation"):
                folders = [done[name].folder for name in names]
                evaluation_job.begin(folders, cache=cache, split=split, workspace=workspace())
        except (ValueError, OSError) as error:
            st.error(plain(sentence(error)), icon=":material/error:")
    draw_last()


@st.fragment(run_every=analysis_widgets.REFRESH)
def draw_last() -> None:
    """What the last evaluation says, and where its table is shown. Drawn again every two seconds."""
    operator_only()
    last = evaluation_job.last(workspace())
    if last is None:
        return
    st.code(last.said or "beginning ...", language=None)
    if last.state == "failed":
        st.error("It ended without a table; what it said last is above.", icon=":material/error:")
    if last.state == "done":
        table = {"table": last.table.stem}
        label = f"See {plain(last.table.stem)}"
        st.page_link("pages/traits.py", label=label, icon=":material/bar_chart:", query_params=table)
