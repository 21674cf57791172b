"""Guess first: a visitor rates computer-made people, then sees the planted ratings and the machine's predictions."""

import pandas as pd
import streamlit as st

from pages.components import analysis_widgets, table_picker
from pages.components.figure_texts import translate_figure
from pages.components.language import mark_text, translate, translate_plain
from personality.analysis.guesses import add_guesses, score_guesses, select_guess_clips
from personality.assets import demo
from personality.assets.shipped_models import model_label
from personality.constants import IMPRESSION_NOTICE
from personality.plots import clip_plots
from personality.traits import TRAITS, Trait

GUESSES_STATE_KEY = "guesses"  # session state: the visitor's guesses by clip; never stored
GUESS_NUMBER_STATE_KEY = "guess_number"  # session state: index of the clip
GUESS_MODEL = "practice_audiovisual"  # sees and hears what the visitor sees and hears
WHO_LABELS = {"planted": mark_text("planted"), "machine": mark_text("machine"), "visitor": mark_text("you")}


def draw_sliders(clip: str) -> dict[str, float]:
    """A slider per trait, and its current value by name of the trait."""
    return {
        trait.name: st.slider(label_slider(trait), 0.0, 1.0, 0.5, 0.05, key=f"guess_{clip}_{trait.name}")
        for trait in TRAITS
    }


def label_slider(trait: Trait) -> str:
    """The name of a trait and its two ends."""
    low, high = translate_plain(trait.low), translate_plain(trait.high)
    return translate("{trait}: {low} (0) to {high} (1)").format(trait=translate_plain(trait.label), low=low, high=high)


def draw_comparison(rows: pd.DataFrame) -> None:
    """The planted ratings, the machine and the visitor on one chart."""
    names = {who: translate(label) for who, label in WHO_LABELS.items()}
    values = rows.rename(columns=names).melt(
        id_vars=["trait"], value_vars=list(names.values()), var_name="model", value_name="value"
    )
    st.plotly_chart(
        translate_figure(clip_plots.trait_dots(values)),
        width="stretch",
        key="guess_chart",
        alt=translate("Five traits of this person: planted ratings, the machine's predictions and your guesses"),
        config=analysis_widgets.PLOTLY_CONFIG,
    )
    st.caption(
        translate(
            "*Planted*: the rating that was computed when this person was made, with the noise of a rater; no human "
            "gave it. *Machine*: a practice model that saw the face and heard the voice, and was trained on other "
            "computer-made people."
        )
    )


def draw_score(rows: pd.DataFrame) -> None:
    """The accuracy of the visitor and of the machine so far."""
    scores = score_guesses(rows)
    columns = st.columns(2)
    labels = {"visitor": translate("You, accuracy"), "machine": translate("The machine, accuracy")}
    for place, (who, label) in enumerate(labels.items()):
        column = columns[place]
        score = scores.loc[who]
        column.metric(label, f"{score['accuracy']:.2f}")
        if score["low"] == score["low"]:
            low, high = f"{score['low']:.2f}", f"{min(score['high'], 1):.2f}"
            column.caption(translate("95 % interval {low} to {high}").format(low=low, high=high))
    text = translate(
        "1 − mean absolute error. People rated so far: {count}; there are intervals from five people on. With so few "
        "people, chance decides most of the difference."
    )
    st.caption(text.format(count=f"{scores['n'].iloc[0]:,}"))


def show_next_person() -> None:
    """Go to the next person; after the last one, to the first."""
    st.session_state[GUESS_NUMBER_STATE_KEY] = st.session_state.get(GUESS_NUMBER_STATE_KEY, 0) + 1


def forget_guesses() -> None:
    """Delete all guesses of this session."""
    for name in (GUESSES_STATE_KEY, GUESS_NUMBER_STATE_KEY):
        st.session_state.pop(name, None)


analysis_widgets.draw_page_header(
    translate("Guess first"),
    translate(
        "Watch a person for a few seconds and rate the impression that they make on you. Then see what the machine "
        "says. Nothing that you enter is stored."
    ),
    notice=True,
)
st.markdown(translate(IMPRESSION_NOTICE))
clips = sorted(path.name for path in demo.GUESS_CLIPS_FOLDER.glob("*.mp4"))
table = table_picker.load_cached_predictions(demo.DEMO_PREDICTIONS_FILE, demo.DEMO_PREDICTIONS_FILE.stat().st_mtime_ns)
known = select_guess_clips(table, clips, model_label(GUESS_MODEL))
number = st.session_state.get(GUESS_NUMBER_STATE_KEY, 0) % len(clips)
clip = clips[number]
guesses = st.session_state.setdefault(GUESSES_STATE_KEY, {})
left, right = st.columns([2, 3], gap="large")
with left:
    person = translate("**Person {number} of {count}** · the voice is in no language")
    st.markdown(person.format(number=f"{number + 1:d}", count=f"{len(clips):d}"))
    st.video((demo.GUESS_CLIPS_FOLDER / clip).read_bytes())
with right:
    if clip not in guesses:
        given = draw_sliders(clip)
        if st.button(translate("Show the machine"), type="primary", icon=":material/visibility:", key="reveal"):
            guesses[clip] = given
            st.rerun()
    else:
        shown = add_guesses(known, guesses)
        draw_comparison(shown[shown["clip"].eq(clip)])
        st.button(
            translate("Next person"), icon=":material/arrow_forward:", key="next_person", on_click=show_next_person
        )
if guesses:
    st.header(translate("How close are you?"))
    draw_score(add_guesses(known, guesses))
    st.button(translate("Delete my guesses"), icon=":material/delete:", key="forget", on_click=forget_guesses)
