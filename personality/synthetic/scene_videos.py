"""Write scenes as videos: an animated face, and a voice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import joblib
import numpy as np
from tqdm import tqdm

from personality.preprocessing.write_video import write_video
from personality.synthetic.face_model import Expression, FaceModel, load_face_model
from personality.synthetic.scenes import Scene, SynthesisOptions
from personality.synthetic.voice import ENVELOPE_FRAME_SAMPLES, SYNTHETIC_VOICE_RATE_HZ, synthesize_voice
from personality.utils.atomic_files import atomic_path

# The effect of an emotion on the rating `happy`, in standard deviations. The portraits smile on average, so faces
# that do not look happy have negative values.
SMILE_BY_EMOTION = {
    "happy": 0.8,
    "surprise": -1.2,
    "neutral": -1.4,
    "anger": -2.0,
    "disgust": -1.6,
    "fear": -1.8,
    "sadness": -2.0,
}


def pose_face(model: FaceModel, scene: Scene) -> np.ndarray:
    """Return the coefficients of the face in this clip; a smile also changes the texture (teeth, cheeks)."""
    return scene.person.coefficients + model.attribute_shift(
        {"happy": SMILE_BY_EMOTION[scene.emotion] * scene.strength}
    )


def write_scene_videos(
    out: Path, scenes: list[Scene], folders: list[str], options: SynthesisOptions, workers: int
) -> None:
    for folder in set(folders):
        (out / folder).mkdir(exist_ok=True)
    calls = (
        joblib.delayed(_write_scene_video)(scene, out / folder, options)
        for scene, folder in zip(scenes, folders, strict=True)
    )
    done = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(calls)
    for _ in tqdm(done, total=len(scenes), desc="synthesize", unit="clip"):
        pass


def _write_scene_video(scene: Scene, folder: Path, options: SynthesisOptions) -> None:
    cv2.setNumThreads(1)
    model, random = load_face_model(), np.random.default_rng(scene.seed)
    sound, opening = synthesize_voice(scene.person.voice, options.seconds, random)
    puppet = model.animate(pose_face(model, scene))
    pictures = (puppet.draw(expression) for expression in generate_expressions(scene, opening, options, random))
    with atomic_path(folder / scene.clip) as path:
        write_video(path, pictures, sound, fps=options.fps)


def generate_expressions(
    scene: Scene, opening: np.ndarray, options: SynthesisOptions, random: np.random.Generator
) -> Iterator[Expression]:
    """Yield the expressions of a clip's frames: mouth in sync with the sound, blinks, sway, and a varying emotion."""
    count = int(options.seconds * options.fps)
    blinks = random.uniform(0, options.seconds, max(1, round(options.seconds / 3)))
    phase = random.uniform(0, 2 * np.pi, 3)
    for number in range(count):
        time = number / options.fps
        blink = float(np.clip(1 - np.abs(time - blinks).min() / 0.16, 0, 1))
        sway = (2.2 * np.sin(1.7 * time + phase[0]), 1.4 * np.sin(2.3 * time + phase[1]))
        strength = scene.strength * (0.75 + 0.25 * np.sin(1.1 * time + phase[2]))
        mouth = float(opening[min(int(time * SYNTHETIC_VOICE_RATE_HZ / ENVELOPE_FRAME_SAMPLES), len(opening) - 1)])
        yield Expression(mouth, blink, ((scene.emotion, float(strength)),), sway)
