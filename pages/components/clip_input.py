"""How a clip comes to the Predict page: uploaded, recorded, or the sample; and how it is forgotten."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import explanations, model_store
from pages.components.uploads import let_go
from pages.components.webcam_recorder import recorder
from personality.assets import demo
from personality.constants import LIMITS
from personality.preprocessing.media import VIDEO_SUFFIXES

KINDS = [suffix[1:] for suffix in VIDEO_SUFFIXES]
# What the sample clips are called, by file name.
SAMPLES = {demo.SPEECH_CLIP.name: "the sample that speaks English", demo.CLIP.name: "the practice sample"}
CLIP, NUMBER = "clip", "uploads"  # of the session: name and bytes; how many uploads there have been


def choose() -> tuple[str, bytes] | None:
    """The name and bytes of the clip that is shown, with a way to forget it; or the ways to bring one."""
    if CLIP not in st.session_state:
        bring()
        return None
    name, data = st.session_state[CLIP]
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(f":material/movie: **{SAMPLES.get(st.session_state.get(model_store.SAMPLE, ''), 'your clip')}**")
    right.button("Forget this clip", icon=":material/delete:", key="forget", width="stretch", on_click=forget)
    return name, data


def bring() -> None:
    """Consent, then an uploader and a recorder; the sample needs none."""
    st.checkbox(
        "The person in the video is me or agreed to this. I have read that expressions and impressions are estimated.",
        key="consent",
    )
    ready = st.session_state.get("consent", False)
    # A new key each time: the uploader of a clip that was taken or dropped is gone.
    key = f"video_{st.session_state.get(NUMBER, 0)}"
    left, right = st.columns([3, 1])
    size = LIMITS.upload_bytes // 2**20
    label = f"A video of one person speaking, up to {size} MB and {LIMITS.seconds:.0f} s"
    left.file_uploader(
        label, type=KINDS, key=key, disabled=not ready, max_upload_size=size, on_change=take_upload, args=(key,)
    )
    with right:
        recorder(uploader=key, disabled=not ready, key="recorder")
        for key, path in (("sample", demo.SPEECH_CLIP), ("practice_sample", demo.CLIP)):
            icon, label = ":material/play_circle:", f"Try {SAMPLES[path.name]}"
            st.button(label, icon=icon, key=key, width="stretch", on_click=take_sample, args=(path,))


def take_upload(key: str) -> None:
    """Keep the upload for this session; its uploader goes. The browser checks its size too, but browsers can be told
    otherwise, and so can consent."""
    file = st.session_state.get(key)
    allowed = st.session_state.get("consent", False)
    if not isinstance(file, UploadedFile):  # none, or one that was taken a moment ago and that the browser names again
        return
    data = file.getvalue() if allowed and file.size <= LIMITS.upload_bytes else None
    let_go(file)
    forget()
    if data is not None:
        st.session_state[CLIP] = (file.name, data)


def take_sample(path: Path) -> None:
    """Show a computer-made person."""
    forget()
    st.session_state[model_store.SAMPLE] = path.name
    st.session_state[CLIP] = (path.name, path.read_bytes())


def forget() -> None:
    """Drop the clip and everything that was worked out for it."""
    for name in (CLIP, model_store.SAMPLE, "reading", "answers", "person"):
        st.session_state.pop(name, None)
    explanations.forget()
    st.session_state[NUMBER] = st.session_state.get(NUMBER, 0) + 1
