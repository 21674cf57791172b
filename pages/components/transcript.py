"""The transcript of a clip: the current phrase is highlighted, and a click on a phrase moves the player to it."""

import streamlit as st

from pages.components.player_clock import PLAYER_CLOCK_SCRIPT
from personality.preprocessing.speech_to_text import Transcript

TRANSCRIPT_STYLE = """
p { margin: 0; line-height: 1.9; font-family: var(--st-font); color: var(--st-text-color); }
button { all: unset; cursor: pointer; padding: 2px 5px; margin-right: 2px; border-radius: var(--st-base-radius); }
button:hover { background: var(--st-secondary-background-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
button.playing { background: color-mix(in srgb, var(--st-primary-color) 25%, transparent); }
small { opacity: 0.65; margin-right: 4px; }
"""
TRANSCRIPT_SCRIPT = (
    PLAYER_CLOCK_SCRIPT
    + """
export default function ({ data, parentElement }) {
  parentElement.stop?.()  // called again with new data: stop the previous loop
  const place = parentElement.querySelector("p")
  const player = () => document.querySelector(`.st-key-${data.player} video`)
  const phrases = data.segments.map(([start, end, text]) => {
    const button = document.createElement("button"), time = document.createElement("small")
    time.textContent = `${start.toFixed(1)} s`
    button.append(time, text)
    button.onclick = () => { const video = player(); if (video) seekClip(video, data.start, start) }
    return { start, end, button }
  })
  place.replaceChildren(...phrases.map((phrase) => phrase.button))
  let timer = 0
  const follow = () => {
    const video = player(), now = video ? clipTime(video, data.start) : 0, time = now > 0 ? now : -1
    phrases.forEach(({ start, end, button }) => button.classList.toggle("playing", time >= start && time < end))
    timer = setTimeout(follow, 100)
  }
  follow()
  return (parentElement.stop = () => clearTimeout(timer))
}
"""
)

_transcript_component = st.components.v2.component(
    "transcript", html="<p></p>", css=TRANSCRIPT_STYLE, js=TRANSCRIPT_SCRIPT
)


def draw_clickable_transcript(words: Transcript, *, start: float, player: str, key: str) -> None:
    """Draw the phrases with their start times. start: `Metadata.start`; player: key of the container with the video."""
    segments = [(segment.start, segment.end, segment.text) for segment in words.segments]
    _transcript_component(data={"segments": segments, "start": start, "player": player}, key=key)
