"""Boxes drawn over a playing video."""

from collections.abc import Sequence

import streamlit as st

from pages.components.player_clock import PLAYER_CLOCK_SCRIPT

VIDEO_BOXES_SCRIPT = (
    PLAYER_CLOCK_SCRIPT
    + """
export default function ({ data, parentElement }) {
  parentElement.stop?.()  // called again with new data: remove the previous canvas
  const canvas = document.createElement("canvas")
  canvas.style.cssText = "position: absolute; pointer-events: none"
  canvas.dataset.testid = "boxes"
  let timer = 0, before = ""

  const nearest = (time) => data.faces.reduce((best, face) =>
    Math.abs(face.time - time) < Math.abs((best?.time ?? Infinity) - time) ? face : best, null)
  const draw = (video, face) => {
    const scale = window.devicePixelRatio || 1, pen = canvas.getContext("2d")
    Object.assign(canvas.style, { left: `${video.offsetLeft}px`, top: `${video.offsetTop}px`,
      width: `${video.clientWidth}px`, height: `${video.clientHeight}px` })
    canvas.width = video.clientWidth * scale
    canvas.height = video.clientHeight * scale
    if (!face) return
    const zoom = Math.min(canvas.width / data.width, canvas.height / data.height)  // keeps the aspect ratio
    const x = (canvas.width - data.width * zoom) / 2, y = (canvas.height - data.height * zoom) / 2
    const [left, top, right, bottom] = face.box.map((side) => side * zoom)
    pen.strokeStyle = "#E69F00"
    pen.lineWidth = 2 * scale
    pen.strokeRect(x + left, y + top, right - left, bottom - top)
    pen.font = `${12 * scale}px sans-serif`
    const high = 17 * scale, words = Math.max(y + top - high, 0), width = pen.measureText(face.words).width + 8 * scale
    pen.fillStyle = "rgba(0, 0, 0, 0.65)"
    pen.fillRect(x + left, words, width, high)
    pen.fillStyle = "#E69F00"
    pen.fillText(face.words, x + left + 4 * scale, words + 13 * scale)
  }
  const follow = () => {
    const video = document.querySelector(`.st-key-${data.player} video`)
    if (video) {
      if (canvas.parentElement !== video.parentElement) {
        video.parentElement.style.position = "relative"
        video.parentElement.append(canvas)
      }
      const time = clipTime(video, data.start), face = nearest(time)
      const shown = face && Math.abs(face.time - time) <= data.reach
      const now = [shown && face.time, video.clientWidth, video.clientHeight].join()
      if (now !== before) draw(video, shown ? face : null)
      before = now
    }
    timer = setTimeout(follow, 40)
  }
  follow()
  return (parentElement.stop = () => { clearTimeout(timer); canvas.remove() })
}
"""
)

_video_boxes_component = st.components.v2.component("overlay", js=VIDEO_BOXES_SCRIPT)


def draw_boxes(
    boxes: Sequence[dict], *, size: tuple[int, int], duration: float, player: str, key: str, start: float = 0.0
) -> None:
    """Draw boxes over a playing video, each while it is the nearest in time.

    Parameters
    ----------
    boxes : sequence of dict
        `time` in seconds, `box` (left, top, right, bottom) in pixels of the video, and the `words` above it.
    size : tuple of int
        Width and height of the video in pixels.
    duration : float
        Seconds.
    player : str
        Key of the container with the video.
    key : str
        Key of this component.
    start : float
        `Metadata.start` of the video, seconds.
    """
    reach = max(duration / max(len(boxes), 1), 0.2)
    width, height = size
    data = {"player": player, "width": width, "height": height, "reach": reach, "start": start, "faces": list(boxes)}
    _video_boxes_component(data=data, key=key)
