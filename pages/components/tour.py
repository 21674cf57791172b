"""A tour of the dashboard in four steps, which can be left at any time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.components.language import mark_text, translate, translate_plain

TOUR_STEP_STATE_KEY = "tour_step"  # session state: the index of the current step; absent outside the tour


@dataclass(frozen=True)
class TourStep:
    """A question that a page answers, and what to do there."""

    question: str
    text: str
    page: str
    label: str


TOUR_STEPS = (
    TourStep(
        mark_text("What would strangers think of me?"),
        mark_text(
            "Record yourself for a few seconds, or try a sample. You see what was seen, heard and read, and how "
            "strangers would probably rate it. On *Live*, the traits settle while you speak."
        ),
        "pages/predict.py",
        mark_text("Predict"),
    ),
    TourStep(
        mark_text("Is that about me, or about my microphone?"),
        mark_text(
            "Below a prediction, open *Change the video*: darken the picture, add noise, raise the pitch. The person "
            "stays the same, and the prediction moves."
        ),
        "pages/predict.py",
        mark_text("Predict"),
    ),
    TourStep(
        mark_text("Could I do better?"),
        mark_text("Rate six people who do not exist before the machine does, and compare."),
        "pages/guess.py",
        mark_text("Guess first"),
    ),
    TourStep(
        mark_text("For whom is the machine wrong?"),
        mark_text(
            "Compare its errors between women and men, between ages, and with those of always giving the average "
            "rating."
        ),
        "pages/gender.py",
        mark_text("Gender and ethnicity"),
    ),
)


def start_tour() -> None:
    """Begin with the first step."""
    st.session_state[TOUR_STEP_STATE_KEY] = 0


def go_to_next_step() -> None:
    """Go on; after the last step, the tour ends."""
    st.session_state[TOUR_STEP_STATE_KEY] += 1
    if st.session_state[TOUR_STEP_STATE_KEY] >= len(TOUR_STEPS):
        leave_tour()


def leave_tour() -> None:
    """End the tour."""
    st.session_state.pop(TOUR_STEP_STATE_KEY, None)


def draw_tour() -> None:
    """The current step with its link, or nothing outside the tour."""
    number = st.session_state.get(TOUR_STEP_STATE_KEY)
    if number is None:
        return
    step = TOUR_STEPS[number]
    with st.container(border=True, key="tour"):
        heading = translate("{number} of {count}: {question}")
        steps = {"number": f"{number + 1:d}", "count": f"{len(TOUR_STEPS):d}"}
        heading = heading.format(**steps, question=translate_plain(step.question))
        st.markdown(f"**{heading}** {translate(step.text)}")
        with st.container(horizontal=True):
            st.page_link(step.page, label=_label_link(step), icon=":material/arrow_forward:")
            last = number + 1 == len(TOUR_STEPS)
            next_label = translate("End") if last else translate("Next step")
            st.button(next_label, key="tour_next", on_click=go_to_next_step)
            if not last:
                st.button(translate("Skip the tour"), key="tour_skip", on_click=leave_tour)


def _label_link(step: TourStep) -> str:
    return translate("Open {page}").format(page=translate_plain(step.label))
