"""Live: the webcam as a stream, with boxes that follow the face and traits that settle while a visitor speaks."""

from typing import Any

import streamlit as st

from pages.components import analysis_widgets, clip_input, live_session, model_store
from pages.components.language import mark_text, translate
from pages.components.library_texts import translate_library_text
from pages.components.live_camera import draw_live_camera
from pages.components.prediction_panel import describe_models
from pages.components.trait_lines import draw_trait_lines
from personality.assets.shipped_models import model_label
from personality.constants import IMPRESSION_NOTICE
from personality.inference.live_prediction import LIVE_LIMITS
from personality.preprocessing.sandbox.client import start_reader_process

MODEL_KEY = "live_model"
PREFERRED_MODEL = model_label("voice")  # the fastest of the included models
LIVE_CONTAINER_KEY = "live"
# Streamlit fades elements while a script runs, which is most of the time here: the picture would flicker.
STEADY_STYLE = f"""<style>
.st-key-{LIVE_CONTAINER_KEY} [data-stale="true"] {{ opacity: 1 !important; transition: none !important }}
</style>"""
PREDICT_PAGE = "pages/predict.py"
LEAD = mark_text(
    "Speak to the camera for up to 15 seconds. Boxes follow the face, and the **predicted first impression** settles "
    "as the seconds pass."
)
CONSENT_LABEL = mark_text(
    "Everyone who can be seen or heard is me or has agreed to this. I understand that pictures and sound are sent to "
    "the server that runs this page, and that expressions and first impressions are estimated."
)
MODEL_HELP = mark_text(
    "One model at a time, so that predictions come quickly. The model *voice* is the fastest; *voice + words* is more "
    "accurate on average, but recognising the words takes some seconds each time."
)
NO_MODEL_MESSAGE = mark_text("No model is selected. Select at least one to make predictions.")
LINES_CAPTION = mark_text(
    "Line: predicted rating from all that was recorded until then, from 0 (bottom) to 1 (top). Shaded: 90 % prediction "
    "interval for whole clips; in the first seconds, the prediction is less certain than that."
)
PRIVACY_CAPTION = mark_text(
    "The camera opens when you press the button, and closes after 15 seconds, when you press *Stop*, and when you "
    "leave or hide this page. The server keeps the recording in memory until you delete it or close the page. The "
    "boxes show where a face was found; they come from the server, so they follow with a delay. Models of real people "
    "predict from the voice and the words, not from the face."
)


@st.fragment
def draw_live(model: Any) -> None:
    """The camera next to the traits, redrawn with every message of the camera."""
    prediction = live_session.current_prediction()
    camera, traits = st.columns([2, 3], gap="medium")
    with camera:
        draw_live_camera(
            state=live_session.camera_state(),
            answered=st.session_state.get(live_session.ANSWERED_STATE_KEY, 0),
            boxes=st.session_state.get(live_session.BOXES_STATE_KEY, []),
            note=live_session.camera_note(),
            texts={name: translate(text) for name, text in live_session.CAMERA_TEXTS.items()},
            seconds=LIVE_LIMITS.seconds,
            interval=live_session.message_interval(),
            disabled=not st.session_state.get(live_session.CONSENT_STATE_KEY, False),
            on_message=lambda: live_session.receive_message(model),
            key=live_session.CAMERA_KEY,
        )
        if prediction is not None and not prediction.is_running and prediction.recording:
            offer_recording(prediction.recording)
    with traits:
        draw_trait_lines(prediction.answers if prediction else [], seconds=LIVE_LIMITS.seconds, key="live_traits")
        draw_legend(model)


def draw_legend(model: Any) -> None:
    """What the lines show, and that they become flat if the model uses only the first part of the sound."""
    from personality.models.clip_features import required_sound_seconds

    st.caption(translate(LINES_CAPTION))
    seconds = required_sound_seconds(model.network.needs)
    if 0 < seconds < LIVE_LIMITS.seconds:
        text = translate("Sound after the first {seconds} s changes only what is predicted from words and faces.")
        st.caption(text.format(seconds=f"{seconds:.0f}"))


def offer_recording(recording: bytes) -> None:
    """Two buttons: use the recording as the clip of Predict, or delete it."""
    use, delete = st.columns(2)
    if use.button(translate("Use this recording"), icon=":material/movie:", key="use_recording", width="stretch"):
        clip_input.open_clip(recording_name(recording), recording)
        live_session.discard_live_prediction()
        st.switch_page(PREDICT_PAGE)
    delete.button(
        translate("Delete this recording"),
        icon=":material/delete:",
        key="delete_recording",
        width="stretch",
        on_click=live_session.discard_live_prediction,
    )


def recording_name(recording: bytes) -> str:
    """A file name with the suffix of the format that the browser recorded."""
    return "recording.mp4" if recording[4:8] == b"ftyp" else "recording.webm"


def current_live_model(labels: list[str]) -> str:
    """The model that the visitor chose last, if it is still available; otherwise the preferred one."""
    current = st.session_state.get(MODEL_KEY)
    if current in labels:
        return current
    return PREFERRED_MODEL if PREFERRED_MODEL in labels else labels[0]


def choose_live_model(labels: list[str]) -> str:
    """Let the visitor choose one of the models; a change ends the live prediction."""
    names = {label: translate_library_text(label) for label in labels}
    # The browser sends the name that it shows; setting the value makes it show the name in the current language.
    st.session_state[MODEL_KEY] = current_live_model(labels)
    return st.selectbox(
        translate("Model"),
        labels,
        key=MODEL_KEY,
        format_func=names.__getitem__,
        help=translate(MODEL_HELP),
        on_change=live_session.discard_live_prediction,
    )


chosen = model_store.chosen_models()
analysis_widgets.draw_page_header(
    translate("Live"),
    translate(LEAD),
    notice=any(name.startswith(model_store.PRACTICE_LABEL_PREFIX) for name in chosen),
)
st.markdown(translate(IMPRESSION_NOTICE))
if not chosen:
    st.warning(translate(NO_MODEL_MESSAGE), icon=":material/model_training:")
    st.stop()
start_reader_process()
st.checkbox(
    translate(CONSENT_LABEL), key=live_session.CONSENT_STATE_KEY, on_change=live_session.discard_live_prediction
)
label = choose_live_model(list(chosen))
models = model_store.load_chosen_models()
st.html(STEADY_STYLE)
with st.container(key=LIVE_CONTAINER_KEY):
    draw_live(models[label])
describe_models([models[label].name], [models[label]])
st.caption(translate(PRIVACY_CAPTION))
