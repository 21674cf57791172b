"""The camera as a stream: a mirror with boxes, which sends pictures and pieces of a recording as the server answers."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from personality.preprocessing.snapshots import SNAPSHOT_LIMITS

PICTURE_WIDTH = 480  # pixels of the pictures in which faces are searched; the detector requires faces of 80 pixels
PICTURE_INTERVAL_MS = 125  # 8 pictures per second
MAX_PIECE_BYTES = 300_000  # of the recording per message: with the pictures, and in base64, less than one megabyte
VIDEO_BITS_PER_SECOND = 1_000_000
MAX_SILENCE_MS = 20_000  # without an answer of the server, after which the camera is closed

LIVE_CAMERA_STYLE = """
.stage { position: relative; margin: 0 auto 0.3rem; scroll-margin-top: 4rem; }
.stage video, .stage canvas { position: absolute; inset: 0; width: 100%; height: 100%; transform: scaleX(-1); }
.stage video { border-radius: var(--st-base-radius); object-fit: fill; }
button { font: inherit; color: var(--st-text-color); background: transparent; padding: 0.45rem 0.9rem; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); width: 100%; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:disabled { opacity: 0.4; cursor: not-allowed; }
p { margin: 0 0 0.3rem; font-size: 0.875rem; min-height: 2.6em; color: var(--st-text-color);
  font-family: var(--st-font); }
"""
LIVE_CAMERA_HTML = """<div class="stage" hidden><video muted autoplay playsinline></video><canvas></canvas></div>
<p role="status"></p><button></button>"""
LIVE_CAMERA_SCRIPT = """
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"]
const QUALITIES = [0.7, 0.4, 0.2]  // of the pictures, until one is small enough
const TICK_MS = 40, BOX_KEPT_MS = 1500, RATE_MS = 2000
const isPhone = () => window.innerWidth < 640

const fill = (text, values) => text.replace(/{(\\w+)}/g, (_, name) => values[name])
const toBase64 = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader()
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1))
  reader.onerror = reject
  reader.readAsDataURL(blob)
})

const makeCamera = (parent) => {
  const [stage, mirror, canvas, note, button] =
    [".stage", "video", "canvas", "p", "button"].map((name) => parent.querySelector(name))
  const paper = document.createElement("canvas")  // on which a picture is made as small as the server needs it
  let data = null, send = null, stream = null, recorder = null, timer = 0, started = 0, why = ""
  let recording = new Blob(), bytesSent = 0, isComplete = false, isActive = false
  let number = 0, isWaiting = false, sentAt = 0, pictures = [], sent = [], boxes = [], drawn = [], delay = 0, faceAt = 0

  const show = (text) => { if (note.textContent !== text) note.textContent = text }
  const closeCamera = () => {
    stream?.getTracks().forEach((track) => track.stop())
    stream = null
    stage.hidden = true
  }
  const end = () => {
    clearInterval(timer)
    if (recorder?.state === "recording") { recorder.onstop = null; recorder.stop() }
    recorder = null
    isActive = false
    closeCamera()
    button.textContent = data.texts.start
    button.disabled = data.disabled
  }
  const stop = (reason) => {
    why = reason
    if (recorder?.state === "recording") recorder.stop()
  }

  const takePicture = (now) => {
    if (pictures.length && now - pictures.at(-1).time < data.picture_interval - TICK_MS / 2) return
    paper.width = Math.min(data.picture_width, mirror.videoWidth)
    paper.height = Math.round(paper.width * mirror.videoHeight / mirror.videoWidth)
    paper.getContext("2d").drawImage(mirror, 0, 0, paper.width, paper.height)
    const jpeg = QUALITIES.map((quality) => () => paper.toDataURL("image/jpeg", quality).split(",")[1])
      .reduce((found, make) => (found && found.length * 3 / 4 < data.picture_bytes ? found : make()), "")
    pictures.push({ time: now, jpeg })
    if (pictures.length > data.pictures) pictures.shift()  // a slow server searches fewer of them, not later
  }
  const sendMessage = async (now) => {
    isWaiting = true
    sentAt = now
    sent = pictures.filter((one) => one.jpeg.length * 3 / 4 < data.picture_bytes)
    pictures = []
    const piece = recording.slice(bytesSent, bytesSent + data.piece_bytes)
    bytesSent += piece.size
    const isFirst = number === 0
    number = isFirst ? Math.ceil(Math.random() * 2 ** 30) : number + 1
    const message = { number, first: isFirst, pictures: sent.map((one) => one.jpeg), piece: await toBase64(piece),
      last: isComplete && bytesSent >= recording.size }
    if (isActive) send("message", message)
  }
  const receive = (now) => {
    isWaiting = false
    delay = sent.length ? now - sent[0].time : delay
    canvas.dataset.delay = Math.round(delay)
    boxes = [...boxes, ...data.boxes.map((one) => ({ time: sent[one.picture]?.time ?? 0, box: one.box }))]
    if (data.boxes.length) faceAt = now
    if (data.state === "refused" || data.state === "done") { const text = data.note; end(); show(text) }
  }

  const drawBox = (now) => {
    boxes = boxes.filter((one, n) => now - delay < (boxes[n + 1]?.time ?? one.time + BOX_KEPT_MS))
    const current = boxes[0]?.time <= now - delay ? boxes[0] : null
    if (current === null ? !drawn.isVisible : current === drawn.at(-1)?.of) return
    drawn.isVisible = current !== null
    const scale = window.devicePixelRatio || 1, pen = canvas.getContext("2d")
    canvas.width = canvas.clientWidth * scale
    canvas.height = canvas.clientHeight * scale
    if (current === null) return
    drawn.push({ of: current, time: now })
    canvas.dataset.drawn = Number(canvas.dataset.drawn ?? 0) + 1
    const [left, top, right, bottom] = current.box.map((side) => side * canvas.width / paper.width)
    pen.strokeStyle = "#E69F00"
    pen.lineWidth = 3 * scale
    pen.strokeRect(left, top, right - left, bottom - top)
  }
  const describe = (now) => {
    if (recorder?.state !== "recording") return data.note || why || data.texts.reading
    const left = Math.max(0, Math.ceil(data.seconds - (now - started) / 1000))
    const values = { left, rate: (drawn.filter((one) => now - one.time < RATE_MS).length * 1000 / RATE_MS).toFixed(0),
      delay: (delay / 1000).toFixed(1) }
    const noFace = now - Math.max(faceAt, started) > 3000 && delay ? ` ${data.texts.no_face}` : ""
    const text = fill(drawn.length ? data.texts.following : data.texts.recording, values)
    return `${text}${noFace}${data.note ? ` ${data.note}` : ""}`
  }
  const tick = () => {
    const now = performance.now()
    if (recorder?.state === "recording") {
      if (mirror.videoWidth) takePicture(now)
      drawBox(now)
      if (now - started > data.seconds * 1000) stop("")
    }
    if (now - sentAt > data.silence) { end(); return show(data.texts.no_answer) }
    if (!isWaiting && now - sentAt >= data.interval) sendMessage(now)
    show(describe(now))
  }

  const record = () => {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one))
    recording = new Blob(); bytesSent = number = delay = faceAt = 0; isComplete = isWaiting = false; why = ""
    pictures = []; sent = []; boxes = []; drawn = []
    canvas.dataset.drawn = 0
    recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: data.bits_per_second })
    recorder.ondataavailable = (event) => { recording = new Blob([recording, event.data], { type: kind }) }
    recorder.onstop = () => { isComplete = true; closeCamera(); button.disabled = true }
    recorder.onerror = () => stop(data.texts.no_camera)
    started = sentAt = performance.now()
    isActive = true
    recorder.start(data.interval)
    timer = setInterval(tick, TICK_MS)
    button.textContent = data.texts.stop
  }
  const begin = async () => {
    if (!navigator.mediaDevices || !window.MediaRecorder) return show(data.texts.no_access)
    const video = { width: { ideal: 640 }, height: { ideal: 480 } }, media = navigator.mediaDevices
    button.disabled = true
    try {  // if there is no microphone, record without sound
      stream = await media.getUserMedia({ video, audio: true }).catch(() => media.getUserMedia({ video }))
    } catch (error) {
      button.disabled = data.disabled
      return show(error.name === "NotAllowedError" ? data.texts.not_allowed : data.texts.no_camera)
    }
    if (!parent.isConnected) return closeCamera()  // the visitor left while the browser asked
    stream.getVideoTracks()[0].onended = () => stop(data.texts.no_camera)
    mirror.srcObject = stream
    mirror.onloadedmetadata = () => {
      const ratio = mirror.videoWidth / mirror.videoHeight
      stage.style.aspectRatio = ratio
      stage.style.width = `min(100%, ${(isPhone() ? 34 : 45) * ratio}vh)`
      stage.hidden = false
      // On a phone, the mirror moves to the top, so that the traits are visible below the button.
      isPhone() ? stage.scrollIntoView({ block: "start" }) : button.scrollIntoView({ block: "nearest" })
      record()
      button.disabled = false
    }
  }
  const leave = () => { if (document.hidden && isActive) stop(data.texts.hidden) }
  document.addEventListener("visibilitychange", leave)

  button.onclick = () => (recorder?.state === "recording" ? stop("") : begin())
  return {
    update: (news, setTriggerValue) => {
      const isTranslated = data !== null && data.texts.start !== news.texts.start;  // since the last update
      [data, send] = [news, setTriggerValue]
      if (isActive && data.disabled) end()
      if (!isActive) {
        button.textContent = data.texts.start
        button.disabled = data.disabled
        if (!note.textContent || isTranslated) show(data.note)
      } else if (isWaiting && data.answered === number) receive(performance.now())
    },
    close: () => { document.removeEventListener("visibilitychange", leave); end(); parent.camera = null },
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.camera ??= makeCamera(parentElement)
  parentElement.camera.update(data, setTriggerValue)
  return parentElement.camera.close
}
"""

_live_camera_component = st.components.v2.component(
    "live_camera", html=LIVE_CAMERA_HTML, css=LIVE_CAMERA_STYLE, js=LIVE_CAMERA_SCRIPT
)


def draw_live_camera(
    *,
    state: str,
    answered: int,
    boxes: Sequence[dict[str, Any]],
    note: str,
    texts: dict[str, str],
    seconds: float,
    interval: float,
    disabled: bool,
    on_message: Callable[[], None],
    key: str,
) -> None:
    """Draw a button that opens the camera, and the mirror while it is open.

    The browser sends a message at most every `interval` seconds, and only after the previous one was answered.

    Parameters
    ----------
    state : str
        "running", "done" after the last prediction, or "refused" if no more messages are read.
    answered : int
        Number of the last message that was read.
    boxes : sequence of dict
        The faces in the pictures of that message: `picture`, its index, and `box` in pixels of the picture.
    note : str
        A sentence to show below the mirror.
    texts : dict of str to str
        The texts of the component in the language of the page, see `live_session.CAMERA_TEXTS`.
    seconds : float
        Duration of a recording, after which the camera is closed.
    interval : float
        Seconds between messages.
    disabled : bool
        Whether the camera may not be opened.
    on_message : callable
        Called for each message, which is then the attribute `message` of `key` in the session state: its `number`,
        whether it is the `first` or `last`, and `pictures` and a `piece` of the recording in base64.
    key : str
        Key of this component.
    """
    data = {
        **{"state": state, "answered": answered, "boxes": list(boxes), "note": note, "texts": texts},
        **{"seconds": seconds, "interval": interval * 1000, "disabled": disabled, "silence": MAX_SILENCE_MS},
        **{"picture_width": PICTURE_WIDTH, "picture_interval": PICTURE_INTERVAL_MS},
        **{"pictures": SNAPSHOT_LIMITS.pictures, "picture_bytes": SNAPSHOT_LIMITS.picture_bytes},
        **{"piece_bytes": MAX_PIECE_BYTES, "bits_per_second": VIDEO_BITS_PER_SECOND},
    }
    _live_camera_component(data=data, key=key, on_message_change=on_message)
