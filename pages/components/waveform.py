"""The waveform of a clip, with the playback position and the part used by the models; click to move the player."""

import numpy as np
import streamlit as st

from pages.components.language import translate
from pages.components.player_clock import PLAYER_CLOCK_SCRIPT
from personality.constants import PREPROCESSING
from personality.plots.clip_plots import waveform_envelope
from personality.preprocessing.media import Metadata
from personality.preprocessing.sound import Sound

WAVEFORM_COLUMNS = 600  # points of the envelope over the whole clip
WAVEFORM_FULL_SCALE = 100  # value of a full-scale sample as sent to the browser, in short integers

WAVEFORM_STYLE = """
canvas { width: 100%; height: 110px; cursor: pointer; display: block; color: var(--st-text-color);
  border-radius: var(--st-base-radius); }
canvas:focus-visible { outline: 2px solid var(--st-primary-color); }
p { margin: 0; font-size: 0.8rem; opacity: 0.7; color: var(--st-text-color); font-family: var(--st-font); }
"""
WAVEFORM_SCRIPT = (
    PLAYER_CLOCK_SCRIPT
    + """
export default function ({ data, parentElement }) {
  parentElement.stop?.()  // called again with new data: stop the previous loop
  const canvas = parentElement.querySelector("canvas"), note = parentElement.querySelector("p")
  const player = () => document.querySelector(`.st-key-${data.player} video`)
  let shown = -1, width = 0, timer = 0

  const draw = (time) => {
    const scale = window.devicePixelRatio || 1, pen = canvas.getContext("2d")
    canvas.width = canvas.clientWidth * scale
    canvas.height = canvas.clientHeight * scale
    const place = (seconds) => seconds / data.duration * canvas.width, middle = canvas.height / 2
    pen.fillStyle = "rgba(230, 159, 0, 0.15)"
    pen.fillRect(0, 0, place(data.window), canvas.height)
    pen.fillStyle = "#E69F00"
    data.low.forEach((low, column) => {
      const high = data.high[column], x = column / data.low.length * canvas.width
      const top = middle - high / data.loud * middle, height = Math.max(scale, (high - low) / data.loud * middle)
      pen.fillRect(x, top, Math.max(scale, canvas.width / data.low.length), height)
    })
    pen.fillStyle = getComputedStyle(canvas).color
    pen.fillRect(Math.min(place(time), canvas.width - 2 * scale), 0, 2 * scale, canvas.height)
    canvas.setAttribute("aria-valuenow", time.toFixed(1))
    note.textContent = data.note.replace("{time}", time.toFixed(1))
  }
  const follow = () => {
    const video = player(), time = video ? clipTime(video, data.start) : 0
    if (time !== shown || canvas.clientWidth !== width) {
      shown = time
      width = canvas.clientWidth
      draw(time)
    }
    timer = setTimeout(follow, 40)
  }
  const seek = (seconds) => {
    const video = player()
    if (video) seekClip(video, data.start, Math.min(Math.max(seconds, 0), data.duration))
  }
  canvas.setAttribute("aria-label", data.label)
  canvas.setAttribute("aria-valuemax", data.duration.toFixed(1))
  canvas.onclick = (event) => seek(event.offsetX / canvas.clientWidth * data.duration)
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step) {
      seek(shown + step)
      event.preventDefault()
    }
  }
  follow()
  return (parentElement.stop = () => clearTimeout(timer))
}
"""
)
WAVEFORM_HTML = '<canvas tabindex="0" role="slider" aria-valuemin="0"></canvas><p></p>'

_waveform_component = st.components.v2.component("waveform", html=WAVEFORM_HTML, css=WAVEFORM_STYLE, js=WAVEFORM_SCRIPT)


def draw_waveform(sound: Sound, metadata: Metadata, *, player: str, seconds: float, key: str) -> None:
    """Draw the waveform of a clip; nothing for a still image.

    Parameters
    ----------
    sound : Sound
        The sound of the clip.
    metadata : Metadata
        Start and duration of the clip.
    player : str
        Key of the container with the video.
    seconds : float
        How much of the sound the models use, seconds from the start.
    key : str
        Key of this component.
    """
    heard = round(sound.seconds * PREPROCESSING.sample_rate)
    samples = np.concatenate([sound.samples[:heard], sound.rest])
    whole = max(metadata.duration, len(samples) / PREPROCESSING.sample_rate)
    if not whole:
        return
    silence = max(round(whole * PREPROCESSING.sample_rate), WAVEFORM_COLUMNS) - len(samples)
    parts = (
        (waveform_envelope(np.pad(samples, (0, max(silence, 0))), WAVEFORM_COLUMNS) * WAVEFORM_FULL_SCALE)
        .round()
        .astype(int)
    )
    low, high = parts.T.tolist()
    data = {
        "low": low,
        "high": high,
        "loud": WAVEFORM_FULL_SCALE,
        "start": metadata.start,
        "duration": whole,
        "window": seconds,
        "label": translate("Position in the clip, seconds"),
        "note": _describe_position(whole, seconds),
        "player": player,
    }
    _waveform_component(data=data, key=key)


def _describe_position(duration: float, used: float) -> str:
    """The text below the waveform; the script inserts the time of the player, which follows it."""
    text = (
        translate("{time} of {duration} s; shaded: the {used} s used by the models")
        if used
        else translate("{time} of {duration} s; no selected model uses sound")
    )
    return text.format(time="{time}", duration=f"{duration:.1f}", used=f"{used:g}")
