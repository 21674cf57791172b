"""Face and audio occlusion: how predictions change if a part of the faces or of the sound is removed.

The model predicts again for each removed part (Zeiler and Fergus 2014); gradients are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from personality.constants import PREPROCESSING
from personality.preprocessing.sample import Sample
from personality.traits import TRAIT_NAMES

if TYPE_CHECKING:
    from torch import Tensor

    from personality.models.checkpoint import Model
    from personality.models.network import Batch

OCCLUSION_GRID_SQUARES = 7  # squares along each side of a face
OCCLUDED_FACES = 2  # faces per clip, occluded at the same position, because crops are aligned
OCCLUSION_BATCH = 7  # variants predicted together; more do not fit in the cache of a processor
OCCLUDED_SECONDS = 0.5  # seconds of sound per occlusion


def occlude_faces(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of replacing one square of two faces, evenly spaced in the clip, by their mean color.

    Parameters
    ----------
    sample : Sample
        The clip.
    models : sequence of Model
        Models that do not read faces are skipped.

    Returns
    -------
    DataFrame
        Columns model, trait, row and column (0 to 6, from the top left), difference (occluded minus original).
    """
    from personality.models.batching import make_batch

    batch = make_batch([sample], OCCLUDED_FACES, _longest_sound_seconds(models))
    places = [(row, column) for row in range(OCCLUSION_GRID_SQUARES) for column in range(OCCLUSION_GRID_SQUARES)]
    rows = pd.DataFrame(places, columns=["row", "column"])
    if batch.faces is None:
        return _to_long_table(rows, {})
    occluded = batch.faces.repeat(len(places), 1, 1, 1, 1)
    side = PREPROCESSING.face_size // OCCLUSION_GRID_SQUARES
    for faces, (row, column) in zip(occluded, places, strict=True):
        mean = faces.float().mean((2, 3), keepdim=True).to(faces.dtype)
        faces[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side] = mean
    return _to_long_table(rows, _predict_occluded_inputs(sample, batch, "faces", occluded, models))


def occlude_sound(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """Compute the effect of replacing half a second of sound by noise with the average spectrum of the clip.

    Silence is not a neutral replacement: it differs so much from other sound that it has an effect at any position
    (`benchmarks/planted_cues.py`: a tone that determines the labels was found in 3 % of clips; with noise, in 89 %).

    Parameters
    ----------
    sample : Sample
        The clip.
    models : sequence of Model
        Models that do not read sound are skipped.

    Returns
    -------
    DataFrame
        Columns model, trait, start and end (seconds), difference (occluded minus original); only for the part of the
        sound that the model reads.
    """
    import torch

    from personality.models.batching import make_batch

    rate, seconds = PREPROCESSING.sample_rate, _longest_sound_seconds(models)
    batch = make_batch([sample], OCCLUDED_FACES, seconds)
    length = min(seconds, sample.audio_seconds + len(sample.rest) / rate)
    starts = np.arange(0, length, OCCLUDED_SECONDS)
    rows = pd.DataFrame({"start": starts, "end": np.minimum(starts + OCCLUDED_SECONDS, length)})
    if not len(rows):
        return _to_long_table(rows, {})
    assert batch.audio is not None
    occluded = batch.audio.repeat(len(rows), 1)
    noise = torch.from_numpy(make_average_noise(batch.audio[0, : round(length * rate)].numpy()))
    for sound, (start, end) in zip(occluded, (rows * rate).round().astype(int).to_numpy(), strict=True):
        sound[start:end] = noise[: end - start]
    found = _to_long_table(rows, _predict_occluded_inputs(sample, batch, "audio", occluded, models))
    seconds_read = {model.name: model.network.needs.seconds for model in models}
    return found[found["start"] < found["model"].map(seconds_read)].reset_index(drop=True)


def make_average_noise(sound: np.ndarray) -> np.ndarray:
    """Make reproducible noise of OCCLUDED_SECONDS, float32, with the mean power spectrum of a sound, float32 (N,)."""
    samples = round(OCCLUDED_SECONDS * PREPROCESSING.sample_rate)
    windows = np.pad(sound, (0, -len(sound) % samples)).reshape(-1, samples)
    power = (np.abs(np.fft.rfft(windows)) ** 2).sum(0) * samples / len(sound)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, len(power))
    return np.fft.irfft(np.sqrt(power) * np.exp(1j * phases), samples).astype(np.float32)


def _longest_sound_seconds(models: Sequence[Model]) -> float:
    return max((model.network.needs.seconds for model in models), default=PREPROCESSING.audio_seconds)


def _predict_occluded_inputs(
    sample: Sample, batch: Batch, name: str, variants: Tensor, models: Sequence[Model]
) -> dict[str, np.ndarray]:
    """Return differences float32 (N, 5) for N variants of the input `name`, by model that reads it and can predict."""
    import torch

    from personality.models.batching import explain_missing_inputs

    shared = batch.shared()
    able = [
        model
        for model in models
        if name in model.network.needs.inputs and not explain_missing_inputs(model.network.needs, sample)
    ]
    with torch.inference_mode():
        originals = {model.name: model.network(shared) for model in able}
        changes: dict[str, list[Tensor]] = {model.name: [] for model in able}
        for some in variants.split(OCCLUSION_BATCH):
            varied = shared.with_input(name, some)  # shared by all models, so that common branches are computed once
            for model in able:
                changes[model.name].append(model.network(varied) - originals[model.name])
    return {model: torch.cat(parts).numpy() for model, parts in changes.items()}


def _to_long_table(places: pd.DataFrame, changes: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a table with one row per model, trait and occluded part."""
    parts = [
        places.assign(model=model, trait=trait, difference=change[:, number])
        for model, change in changes.items()
        for number, trait in enumerate(TRAIT_NAMES)
    ]
    columns = ["model", "trait", *places.columns, "difference"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
