"""Input of a clip on the Predict page: upload, webcam recording or sample; and its deletion."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import explanations, many_clips, model_store
from pages.components.language import mark_text, translate, translate_plain, translate_plural
from pages.components.uploads import delete_uploaded_file
from pages.components.webcam_recorder import draw_webcam_recorder
from personality.assets import demo
from personality.constants import LIMITS, PREDICTED_SUFFIXES, upload_limits
from personality.utils.public_mode import is_public

VIDEO_UPLOAD_TYPES = [suffix[1:] for suffix in PREDICTED_SUFFIXES]
# Labels of the sample clips, by file name.
SAMPLE_CLIP_LABELS = {
    demo.DEMO_SPEECH_CLIP_FILE.name: mark_text("English sample"),
    demo.DEMO_CLIP_FILE.name: mark_text("practice sample"),
}
# Session state: the name and bytes of the clip, and the number of uploads so far.
CLIP_STATE_KEY, UPLOAD_COUNT_STATE_KEY = "clip", "uploads"
# Session state: the pieces read from the clip, the predictions for it, and the number of the selected person.
READ_PIECES_STATE_KEY, PREDICTIONS_STATE_KEY, PERSON_STATE_KEY = "read_pieces", "predictions", "person"
# Session state: the number of the person to compare with, what was read of that person, and the predictions.
OTHER_PERSON_STATE_KEY, OTHER_READ_STATE_KEY, OTHER_PREDICTIONS_STATE_KEY = (
    *("compare_person", "other_read_pieces", "other_predictions"),
)


def cached_pieces(name: str, key: str) -> list:
    """The pieces that the session state keeps under `name`, if they are those of `key`; otherwise none."""
    cached_key, pieces = st.session_state.get(name, (None, []))
    return pieces if cached_key == key else []


def choose_clip() -> tuple[str, bytes] | None:
    """The name and bytes of the current clip, with a button to delete it; without a clip, draw the inputs."""
    if CLIP_STATE_KEY not in st.session_state:
        if many_clips.CLIPS_STATE_KEY in st.session_state:
            many_clips.draw_many_clips(open_clip)
        else:
            draw_clip_inputs()
        return None
    name, data = st.session_state[CLIP_STATE_KEY]
    left, right = st.columns([3, 1], vertical_alignment="center")
    label = SAMPLE_CLIP_LABELS.get(st.session_state.get(model_store.SAMPLE_STATE_KEY, ""), mark_text("your clip"))
    left.markdown(f":material/movie: **{translate_plain(label).capitalize()}**")
    is_of_table = many_clips.CLIPS_STATE_KEY in st.session_state
    text, icon = (
        (translate("Back to the table"), "arrow_back") if is_of_table else (translate("Delete this clip"), "delete")
    )
    right.button(text, icon=f":material/{icon}:", key="delete_clip", width="stretch", on_click=discard_clip)
    return name, data


def draw_clip_inputs() -> None:
    """A consent checkbox, then an uploader and a recorder; the samples need no consent."""
    st.checkbox(
        translate(
            "The person in the video is me or has agreed to this, and so has everyone else who can be seen or heard. I "
            "understand that expressions and first impressions are estimated, and that faces are compared to tell "
            "people apart."
        ),
        key="consent",
    )
    ready = st.session_state.get("consent", False)
    hint = st.empty()  # always there: otherwise the uploader below would be replaced when the box is ticked
    if not ready:
        hint.caption(translate(":material/arrow_upward: Tick this box to upload or record a video."))
    # A new key after each clip resets the uploader.
    key = f"video_{st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0)}"
    left, right = st.columns([3, 1])
    size = upload_limits().file_bytes // 2**20
    left.file_uploader(
        label_uploader(size),
        type=VIDEO_UPLOAD_TYPES,
        key=key,
        accept_multiple_files=not is_public(),
        disabled=not ready,
        max_upload_size=size,
        on_change=store_uploaded_clip,
        args=(key,),
    )
    with right:
        draw_webcam_recorder(uploader=key, disabled=not ready, key="recorder")
        for key, path in (("sample", demo.DEMO_SPEECH_CLIP_FILE), ("practice_sample", demo.DEMO_CLIP_FILE)):
            label = translate("Try the {sample}").format(sample=translate_plain(SAMPLE_CLIP_LABELS[path.name]))
            icon = ":material/play_circle:"
            st.button(label, icon=icon, key=key, width="stretch", on_click=load_sample_clip, args=(path,))


def label_uploader(megabytes: int) -> str:
    """What can be uploaded; several files only on a private server."""
    text = (
        translate("Video or sound of a person speaking (up to {size} MB and {seconds} s)")
        if is_public()
        else translate(
            "Video or sound of a person speaking (up to {size} MB and {seconds} s; several files become a table)"
        )
    )
    return text.format(size=f"{megabytes:,}", seconds=f"{LIMITS.seconds:.0f}")


def store_uploaded_clip(key: str) -> None:
    """Keep the upload in the session state and reset the uploader; several files become the clips of a table.

    Checks size and consent again, because a client can bypass the browser's checks.
    """
    received = st.session_state.get(key)
    files = [
        file for file in (received if isinstance(received, list) else [received]) if isinstance(file, UploadedFile)
    ]
    if not files:  # none, or one already taken that the browser reports again
        return
    allowed = st.session_state.get("consent", False)
    taken = [(file.name, file.getvalue()) for file in files if allowed and file.size <= upload_limits().file_bytes]
    for file in files:
        delete_uploaded_file(file)
    discard_clip()
    if len(files) > 1 and not is_public():
        left_out = len(files) - len(taken) + many_clips.add_clips(taken)
        if left_out:
            text = translate_plural(
                "{count} file was left out: it is too large, or there are too many.",
                "{count} files were left out: they are too large, or there are too many.",
                left_out,
            )
            st.toast(text.format(count=f"{left_out:,}"))
    elif taken:
        st.session_state[CLIP_STATE_KEY] = taken[0]


def open_clip(name: str, data: bytes) -> None:
    """Show one of the clips of the table."""
    discard_clip()
    st.session_state[CLIP_STATE_KEY] = (name, data)


def load_sample_clip(path: Path) -> None:
    """Use a sample clip of a computer-made person."""
    discard_clip()
    st.session_state[model_store.SAMPLE_STATE_KEY] = path.name
    st.session_state[CLIP_STATE_KEY] = (path.name, path.read_bytes())


def discard_clip() -> None:
    """Delete the clip and everything computed from it."""
    computed = READ_PIECES_STATE_KEY, PREDICTIONS_STATE_KEY, PERSON_STATE_KEY
    compared = OTHER_PERSON_STATE_KEY, OTHER_READ_STATE_KEY, OTHER_PREDICTIONS_STATE_KEY
    for name in (CLIP_STATE_KEY, model_store.SAMPLE_STATE_KEY, *computed, *compared):
        st.session_state.pop(name, None)
    explanations.discard_explanations()
    st.session_state[UPLOAD_COUNT_STATE_KEY] = st.session_state.get(UPLOAD_COUNT_STATE_KEY, 0) + 1
