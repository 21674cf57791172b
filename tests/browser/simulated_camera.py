"""Flags of Chromium for a simulated camera and microphone that show and play computer-made people."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np

from personality.assets import demo
from personality.preprocessing.media import open_media


def simulate_camera(folder: Path) -> list[str]:
    """Write what the camera shows, the practice sample, and what the microphone plays, the English sample, into a
    folder, and return the flags."""
    camera = as_pictures(demo.DEMO_CLIP_FILE, folder / "camera.mjpeg")
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    microphone = as_sound(demo.DEMO_SPEECH_CLIP_FILE, folder / "microphone.wav")
    return [*flags, f"--use-file-for-fake-video-capture={camera}", f"--use-file-for-fake-audio-capture={microphone}"]


def as_pictures(clip: Path, out: Path) -> Path:
    """Convert a clip to MJPEG, the format of Chromium's simulated camera."""
    with av.open(str(clip)) as source, av.open(str(out), "w", format="mjpeg") as target:
        stream = target.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuvj420p"
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="yuvj420p")))
        target.mux(stream.encode(None))
    return out


def as_sound(clip: Path, out: Path) -> Path:
    """Convert the sound of a clip to WAV, the format of Chromium's simulated microphone."""
    with open_media(clip) as video:
        sound = video.sound()
    samples = np.concatenate([sound.samples, sound.rest])
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return out
