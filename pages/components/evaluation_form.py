"""The form that evaluates finished runs and writes a predictions table for the analysis pages."""

from pathlib import Path

import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.plain_text import escape_markdown
from personality.utils.app_log import log_duration
from personality.utils.error_messages import describe_error
from personality.utils.workspace import list_finished_caches, runs_folder, workspace_folder
from training.runs import evaluation_job
from training.runs.run import finished_runs_by_name


@st.cache_data(max_entries=8, show_spinner=False)
def cached_labelled_splits(cache: Path, changed: float) -> list[str]:
    """As `evaluation_job.labelled_splits`; `changed` is the modification time of the cache's table."""
    return evaluation_job.labelled_splits(cache)


def draw_evaluation_form() -> None:
    """Select runs and a split and start an evaluation; then show the progress of the last one."""
    operator_only()
    done = dict(reversed(finished_runs_by_name(runs_folder()).items()))  # in the order of training
    found = {path.name: path for path in list_finished_caches()}
    if not done or not found:
        st.caption("Finished training runs can be evaluated here, on clips they were not trained on.")
        return
    first = st.columns([2, 1])
    cache = found[first[0].selectbox("Preprocessed dataset", list(found), key="judged_cache")]
    try:
        splits = cached_labelled_splits(cache, (cache / "clips.parquet").stat().st_mtime)
    except (ValueError, OSError) as error:
        st.error(
            f"The cache {escape_markdown(cache.name)} cannot be read. {escape_markdown(describe_error(error))}",
            icon=":material/error:",
        )
        return
    split = first[1].selectbox("Split", splits, key="judged_split", placeholder="no ratings in this dataset")
    own = [name for name, run in done.items() if run.cache.resolve() == cache.resolve()]
    names = st.multiselect("Runs to evaluate", list(done), default=own, key=f"judged_{cache.name}")
    if st.button("Evaluate", icon=":material/fact_check:", key="judge", disabled=not names or split is None):
        try:
            with log_duration("start of an evaluation"):
                folders = [done[name].folder for name in names]
                evaluation_job.start_evaluation(folders, cache=cache, split=split, workspace=workspace_folder())
        except (ValueError, OSError) as error:
            st.error(escape_markdown(describe_error(error)), icon=":material/error:")
    draw_last_evaluation()


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_last_evaluation() -> None:
    """The log of the last evaluation, and a link to its table. Redrawn every two seconds."""
    operator_only()
    last = evaluation_job.read_last_evaluation(workspace_folder())
    if last is None:
        return
    st.code(last.log_text or "Starting ...", language=None)
    if last.state == "failed":
        st.error("The evaluation failed. The end of its log is above.", icon=":material/error:")
    if last.state == "done":
        table = {"table": last.table.stem}
        label = f"Show the results of {escape_markdown(last.table.stem)}"
        st.page_link("pages/traits.py", label=label, icon=":material/bar_chart:", query_params=table)
