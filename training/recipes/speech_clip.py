"""Create the sample clip: a computer-made person speaks English, for models that use words.

The voice is `slt` of Flite (Carnegie Mellon University), whose licence allows any use of the voice and of its output.
The opening of the mouth follows the loudness of the sound.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from personality.preprocessing.write_video import write_video
from personality.synthetic.face_model import load_face_model
from personality.synthetic.scene_videos import generate_expressions, pose_face
from personality.synthetic.scenes import Person, Scene, SynthesisOptions
from personality.synthetic.voice import ENVELOPE_FRAME_SAMPLES, SYNTHETIC_VOICE_RATE_HZ, Voice
from personality.utils.atomic_files import atomic_path

SPEECH_TEXT = (
    "Hello, my name is Ada. I grew up in a small town by the sea, and I now live in the city. "
    "I work as a gardener, and on weekends I like to cook for friends or go for a long walk. Nice to meet you."
)
SPEECH_FLITE_VOICE = "slt"
SPEECH_CLIP_FPS = 15
SPEECH_FACE_SEED = 4  # seed of the face, selected by hand
OPEN_MOUTH_PERCENTILE = 95  # percentile of loudness at which the mouth is fully open
MAX_MOUTH_OPENING = 0.5  # full opening as a share of the face model's maximum
MOUTH_SMOOTHING_FRAMES = 4  # standard deviation in frames of 5 ms, because a jaw moves more slowly than the sound
SPEECH_FACE_ATTRIBUTES = {
    "age": -0.4,
    "gender": -1.1,
    "happy": 0.6,
    "long-haired": 0.7,
}  # standard deviations over the portraits


def write_speech_clip(path: Path) -> None:
    """Write the clip, an mp4 of about 12 s. Raises FileNotFoundError if Flite is not installed."""
    sound = synthesize_speech(SPEECH_TEXT)
    seconds = len(sound) / SYNTHETIC_VOICE_RATE_HZ
    options, random = SynthesisOptions(seconds=seconds, fps=SPEECH_CLIP_FPS), np.random.default_rng(SPEECH_FACE_SEED)
    model = load_face_model()
    voice = Voice("female", 30.0, 0.0, 0.0, 0.0)
    person = Person("ada", "test", "female", 30.0, model.sample(SPEECH_FACE_ATTRIBUTES, random), voice)
    scene = Scene(path.name, person.split, person, "happy", 0.3, (SPEECH_FACE_SEED,))
    puppet = model.animate(pose_face(model, scene))
    pictures = (
        puppet.draw(expression)
        for expression in generate_expressions(scene, compute_mouth_opening(sound), options, random)
    )
    with atomic_path(path) as temporary:
        write_video(temporary, pictures, sound, fps=SPEECH_CLIP_FPS)


def synthesize_speech(text: str) -> np.ndarray:
    """Synthesize speech with Flite, float32 (N,) in [-1, 1] at 16 kHz. Raises FileNotFoundError without Flite."""
    program = shutil.which("flite")
    if program is None:
        raise FileNotFoundError("flite is not installed; on Debian and Ubuntu: apt-get install flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(
            [program, "-voice", SPEECH_FLITE_VOICE, "-t", text, "-o", str(path)], check=True, capture_output=True
        )
        with wave.open(str(path), "rb") as file:
            if file.getframerate() != SYNTHETIC_VOICE_RATE_HZ:
                raise ValueError(
                    f"flite's voice {SPEECH_FLITE_VOICE} has {file.getframerate()} Hz; expected "
                    f"{SYNTHETIC_VOICE_RATE_HZ} Hz."
                )
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.astype(np.float32) / 32768


def compute_mouth_opening(sound: np.ndarray) -> np.ndarray:
    """Compute the opening of the mouth every 5 ms from the smoothed root mean square of the sound."""
    frames = sound[: len(sound) // ENVELOPE_FRAME_SAMPLES * ENVELOPE_FRAME_SAMPLES].reshape(-1, ENVELOPE_FRAME_SAMPLES)
    loudness = gaussian_filter1d(np.sqrt((frames**2).mean(1)), MOUTH_SMOOTHING_FRAMES)
    return np.clip(loudness / max(np.percentile(loudness, OPEN_MOUTH_PERCENTILE), 1e-6), 0, 1) * MAX_MOUTH_OPENING
