"""The transcript of a clip: the current phrase is underlined, and a click on a phrase moves the player to it. Words can
be coloured by their effect on a trait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.components.player_clock import PLAYER_CLOCK_SCRIPT
from personality.preprocessing.speech_to_text import Transcript

if TYPE_CHECKING:
    import pandas as pd

BLUE, ORANGE = "86, 180, 233", "230, 159, 0"  # of words that increase and decrease a trait
MAX_WORD_OPACITY = 0.75  # of the colour of the word with the largest effect
TRANSCRIPT_STYLE = """
p { margin: 0; line-height: 1.9; font-family: var(--st-font); color: var(--st-text-color); }
button { all: unset; cursor: pointer; padding: 2px 5px; margin-right: 2px; border-radius: var(--st-base-radius); }
button:hover { background: var(--st-secondary-background-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
button.playing { box-shadow: inset 0 -3px 0 var(--st-primary-color); }
span { border-radius: 3px; padding: 1px; }
small { opacity: 0.65; margin-right: 4px; }
"""
TRANSCRIPT_SCRIPT = (
    PLAYER_CLOCK_SCRIPT
    + """
export default function ({ data, parentElement }) {
  parentElement.stop?.()  // called again with new data: stop the previous loop
  const place = parentElement.querySelector("p")
  const player = () => document.querySelector(`.st-key-${data.player} video, .st-key-${data.player} audio`)
  const draw = ({ text, title, colour }) => {
    const word = document.createElement("span")
    word.textContent = text
    word.title = title
    word.style.background = colour
    return word
  }
  const phrases = data.phrases.map(({ start, end, words }) => {
    const button = document.createElement("button"), time = document.createElement("small")
    time.textContent = `${start.toFixed(1)}\u00a0s`
    button.append(time, ...words.flatMap((one) => [draw(one), " "]))
    button.onclick = () => { const media = player(); if (media) seekClip(media, data.start, start) }
    return { start, end, button }
  })
  place.replaceChildren(...phrases.map((phrase) => phrase.button))
  let timer = 0
  const follow = () => {
    const media = player(), now = media ? clipTime(media, data.start) : 0, time = now > 0 ? now : -1
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
    """Draw the phrases with their start times. start: `Metadata.start`; player: key of the player's container."""
    phrases = [
        {"start": segment.start, "end": segment.end, "words": [{"text": segment.text, "title": "", "colour": ""}]}
        for segment in words.segments
    ]
    _transcript_component(data={"phrases": phrases, "start": start, "player": player}, key=key)


def draw_word_effects(effects: pd.DataFrame, *, start: float, player: str, key: str) -> None:
    """Draw the words of the phrases, coloured by `difference`: rows of one model and trait as of `leave_out_words`."""
    largest = float(effects["difference"].abs().max()) or 1.0
    phrases = [
        {
            "start": first,
            "end": last,
            "words": [_colour_word(row.text, row.difference, largest) for row in words.itertuples()],
        }
        for (first, last), words in effects.groupby(["start", "end"])
    ]
    _transcript_component(data={"phrases": phrases, "start": start, "player": player}, key=key)


def _colour_word(text: str, difference: float, largest: float) -> dict[str, Any]:
    colour = BLUE if difference > 0 else ORANGE
    opacity = MAX_WORD_OPACITY * abs(difference) / largest
    return {"text": text, "title": f"{difference:+.3f}", "colour": f"rgba({colour}, {opacity:.2f})"}
