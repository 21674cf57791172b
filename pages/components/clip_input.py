"""How a clip comes to the Predict page: uploaded, recorded, or the sample; and how it is forgotten."""

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
# What the sample clips are called, by file name.
SAMPLE_CLIP_LABELS = {
    demo.DEMO_SPEECH_CLIP_FILE.name: "the sample that speaks English",
    demo.DEMO_CLIP_FILE.name: "the practice sample",
}
CLIP_STATE_KEY, UPLOAD_COUNT_STATE_KEY = (
    "clip",
    "uploads",
)  # of the session: name and bytes; how many uploads there have been


def choose_clip() -> tuple[str, bytes] | None:
    """The name and bytes of the clip that is shown, with a way to forget it; or the ways to bring one."""
    if CLIP_STATE_KEY not in st.session_state:
        draw_clip_inputs()
        return None
    name, data = st.session_state[CLIP_STATE_KEY]
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(
        ":material/movie: "
        f"**{SAMPLE_CLIP_LABELS.get(st.session_state.get(model_store.SAMPLE_STATE_KEY, ''), 'your clip')}**"
    )
    right.button("Forget this clip", icon=":material/delete:", key="forget", width="stretch", on_click=discard_clip)
    return name, data


def draw_clip_inputs() -> None:
    """Consent, then an uploader and a recorder; the sample needs none."""
    st.checkbox(
        "The person in the video is me or agreed to this. I have read that expressions and impressions are estimated.",
        key="consent",
    )
    ready = st.session_state.get("consent", False)
    # A new key each time: the uploader of a clip that was taken or dropped is gone.
    key = f"video_{st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0)}"
    left, right = st.columns([3, 1])
    size = upload_limits().file_bytes // 2**20
    label = f"A video of one person speaking, up to {size} MB and {LIMITS.seconds:.0f} s"
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
            icon, label = ":material/play_circle:", f"Try {SAMPLE_CLIP_LABELS[path.name]}"
            st.button(label, icon=icon, key=key, width="stretch", on_click=load_sample_clip, args=(path,))


def store_uploaded_clip(key: str) -> None:
    """Keep the upload for this session; its uploader goes. The browser checks its size too, but browsers can be told
    otherwise, and so can consent."""
    file = st.session_state.get(key)
    allowed = st.session_state.get("consent", False)
    if not isinstance(file, UploadedFile):  # none, or one that was taken a moment ago and that the browser names again
        return
    data = file.getvalue() if allowed and file.size <= upload_limits().file_bytes else None
    delete_uploaded_file(file)
    discard_clip()
    if data is not None:
        st.session_state[CLIP_STATE_KEY] = (file.name, data)


def load_sample_clip(path: Path) -> None:
    """Show a computer-made person."""
    discard_clip()
    st.session_state[model_store.SAMPLE_STATE_KEY] = path.name
    st.session_state[CLIP_STATE_KEY] = (path.name, path.read_bytes())


def discard_clip() -> None:
    """Drop the clip and everything that was worked out for it."""
    for name in (CLIP_STATE_KEY, model_store.SAMPLE_STATE_KEY, "reading", "answers", "person"):
        st.session_state.pop(name, None)
    explanations.discard_explanations()
    st.session_state[UPLOAD_COUNT_STATE_KEY] = st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0) + 1
