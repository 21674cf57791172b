"""A page with a player and the components that follow it, for the clip of the workspace that the address names."""

import streamlit as st

from pages.components.transcript import draw_clickable_transcript
from pages.components.waveform import draw_waveform
from personality.preprocessing.media import open_media
from personality.preprocessing.speech_to_text import Segment, Transcript
from personality.utils.workspace import workspace_folder


def draw_page() -> None:
    """Draw the player, the waveform and a transcript."""
    clip = workspace_folder() / st.query_params["clip"]
    with open_media(clip) as video:
        metadata, sound = video.metadata, video.sound()
    st.title("A clip")
    with st.container(key="player"):
        st.video(clip.read_bytes())
    draw_waveform(sound, metadata, player="player", seconds=0.0, key="waveform")
    words = Transcript("early late", (Segment(0.5, 1.0, "early"), Segment(2.0, 2.5, "late")))
    draw_clickable_transcript(words, start=metadata.start, player="player", key="transcript")


if __name__ == "__main__":
    draw_page()
