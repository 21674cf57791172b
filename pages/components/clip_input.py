"""Input of a clip on the Predict page: upload, webcam recording or sample; and its deletion."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import explanations, model_store
from pages.components.uploads import delete_uploaded_file
from pages.components.webcam_recorder import draw_webcam_recorder
from personality.assets import demo
from personality.constants import LIMITS, upload_limits
from personality.preprocessing.media import VIDEO_SUFFIXES

VIDEO_UPLOAD_TYPES = [suffix[1:] for suffix in VIDEO_SUFFIXES]
# Labels of the sample clips, by file name.
SAMPLE_CLIP_LABELS = {
    demo.DEMO_SPEECH_CLIP_FILE.name: "English sample",
    demo.DEMO_CLIP_FILE.name: "practice sample",
}
# Session state: the name and bytes of the clip, and the number of uploads so far.
CLIP_STATE_KEY, UPLOAD_COUNT_STATE_KEY = "clip", "uploads"


def choose_clip() -> tuple[str, bytes] | None:
    """The name and bytes of the current clip, with a button to delete it; without a clip, draw the inputs."""
    if CLIP_STATE_KEY not in st.session_state:
        draw_clip_inputs()
        return None
    name, data = st.session_state[CLIP_STATE_KEY]
    left, right = st.columns([3, 1], vertical_alignment="center")
    label = SAMPLE_CLIP_LABELS.get(st.session_state.get(model_store.SAMPLE_STATE_KEY, ""), "your clip")
    left.markdown(f":material/movie: **{label.capitalize()}**")
    right.button("Delete this clip", icon=":material/delete:", key="forget", width="stretch", on_click=discard_clip)
    return name, data


def draw_clip_inputs() -> None:
    """A consent checkbox, then an uploader and a recorder; the samples need no consent."""
    st.checkbox(
        "The person in the video is me or has agreed to this. I understand that expressions and first impressions are "
        "estimated.",
        key="consent",
    )
    ready = st.session_state.get("consent", False)
    # A new key after each clip resets the uploader.
    key = f"video_{st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0)}"
    left, right = st.columns([3, 1])
    size = upload_limits().file_bytes // 2**20
    label = f"Video of one person speaking (up to {size} MB and {LIMITS.seconds:.0f} s)"
    left.file_uploader(
        label,
        type=VIDEO_UPLOAD_TYPES,
        key=key,
        disabled=not ready,
        max_upload_size=size,
        on_change=store_uploaded_clip,
        args=(key,),
    )
    with right:
        draw_webcam_recorder(uploader=key, disabled=not ready, key="recorder")
        for key, path in (("sample", demo.DEMO_SPEECH_CLIP_FILE), ("practice_sample", demo.DEMO_CLIP_FILE)):
            icon, label = ":material/play_circle:", f"Try the {SAMPLE_CLIP_LABELS[path.name]}"
            st.button(label, icon=icon, key=key, width="stretch", on_click=load_sample_clip, args=(path,))


def store_uploaded_clip(key: str) -> None:
    """Keep the upload in the session state and reset the uploader.

    Checks size and consent again, because a client can bypass the browser's checks.
    """
    file = st.session_state.get(key)
    allowed = st.session_state.get("consent", False)
    if not isinstance(file, UploadedFile):  # no file, or one already taken that the browser reports again
        return
    data = file.getvalue() if allowed and file.size <= upload_limits().file_bytes else None
    delete_uploaded_file(file)
    discard_clip()
    if data is not None:
        st.session_state[CLIP_STATE_KEY] = (file.name, data)


def load_sample_clip(path: Path) -> None:
    """Use a sample clip of a computer-made person."""
    discard_clip()
    st.session_state[model_store.SAMPLE_STATE_KEY] = path.name
    st.session_state[CLIP_STATE_KEY] = (path.name, path.read_bytes())


def discard_clip() -> None:
    """Delete the clip and everything computed from it."""
    for name in (CLIP_STATE_KEY, model_store.SAMPLE_STATE_KEY, "reading", "answers", "person"):
        st.session_state.pop(name, None)
    explanations.discard_explanations()
    st.session_state[UPLOAD_COUNT_STATE_KEY] = st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0) + 1
