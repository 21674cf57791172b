"""Runs: how each is doing, stop and go on, side by side, and away with them."""

from typing import Literal

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.action_errors import show_errors_as_toast
from pages.components.plain_text import escape_markdown
from personality.modalities import MODALITIES
from personality.plots import accuracy_plots
from personality.utils.workspace import runs_folder
from training.runs import launch
from training.runs.compare import collect_run_metrics, compare_runs
from training.runs.eta import estimate_eta, format_duration
from training.runs.run import ACTIVE_STATES, Run, describe_config_problem, list_runs

STATE_BADGE_COLOURS: dict[str, Literal["blue", "violet", "green", "red", "orange", "gray"]] = {
    "running": "blue",
    "queued": "violet",
    "done": "green",
    "failed": "red",
    "stale": "orange",
    "stopped": "gray",
}
LOSS_VIEW, ACCURACY_VIEW = "Loss", "Accuracy per trait"
CURVE_VIEWS = {
    LOSS_VIEW: (accuracy_plots.LOSS_CURVES, "loss"),
    ACCURACY_VIEW: (accuracy_plots.TRAIT_CURVES, "validation accuracy"),
}


def draw_run_monitor() -> None:
    """All runs, the chosen one in full, and several compared."""
    operator_only()
    found = {run.folder.name: run for run in list_runs(runs_folder())}
    if not found:
        st.caption("No runs yet.")
        return
    draw_runs_table()
    # Not within what is drawn again every two seconds: a list that is open would close.
    if st.session_state.get("watched") not in found:
        st.session_state.pop("watched", None)
    draw_run_details(found[st.selectbox("Watch", list(found), key="watched")])
    draw_run_comparison(found)


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_runs_table() -> None:
    """A line for each run. Drawn again every two seconds."""
    operator_only()
    found = {run.folder.name: run for run in list_runs(runs_folder())}
    table = pd.DataFrame([{"run": name, **make_runs_table_row(run)} for name, run in found.items()])
    accuracy = st.column_config.NumberColumn("accuracy (validation)", format="%.4f")
    share = st.column_config.ProgressColumn("epochs", format="percent", min_value=0, max_value=1)
    st.dataframe(table, hide_index=True, column_config={"best": accuracy, "share": share})


def make_runs_table_row(run: Run) -> dict[str, object]:
    """One line of the table of runs."""
    status = run.status()
    return {
        "modality": MODALITIES[run.config.modality].label,
        "preset": run.config.preset,
        "state": status["state"],
        "share": 1.0 if status["state"] == "done" else estimate_eta(run.config, status, run.metrics()).share_done,
        "best": status.get("best_accuracy"),
        "why": status.get("why", ""),
    }


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_run_details(run: Run) -> None:
    """One run: state, what is left, curves, the log's end. Drawn again every two seconds."""
    operator_only()
    if describe_config_problem(run):  # it was deleted or damaged since the page was drawn
        return
    status, rows = run.status(), run.metrics()
    state = status["state"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(escape_markdown(state), color=STATE_BADGE_COLOURS.get(state, "gray"))
        if state in ACTIVE_STATES:
            chained = len(launch.list_chained_runs(run)) + 1
            label = "Stop" if chained == 1 else f"Stop all {chained} of the chain"
            st.button(label, icon=":material/stop:", key="stop", on_click=stop_run_on_click, args=(run,))
        if state in ("stopped", "stale", "failed"):
            st.button("Go on", icon=":material/resume:", key="resume", on_click=resume_run_on_click, args=(run,))
        if state not in ACTIVE_STATES:
            with st.popover("Delete ...", icon=":material/delete:"):
                confirm_run_deletion(run)
    if state == "running":
        st.progress(
            estimate_eta(run.config, status, rows).share_done,
            text=escape_markdown(format_run_progress(run, status, rows)),
        )
    if state == "stale":
        st.warning("Its process is gone without a word; the end of its log is below. It can go on.")
    if status.get("why"):
        st.caption(f"Why it ended: {escape_markdown(status['why'])}")
    if rows:
        draw_training_curves(pd.DataFrame(rows), status, keeps=run.config.keeps)
    with st.expander("End of the log", expanded=state in ("failed", "stale")):
        st.code(run.log_tail() or "nothing", language=None)


def stop_run_on_click(run: Run) -> None:
    """The button that stops a run and those chained to it."""
    operator_only()
    with show_errors_as_toast():
        launch.stop_run(run)


def resume_run_on_click(run: Run) -> None:
    """The button that resumes a run."""
    operator_only()
    with show_errors_as_toast():
        launch.resume_run(run)


def format_run_progress(run: Run, status: dict, rows: list[dict]) -> str:
    """Epoch n of N, speed, time left, device, memory."""
    look = estimate_eta(run.config, status, rows)
    words = [f"epoch {look.epoch} of at most {look.epochs}"]
    if rows:
        words.append(f"{rows[-1]['clips_per_second']:,.0f} clips a second")
    if look.stage_seconds_left is not None:
        then = f", then {look.later_stage_epochs} epochs of the next stage" if look.later_stage_epochs else ""
        words.append(f"at most {format_duration(look.stage_seconds_left)} left{then}")
    if {"device", "memory"} <= set(status):
        words.append(f"{status['device']}, {status['memory'] / 2**20:,.0f} MB at most so far")
    return " · ".join(words)


def draw_training_curves(metrics: pd.DataFrame, status: dict, *, keeps: str) -> None:
    """Curves over the epochs, as smooth as one likes. keeps: the epoch that the run keeps, `best` or `last`."""
    left, right = st.columns([2, 1])
    view = left.segmented_control("Curves", list(CURVE_VIEWS), default=LOSS_VIEW, key="curves") or LOSS_VIEW
    smoothing = right.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing")
    columns, title = CURVE_VIEWS[view]
    kept = status.get("best_epoch")
    best = kept if keeps == "best" else None
    figure = accuracy_plots.training_curves(metrics, columns, best_epoch=best, smoothing=smoothing, title=title)
    st.plotly_chart(
        figure, width="stretch", key="curves_chart", alt=f"{view} per epoch", config=analysis_widgets.PLOTLY_CONFIG
    )
    if kept and "best_accuracy" in status:
        last = f"Epoch {kept:,}, the last, is kept; nothing is chosen on validation"
        which = f"Best epoch {kept:,}" if best else last
        st.caption(f"{which}: validation accuracy {status['best_accuracy']:.4f}.")


def confirm_run_deletion(run: Run) -> None:
    """Weights, curves and log go, once a person has said so again."""
    operator_only()
    st.markdown(f"The weights, curves and log of **{escape_markdown(run.folder.name)}** will be gone for good.")
    if st.button("Delete it", type="primary", key="delete_surely"):
        with show_errors_as_toast():
            run.delete()
            st.rerun()


def draw_run_comparison(found: dict[str, Run]) -> None:
    """Two or more runs side by side: what differs, and their accuracy over the epochs."""
    if len(found) < 2:
        return
    chosen = st.multiselect("Compare", list(found), key="compared", placeholder="two runs or more")
    several = [found[name] for name in chosen if name in found]
    if len(several) < 2:
        return
    st.dataframe(compare_runs(several), hide_index=True)
    metrics = collect_run_metrics(several)
    if len(metrics):
        figure = accuracy_plots.run_comparison_curves(metrics)
        alt = "Validation accuracy per epoch of the runs compared"
        st.plotly_chart(figure, width="stretch", key="compared_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    st.caption("Of the choices only those that differ are listed; then how far each run got.")
