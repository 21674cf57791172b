"""A tour of the dashboard in four steps, which can be left at any time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.components.plain_text import escape_markdown

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
        "What would strangers think of me?",
        "Record yourself for a few seconds, or try a sample. You see what was seen, heard and read, and how strangers "
        "would probably rate it.",
        "pages/predict.py",
        "Predict",
    ),
    TourStep(
        "Is that about me, or about my microphone?",
        "Below a prediction, open *Change the video*: darken the picture, add noise, raise the pitch. The person stays "
        "the same, and the prediction moves.",
        "pages/predict.py",
        "Predict",
    ),
    TourStep(
        "Could I do better?",
        "Rate six people who do not exist before the machine does, and compare.",
        "pages/guess.py",
        "Guess first",
    ),
    TourStep(
        "For whom is the machine wrong?",
        "Compare its errors between women and men, between ages, and with those of always giving the average rating.",
        "pages/gender.py",
        "Gender and ethnicity",
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
        st.markdown(f"**{number + 1:d} of {len(TOUR_STEPS):d}: {escape_markdown(step.question)}** {step.text}")
        with st.container(horizontal=True):
            st.page_link(step.page, label=f"Open {escape_markdown(step.label)}", icon=":material/arrow_forward:")
            last = number + 1 == len(TOUR_STEPS)
            st.button("End" if last else "Next step", key="tour_next", on_click=go_to_next_step)
            if not last:
                st.button("Skip the tour", key="tour_skip", on_click=leave_tour)
