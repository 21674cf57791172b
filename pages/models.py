"""Models: load shipped and finished ones, start a run, watch it, stop it, go on."""

import json
from pathlib import Path

import pandas as pd
import streamlit as st

from pages import parts
from personality import charts
from personality.modalities import ACTIVATIONS, MODALITIES
from personality.workspace import caches, runs_folder, workspace
from training import jobs
from training.config import LOSSES, OPTIMISERS, PRESETS, preset
from training.runs import ACTIVE, Run, finished_runs, list_runs

LABELS = {name: modality.label for name, modality in MODALITIES.items()}
REFRESH = "2s"
BADGES = {"running": "blue", "done": "green", "failed": "red", "stale": "orange", "stopped": "gray"}


def load_section() -> None:
    """Which models Predict uses, each with its card."""
    choices = parts.model_choices()
    in_use = list(parts.chosen_models())
    picked = st.multiselect("Models that Predict uses", list(choices), default=in_use, key="models_picked")
    st.session_state["models_in_use"] = picked
    name = st.selectbox("Card of", list(choices), key="card_of")
    show_card(choices[name])


def show_card(folder: Path) -> None:
    """What a model is, what it was trained on, what it reached and what it must not be used for."""
    card = json.loads((folder / "card.json").read_text())
    metrics = card["metrics"]
    with st.container(border=True):
        label, data = LABELS[card["modality"]], card["data"]
        kind = "synthetic people" if data["synthetic"] else "a person's own data"
        st.markdown(f"**{label}**, preset {card['preset']}, trained on **{data['name']}** ({kind})")
        cells = [(name, metrics["traits"][name]) for name in metrics["traits"]]
        table = pd.DataFrame([{"trait": charts.TRAIT_LABELS[name], **cell} for name, cell in cells])
        st.dataframe(table.style.format(precision=4, na_rep="none"), hide_index=True)
        n, sources = metrics["n"], metrics["sources"]
        st.caption(
            f"Validation, n = {n} clips of {sources} sources, 95 % intervals. {card['licence']}. {card['not_for']}"
        )
        with st.expander("The whole card"):
            st.json(card)


def start_section() -> None:
    """The form that begins a run."""
    found = {path.name: path for path in caches()}
    if not found:
        practice_section()
        return
    with st.form("start"):
        first = st.columns(3)
        cache = first[0].selectbox(
            "Cache", list(found), help="Folders below workspace/caches that preprocess has made."
        )
        of_video = [name for name, modality in MODALITIES.items() if modality.video]
        modality = first[1].selectbox("Modality", of_video, format_func=LABELS.get, key="modality")
        text = (
            "thesis: as in the slides. compact: what a laptop trains. modern: goes on without a face or sound, slower"
        )
        plans = list(PRESETS)
        name = first[2].selectbox("Preset", plans, index=plans.index("compact"), key="preset", help=text)
        with st.expander("More choices; empty means what the preset says"):
            second = st.columns(4)
            optimiser = second[0].selectbox("Optimiser", OPTIMISERS, index=None)
            loss = second[1].selectbox("Loss", LOSSES, index=None)
            activation = second[2].selectbox("Activation", ACTIVATIONS, index=None)
            epochs = second[3].number_input("Epochs of each stage", 1, 1000, None, key="epochs")
            rate = second[0].number_input("Learning rate", 1e-7, 1.0, None, format="%g")
            batch = second[1].number_input("Batch", 2, 1024, None)
            patience = second[2].number_input("Patience", 1, 1000, None)
            seed = second[3].number_input("Seed", 0, 2**31 - 1, None)
        st.caption("Tables of features, texts, and fusions of any models train from the command line: docs/models.md.")
        if st.form_submit_button("Start", type="primary", icon=":material/play_arrow:"):
            given = {"optimiser": optimiser, "loss": loss, "activation": activation}
            given |= {"batch": batch, "patience": patience, "seed": seed}
            start(
                found[cache],
                modality,
                name,
                {key: value for key, value in given.items() if value is not None},
                epochs,
                rate,
            )


def start(cache: Path, modality: str, name: str, changes: dict, epochs: int | None, rate: float | None) -> None:
    """Begin a run with the form's values, or say what is wrong with them."""
    branches = MODALITIES[modality].branches
    missing = [LABELS[branch] for branch in branches if not finished_runs(runs_folder(), branch, name)]
    if missing:
        st.error(f"{LABELS[modality]} joins trained models. Train these first, preset {name}: {' and '.join(missing)}.")
        return
    try:
        config = preset(modality, name, **changes).with_stages(epochs=epochs, rate=rate)
        run = jobs.start(config, cache=cache, runs=runs_folder())
        st.session_state["watched"] = run.folder.name
        st.toast(f"{run.folder.name} has begun", icon=":material/play_arrow:")
    except (ValueError, OSError) as error:
        st.error(str(error))


def practice_section() -> None:
    """Without a cache there is nothing to train on: say how to make one, or make one of synthetic people."""
    st.markdown(
        "Training needs a **cache**: clips read once into faces and sound. For your own data:\n"
        "```\npython -m personality preprocess YOUR_DATASET --out workspace/caches/NAME\n```"
    )
    log = workspace() / "practice.log"
    making = jobs.is_making_practice(workspace())
    icon, text = ":material/group_add:", "Make one of 60 synthetic people"
    if st.button(text, icon=icon, key="practice", help="About a minute.", disabled=making):
        jobs.make_practice_cache(workspace())
    if log.exists():
        watch_practice(log)


@st.fragment(run_every=REFRESH)
def watch_practice(log: Path) -> None:
    """The last line of the log, until the cache is there."""
    if caches():
        st.rerun(scope="app")
    lines = log.read_text(errors="replace").replace("\r", "\n").splitlines()
    st.code(lines[-1] if lines else "beginning ...")


@st.fragment(run_every=REFRESH)
def watch_section() -> None:
    """All runs with their states; the chosen one in full. Drawn again every two seconds."""
    runs = {run.folder.name: run for run in list_runs(runs_folder())}
    if not runs:
        st.caption("No runs yet.")
        return
    names = list(runs)
    table = [{"run": name, **summary(run)} for name, run in runs.items()]
    st.dataframe(pd.DataFrame(table), hide_index=True)
    watch(runs[st.selectbox("Watch", names, key="watched")])


def summary(run: Run) -> dict[str, object]:
    """One line of the table of runs."""
    status = run.status()
    return {
        "modality": LABELS[run.config.modality],
        "state": status["state"],
        "epoch": f"{status.get('epoch', 0)} of {status.get('epochs', '?')}",
        "best accuracy (validation)": status.get("best_accuracy"),
        "why": status.get("why", ""),
    }


def watch(run: Run) -> None:
    """One run: state, curves, stop or go on, the log's end."""
    status = run.status()
    state = status["state"]
    bar = st.columns([2, 1, 1], vertical_alignment="center")
    bar[0].badge(state, color=BADGES.get(state, "gray"))
    if state in ACTIVE and bar[1].button("Stop", icon=":material/stop:", key="stop"):
        jobs.stop(run)
    if state in ("stopped", "stale", "failed") and bar[2].button("Go on", icon=":material/resume:", key="resume"):
        jobs.resume(run)
    if state in ACTIVE:
        epoch, done = status.get("epoch", 0), status.get("done", 0.0)
        text = f"epoch {epoch + 1} of at most {status.get('epochs', '?')} on {status.get('device', 'cpu')}"
        st.progress(min(1.0, (epoch + done) / max(1, status.get("epochs", 1))), text=text)
    if status.get("why"):
        st.caption(status["why"])
    metrics = pd.DataFrame(run.metrics())
    if len(metrics):
        figure = charts.training_curves(metrics, best_epoch=status.get("best_epoch"))
        st.plotly_chart(figure, width="stretch", key="curves", alt="Loss per epoch in training and validation")
        best, speed = metrics["accuracy"].max(), metrics["clips_per_second"].iloc[-1]
        st.caption(f"Best validation accuracy {best:.4f}; {speed:.0f} clips a second in the last epoch.")
    with st.expander("End of the log"):
        st.code(run.log_tail())


parts.frame("Models", "Load trained models for Predict, or train the four modalities on your own data.", notice=True)
st.subheader("Use")
load_section()
st.subheader("Train")
start_section()
st.subheader("Runs")
watch_section()
