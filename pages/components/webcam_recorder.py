"""A webcam recorder: the browser records a clip and passes it to the page's file uploader."""

import streamlit as st

from pages.components.language import translate

MAX_RECORDING_SECONDS = 15  # the length of the training clips

RECORDER_STYLE = """
button { font: inherit; color: var(--st-text-color); background: transparent; padding: 0.45rem 0.9rem; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); width: 100%; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:disabled { opacity: 0.4; cursor: not-allowed; }
video { width: 100%; margin-bottom: 0.3rem; border-radius: var(--st-base-radius); transform: scaleX(-1); }
p { margin: 0 0 0.3rem; font-size: 0.8rem; opacity: 0.8; color: var(--st-text-color); font-family: var(--st-font); }
"""
RECORDER_SCRIPT = """
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"]

export default function ({ data, parentElement }) {
  parentElement.stop?.()
  const button = parentElement.querySelector("button"), mirror = parentElement.querySelector("video")
  const note = parentElement.querySelector("p")
  let stream = null, recorder = null, timer = 0

  const show = (text) => { note.textContent = text }
  const end = () => {
    clearInterval(timer)
    stream?.getTracks().forEach((track) => track.stop())
    stream = recorder = null
    mirror.hidden = true
    button.textContent = data.label
  }
  const hand_over = (pieces, kind) => {
    const suffix = kind.includes("mp4") ? "mp4" : "webm", list = new DataTransfer()
    list.items.add(new File(pieces, `recording.${suffix}`, { type: kind.split(";")[0] }))
    const input = document.querySelector(`.st-key-${data.uploader} input[type=file]`)
    input.files = list.files
    input.dispatchEvent(new Event("change", { bubbles: true }))
  }
  const record = () => {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one)), pieces = []
    recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 2500000 })
    recorder.ondataavailable = (event) => pieces.push(event.data)
    recorder.onstop = () => { end(); show(data.texts.recorded); hand_over(pieces, kind) }
    recorder.start()
    let left = data.seconds
    const count = () => {
      show(data.texts.recording.replace("{left}", left))
      if (left-- < 1) recorder.stop()
    }
    count()
    timer = setInterval(count, 1000)
    button.textContent = data.texts.stop
  }
  const begin = async () => {
    if (!navigator.mediaDevices) return show(data.texts.insecure)
    const video = { width: { ideal: 1280 } }, media = navigator.mediaDevices
    try {  // if there is no microphone, record without sound
      stream = await media.getUserMedia({ video, audio: true }).catch(() => media.getUserMedia({ video }))
    } catch (error) {
      return show(data.texts.failed.replace("{reason}", error.message))
    }
    mirror.srcObject = stream
    mirror.hidden = false
    // On a phone, the picture and the countdown would be below the fold; their size is known from now on.
    mirror.onloadedmetadata = () => button.scrollIntoView({ block: "nearest" })
    record()
  }
  button.disabled = data.disabled
  if (!recorder) button.textContent = data.label
  button.onclick = () => (recorder ? recorder.stop() : begin())
  return (parentElement.stop = () => { if (recorder) recorder.onstop = null; end() })
}
"""
RECORDER_HTML = "<video muted autoplay playsinline hidden></video><p role='status'></p><button></button>"

_recorder_component = st.components.v2.component("recorder", html=RECORDER_HTML, css=RECORDER_STYLE, js=RECORDER_SCRIPT)


def draw_webcam_recorder(*, uploader: str, disabled: bool, key: str) -> None:
    """Draw a button that records from the webcam and passes the clip to the uploader with the key `uploader`."""
    label = translate("Record up to {seconds} s").format(seconds=f"{MAX_RECORDING_SECONDS:d}")
    data = {"uploader": uploader, "seconds": MAX_RECORDING_SECONDS, "label": label, "disabled": disabled}
    data["texts"] = {
        "recorded": translate("Recorded."),
        "recording": translate("Recording, {left} s left. Look at the camera and speak."),
        "stop": translate("Stop"),
        "insecure": translate("The camera is not available: open this page on localhost or over HTTPS."),
        "failed": translate("The camera cannot be used: {reason}"),
    }
    _recorder_component(data=data, key=key)
