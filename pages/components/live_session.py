"""The live prediction of a session: checks what the camera sends, finds faces in it, and adds it to the recording."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import streamlit as st

from pages.components.language import mark_text, translate
from pages.components.library_texts import translate_library_text
from pages.components.model_store import PREDICTION_QUEUE
from personality.inference.live_prediction import LivePrediction, start_live_prediction
from personality.inference.predict import NO_PERSON_MESSAGE, Unavailable
from personality.preprocessing.media_errors import MediaError
from personality.preprocessing.sandbox.client import find_faces_in_sandbox
from personality.preprocessing.snapshots import SNAPSHOT_LIMITS
from personality.utils.public_mode import is_public
from server.page_turns import visitor_address

# Session state: the LivePrediction; the number of the last message that was read; the boxes of its pictures; why the
# camera was refused; the consent.
PREDICTION_STATE_KEY, ANSWERED_STATE_KEY, BOXES_STATE_KEY = "live_prediction", "live_answered", "live_boxes"
REFUSAL_STATE_KEY, CONSENT_STATE_KEY = "live_refusal", "live_consent"
CAMERA_KEY = "live_camera"
LOCAL_INTERVAL_SECONDS, PUBLIC_INTERVAL_SECONDS = 0.4, 1.0  # between messages; public servers accept one per second
NO_CONSENT_MESSAGE = mark_text("The camera was closed, because the box above is not ticked.")
TOO_MANY_MESSAGE = mark_text(
    "Other visitors are live, and the server cannot serve more of them. Try again in half a minute."
)
DONE_MESSAGE = mark_text("The camera is closed. These predictions are from the whole recording.")
NO_SPEECH_MESSAGE = mark_text("No speech was heard yet.")
LEFT_MESSAGE = mark_text("The recording was interrupted, and has been deleted.")
READ_ERROR_MESSAGE = mark_text("The recording cannot be read at the moment. Please try again later.")
CAMERA_TEXTS = {
    "start": mark_text("Start the camera"),
    "stop": mark_text("Stop"),
    "recording": mark_text("{left} s left. Look at the camera and speak."),
    "following": mark_text(
        "{left} s left. Look at the camera and speak. Boxes: {rate} per second, {delay} s behind the picture."
    ),
    "no_face": mark_text("No face was found: move closer, with light from the front."),
    "reading": mark_text("The camera is closed. Predicting from the whole recording ..."),
    "no_camera": mark_text("No camera can be used: connect one, or close other programs that use it."),
    "not_allowed": mark_text("The browser refused the camera: allow it for this page in the browser's settings."),
    "no_access": mark_text("The camera is not available: open this page on localhost or over HTTPS."),
    "no_answer": mark_text("The server does not answer, so the camera was closed. Reload the page and try again."),
    "hidden": mark_text("The camera was closed, because this page was hidden."),
}


def message_interval() -> float:
    """Seconds between the messages of a camera."""
    return PUBLIC_INTERVAL_SECONDS if is_public() else LOCAL_INTERVAL_SECONDS


def current_prediction() -> LivePrediction | None:
    """The live prediction of this session, running or ended."""
    return st.session_state.get(PREDICTION_STATE_KEY)


def discard_live_prediction() -> None:
    """Stop the live prediction, and delete its recording and results."""
    prediction = st.session_state.pop(PREDICTION_STATE_KEY, None)
    if prediction is not None:
        prediction.cancel()
    for name in (ANSWERED_STATE_KEY, BOXES_STATE_KEY, REFUSAL_STATE_KEY):
        st.session_state.pop(name, None)


def receive_message(model: Any) -> None:
    """Read a message of the camera, predict with `model`, and keep the answer in the session state.

    Checks consent and limits again, because a client can bypass the browser's checks.
    """
    message = st.session_state[CAMERA_KEY].message
    if not isinstance(message, dict):
        return
    if not st.session_state.get(CONSENT_STATE_KEY, False):
        discard_live_prediction()
        st.session_state[REFUSAL_STATE_KEY] = NO_CONSENT_MESSAGE
    elif message.get("first") is True:
        _start_prediction(model)
    number = message.get("number")
    st.session_state[ANSWERED_STATE_KEY] = number if isinstance(number, int) else 0
    st.session_state[BOXES_STATE_KEY] = []
    prediction = current_prediction()
    if prediction is None or not prediction.is_recording:
        return
    prediction.add(_decode_base64(message.get("piece")))
    if message.get("last") is True:
        prediction.finish()
    st.session_state[BOXES_STATE_KEY] = _find_boxes(message.get("pictures"))


def _start_prediction(model: Any) -> None:
    discard_live_prediction()
    prediction = start_live_prediction(model, PREDICTION_QUEUE, visitor_address())
    if prediction is None:
        st.session_state[REFUSAL_STATE_KEY] = TOO_MANY_MESSAGE
    else:
        st.session_state[PREDICTION_STATE_KEY] = prediction


def _find_boxes(received: Any) -> list[dict[str, Any]]:
    """The faces in the pictures of a message; none if they cannot be read, because the recording reports errors."""
    pictures = [_decode_base64(one) for one in received] if isinstance(received, list) else []
    if not pictures or len(pictures) > SNAPSHOT_LIMITS.pictures:
        return []
    try:
        return [{"picture": int(face.time), "box": list(face.box)} for face in find_faces_in_sandbox(pictures)]
    except (MediaError, OSError):
        return []


def _decode_base64(text: Any) -> bytes:
    """The bytes of a text in base64; none if it is not one."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return b""


def camera_state() -> str:
    """The state of the camera component: running, done or refused."""
    prediction = current_prediction()
    if prediction is None:
        return "refused" if REFUSAL_STATE_KEY in st.session_state else "done"
    return "running" if prediction.is_running else "done"


def camera_note() -> str:
    """One sentence on what is unusual: why the camera was refused, an error, a missing input, or a queue."""
    prediction = current_prediction()
    if prediction is None:
        return translate(st.session_state.get(REFUSAL_STATE_KEY, ""))
    if prediction.error is not None:
        is_known = isinstance(prediction.error, MediaError)
        return translate_library_text(str(prediction.error)) if is_known else translate(READ_ERROR_MESSAGE)
    if not prediction.is_running and not prediction.recording:
        return translate(LEFT_MESSAGE)
    if prediction.queue_position:
        text = translate("The server is busy; you are number {number} in the queue.")
        return text.format(number=f"{prediction.queue_position:,}")
    return _note_on_answer(prediction)


def _note_on_answer(prediction: LivePrediction) -> str:
    if not prediction.answers:
        return ""
    outcome = prediction.answers[-1].outcome
    if isinstance(outcome, Unavailable) and outcome.why == NO_PERSON_MESSAGE and prediction.is_running:
        return translate(NO_SPEECH_MESSAGE)
    if isinstance(outcome, Unavailable):
        return translate("Prediction unavailable: {reason}.").format(reason=translate_library_text(outcome.why))
    if outcome.caveat:
        missing = translate_library_text(outcome.caveat)
        return translate("One of the inputs was missing ({input}).").format(input=missing)
    return "" if prediction.is_running else translate(DONE_MESSAGE)
