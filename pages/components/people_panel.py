"""The people of a clip on the Predict page: whom to analyse, and with whom to compare."""

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.clip_input import OTHER_PERSON_STATE_KEY, PERSON_STATE_KEY
from pages.components.language import translate
from personality.preprocessing.sample import DetectedPeople

FACE_THUMBNAIL_PIXELS = 84  # side of a face, in this panel and in the filmstrip
COMPARISON_ANCHOR = "two-people"  # in the address of the page, to jump to the comparison


def draw_people_panel(place: DeltaGenerator, people: DetectedPeople) -> None:
    """Draw a button for each person in the clip, the chosen one highlighted, and the choice of a second person to
    compare with; nothing if there is only one."""
    if len(people.crops) < 2:
        return
    with place.container(border=True):
        text = (
            translate(
                "**{count} people were found.** The highlighted person is analysed. Choose a number to switch. The "
                "sound is everyone's."
            )
            if PERSON_STATE_KEY in st.session_state
            else translate(
                "**{count} people were found.** The highlighted person, the largest face that moves, is analysed. "
                "Choose a number to switch. The sound is everyone's."
            )
        )
        st.markdown(text.format(count=f"{len(people.crops):d}"))
        with st.container(horizontal=True, gap="small"):
            for number, crop in enumerate(people.crops, 1):
                with st.container(width=FACE_THUMBNAIL_PIXELS, gap="small"):
                    st.image(crop, width=FACE_THUMBNAIL_PIXELS, alt=name_person(number), output_format="JPEG")
                    kind: Literal["primary", "secondary"] = "primary" if number == people.chosen + 1 else "secondary"
                    key = f"person_{number}"
                    st.button(
                        f"{number:d}", key=key, type=kind, on_click=select_person, args=(number,), width="stretch"
                    )
        _draw_comparison_choice(people)


def _draw_comparison_choice(people: DetectedPeople) -> None:
    others = [number for number in range(1, len(people.crops) + 1) if number != people.chosen + 1]
    other = st.segmented_control(
        translate("Show side by side with"), others, format_func=name_person, key=OTHER_PERSON_STATE_KEY
    )
    if other is not None:
        link = translate("Go to the two people")
        st.markdown(f":material/arrow_downward: [{link}](#{COMPARISON_ANCHOR})")


def name_person(number: int) -> str:
    """What a person of a clip is called."""
    return translate("Person {number}").format(number=f"{number:d}")


def select_person(number: int) -> None:
    """Store which person the next prediction is for; it is not compared with itself."""
    st.session_state[PERSON_STATE_KEY] = number
    st.session_state.pop(OTHER_PERSON_STATE_KEY, None)
