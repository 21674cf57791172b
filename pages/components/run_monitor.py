"""Training runs: progress, stop and resume, comparison, deletion."""

from typing import Literal

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets
from pages.components.access_control import operator_only
from pages.components.action_errors import show_errors_as_toast
from pages.components.plain_text import escape_markdown
from personality.modalities import MODALITIES
from personality.plots import accuracy_plots
from personality.utils.workspace import rename_chosen_model, runs_folder
from training.runs import launch
from training.runs.compare import collect_run_metrics, compare_runs
from training.runs.eta import estimate_eta, format_duration
from training.runs.notes import MAX_NOTE_CHARACTERS, read_note, read_tags, write_note
from training.runs.run import ACTIVE_STATES, Run, describe_config_problem, list_runs
from training.runs.run_queue import list_group

STATE_BADGE_COLOURS: dict[str, Literal["blue", "violet", "green", "red", "orange", "gray"]] = {
    "running": "blue",
    "queued": "violet",
    "done": "green",
    "failed": "red",
    "stale": "orange",
    "stopped": "gray",
}
RESUMABLE_STATES = ("stopped", "stale", "failed")
LOSS_VIEW, ACCURACY_VIEW = "Loss", "Accuracy per trait"
CURVE_VIEWS = {
    LOSS_VIEW: (accuracy_plots.LOSS_CURVES, "loss"),
    ACCURACY_VIEW: (accuracy_plots.TRAIT_CURVES, "validation accuracy"),
}


def draw_run_monitor() -> None:
    """A table of all runs, the details of one, and a comparison of several."""
    operator_only()
    found = {run.folder.name: run for run in list_runs(runs_folder())}
    if not found:
        st.caption("No training runs yet.")
        return
    launch.continue_queue(runs_folder())
    tags = sorted({tag for run in found.values() for tag in read_tags(run)})
    chosen = st.pills("Tags", tags, selection_mode="multi", key="tags", format_func=escape_markdown) if tags else []
    draw_runs_table(chosen)
    # Not inside a fragment that is redrawn every two seconds, which would close an open list.
    if st.session_state.get("watched") not in found:
        st.session_state.pop("watched", None)
    watched = found[st.selectbox("Run details", list(found), key="watched")]
    draw_note(watched)
    draw_run_details(watched)
    draw_run_comparison(found)


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_runs_table(tags: list[str]) -> None:
    """A row for each run that has all of the tags. Redrawn every two seconds."""
    operator_only()
    found = [run for run in list_runs(runs_folder()) if set(tags) <= set(read_tags(run))]
    table = pd.DataFrame([{"run": run.folder.name, **make_runs_table_row(run)} for run in found])
    accuracy = st.column_config.NumberColumn("accuracy (validation)", format="%.4f")
    share = st.column_config.ProgressColumn("epochs", format="percent", min_value=0, max_value=1)
    st.dataframe(table, hide_index=True, column_config={"best": accuracy, "share": share, "why": "reason"})


def make_runs_table_row(run: Run) -> dict[str, object]:
    """One row of the table of runs."""
    status = run.status()
    return {
        "modality": MODALITIES[run.config.modality].label,
        "preset": run.config.preset,
        "state": status["state"],
        "share": 1.0 if status["state"] == "done" else estimate_eta(run.config, status, run.metrics()).share_done,
        "best": status.get("best_accuracy"),
        "why": status.get("why", ""),
        "note": read_note(run),
    }


def draw_note(run: Run) -> None:
    """The note of a run, to read and to change."""
    operator_only()
    key = f"note_{run.folder.name}"
    hint = "for example what you tried; words that begin with # are tags"
    st.text_input("Note", read_note(run), MAX_NOTE_CHARACTERS, key, placeholder=hint, on_change=keep_note, args=(run,))


def keep_note(run: Run) -> None:
    """Write the note that was typed."""
    operator_only()
    with show_errors_as_toast():
        write_note(run, st.session_state[f"note_{run.folder.name}"])


@st.fragment(run_every=analysis_widgets.REFRESH_INTERVAL)
def draw_run_details(run: Run) -> None:
    """One run: state, progress, curves, end of the log. Redrawn every two seconds."""
    operator_only()
    if describe_config_problem(run):  # deleted, renamed or damaged since the page was drawn
        st.rerun()
    status, rows = run.status(), run.metrics()
    state = status["state"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(escape_markdown(state), color=STATE_BADGE_COLOURS.get(state, "gray"))
        draw_stop_and_resume(run)
        if state not in ACTIVE_STATES:
            with st.popover("Rename ...", icon=":material/edit:"):
                draw_run_renaming(run)
            with st.popover("Delete ...", icon=":material/delete:"):
                confirm_run_deletion(run)
    if state == "running":
        st.progress(
            estimate_eta(run.config, status, rows).share_done,
            text=escape_markdown(format_run_progress(run, status, rows)),
        )
    if state == "stale":
        st.warning("The training process ended unexpectedly; the end of its log is below. You can resume the run.")
    if status.get("why"):
        st.caption(f"Reason: {escape_markdown(status['why'])}")
    if rows:
        draw_training_curves(pd.DataFrame(rows), status, kept_epoch=run.config.kept_epoch)
    if (run.folder / "tensorboard").is_dir():
        st.caption("All curves of all runs in TensorBoard:")
        st.code(f"tensorboard --logdir {runs_folder()}", language=None)
    with st.expander("End of the log", expanded=state in ("failed", "stale")):
        st.code(run.log_tail() or "(empty)", language=None)


def stop_runs_on_click(several: list[Run]) -> None:
    """Stop runs."""
    operator_only()
    with show_errors_as_toast():
        launch.stop_runs(several)


def resume_runs_on_click(several: list[Run]) -> None:
    """Resume runs, one after the other."""
    operator_only()
    with show_errors_as_toast():
        launch.resume_runs(several)


# Label, icon and key, states in which it is offered, and what it does.
RUN_ACTIONS = (
    ("Stop", "stop", ACTIVE_STATES, stop_runs_on_click),
    ("Resume", "resume", RESUMABLE_STATES, resume_runs_on_click),
)


def draw_stop_and_resume(run: Run) -> None:
    """Buttons for a run, and for all runs that were started together with it."""
    operator_only()
    group = {one.folder.name: one for one in list_group(run)}
    states = {name: one.status()["state"] for name, one in group.items()}
    for label, key, wanted, act in RUN_ACTIONS:
        fitting = [group[name] for name, state in states.items() if state in wanted]
        icon = f":material/{key}:"
        if states[run.folder.name] in wanted:
            st.button(label, icon=icon, key=key, on_click=act, args=([run],))
        if len(fitting) > 1:
            words = f"{label} all {len(fitting):,} that were started together"
            st.button(words, icon=icon, key=f"{key}_all", on_click=act, args=(fitting,))


def format_run_progress(run: Run, status: dict, rows: list[dict]) -> str:
    """Epoch, speed, remaining time, device and memory of a run on one line."""
    eta = estimate_eta(run.config, status, rows)
    parts = [f"epoch {eta.epoch} of at most {eta.epochs}"]
    if rows:
        parts.append(f"{rows[-1]['clips_per_second']:,.0f} clips per second")
    if eta.stage_seconds_left is not None:
        then = f", then {eta.later_stage_epochs} epochs of the next stage" if eta.later_stage_epochs else ""
        parts.append(f"at most {format_duration(eta.stage_seconds_left)} left{then}")
    if {"device", "memory"} <= set(status):
        parts.append(f"{status['device']}, peak memory {status['memory'] / 2**20:,.0f} MB")
    return " · ".join(parts)


def draw_training_curves(metrics: pd.DataFrame, status: dict, *, kept_epoch: str) -> None:
    """Loss or accuracy per epoch, with adjustable smoothing.

    Parameters
    ----------
    metrics : DataFrame
        One row per epoch.
    status : dict
        The status of the run.
    kept_epoch : str
        Which epoch's weights the run keeps: `best` or `last`.
    """
    left, right = st.columns([2, 1])
    view = left.segmented_control("Curves", list(CURVE_VIEWS), default=LOSS_VIEW, key="curves") or LOSS_VIEW
    smoothing = right.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing")
    columns, title = CURVE_VIEWS[view]
    kept = status.get("best_epoch")
    best = kept if kept_epoch == "best" else None
    figure = accuracy_plots.training_curves(metrics, columns, best_epoch=best, smoothing=smoothing, title=title)
    st.plotly_chart(
        figure, width="stretch", key="curves_chart", alt=f"{view} per epoch", config=analysis_widgets.PLOTLY_CONFIG
    )
    if kept and "best_accuracy" in status:
        last = f"The weights of the last epoch ({kept:,}) are kept; validation is not used to select an epoch"
        which = f"Best epoch: {kept:,}" if best else last
        st.caption(f"{which}. Validation accuracy: {status['best_accuracy']:.4f}.")


def draw_run_renaming(run: Run) -> None:
    """A field for another name of a run."""
    operator_only()
    key = f"name_{run.folder.name}"
    st.text_input("New name", run.folder.name, key=key, help="The model has the name of its run.")
    st.button("Rename run", type="primary", key="rename", on_click=rename_run_on_click, args=(run, key))


def rename_run_on_click(run: Run, key: str) -> None:
    """Rename a run to what was typed, also in the default selection of models."""
    operator_only()
    with show_errors_as_toast():
        name = run.rename(st.session_state[key].strip()).folder.name
        rename_chosen_model(run.folder.name, name)
        st.session_state["watched"] = name


def confirm_run_deletion(run: Run) -> None:
    """Ask for confirmation, then delete the weights, metrics and log of a run."""
    operator_only()
    st.markdown(f"This permanently deletes the weights, metrics and log of **{escape_markdown(run.folder.name)}**.")
    if st.button("Delete run", type="primary", key="delete_surely"):
        with show_errors_as_toast():
            run.delete()
            st.rerun()


def draw_run_comparison(found: dict[str, Run]) -> None:
    """Two or more runs side by side: differences in their configuration, and their accuracy per epoch."""
    if len(found) < 2:
        return
    chosen = st.multiselect("Compare runs", list(found), key="compared", placeholder="Select two or more")
    several = [found[name] for name in chosen if name in found]
    if len(several) < 2:
        return
    st.dataframe(compare_runs(several), hide_index=True)
    metrics = collect_run_metrics(several)
    if len(metrics):
        figure = accuracy_plots.run_comparison_curves(metrics)
        alt = "Validation accuracy per epoch of the runs compared"
        st.plotly_chart(figure, width="stretch", key="compared_chart", alt=alt, config=analysis_widgets.PLOTLY_CONFIG)
    st.caption("The table lists only the settings in which the runs differ, followed by the progress of each run.")
