"""What a model looks at and listens to: how far its traits move when a part of the faces or of the sound is taken away.

Occlusion (Zeiler and Fergus 2014): the model itself is asked again for each part, nothing is inferred from gradients.
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
OCCLUDED_FACES = 2  # of a clip's faces that are covered, at the same place: crops are aligned
SILENCED_SECONDS = 0.5  # seconds of sound that are silenced at a time


def occlude_faces(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """What each model that sees would say if one square of every face had the face's mean colour: columns model, trait,
    row, column (0 to 6, from top and left), difference (covered minus whole). On two faces spread over the clip."""
    from personality.models.batching import make_batch

    batch = make_batch([sample], OCCLUDED_FACES, _longest_sound_seconds(models))
    places = [(row, column) for row in range(OCCLUSION_GRID_SQUARES) for column in range(OCCLUSION_GRID_SQUARES)]
    rows = pd.DataFrame(places, columns=["row", "column"])
    if batch.faces is None:
        return _to_long_table(rows, {})
    covered = batch.faces.repeat(len(places), 1, 1, 1, 1)
    side = PREPROCESSING.face_size // OCCLUSION_GRID_SQUARES
    for faces, (row, column) in zip(covered, places, strict=True):
        mean = faces.float().mean((2, 3), keepdim=True).to(faces.dtype)
        faces[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side] = mean
    return _to_long_table(rows, _predict_occluded_inputs(sample, batch, "faces", covered, models))


def occlude_sound(sample: Sample, models: Sequence[Model]) -> pd.DataFrame:
    """What each model that hears would say if half a second were silent: columns model, trait, start and end (seconds),
    difference. Only of seconds that the model hears."""
    import torch

    from personality.models.batching import make_batch

    rate, seconds = PREPROCESSING.sample_rate, _longest_sound_seconds(models)
    batch = make_batch([sample], OCCLUDED_FACES, seconds)
    heard = min(seconds, sample.audio_seconds + len(sample.rest) / rate)
    starts = np.arange(0, heard, SILENCED_SECONDS)
    rows = pd.DataFrame({"start": starts, "end": np.minimum(starts + SILENCED_SECONDS, heard)})
    if not len(rows):
        return _to_long_table(rows, {})
    assert batch.audio is not None
    silenced = batch.audio.repeat(len(rows), 1)
    place = torch.arange(silenced.shape[1]) / rate
    begin, end = (torch.tensor(rows[name].to_numpy())[:, None] for name in ("start", "end"))
    silenced[(place >= begin) & (place < end)] = 0
    found = _to_long_table(rows, _predict_occluded_inputs(sample, batch, "audio", silenced, models))
    hears = {model.name: model.network.needs.seconds for model in models}
    return found[found["start"] < found["model"].map(hears)].reset_index(drop=True)


def _longest_sound_seconds(models: Sequence[Model]) -> float:
    return max((model.network.needs.seconds for model in models), default=PREPROCESSING.audio_seconds)


def _predict_occluded_inputs(
    sample: Sample, batch: Batch, name: str, variants: Tensor, models: Sequence[Model]
) -> dict[str, np.ndarray]:
    """By model that takes the input `name` and can speak: how far its traits move in each of N variants of that input,
    float32 (N, 5)."""
    import torch

    from personality.models.batching import explain_missing_inputs

    found, shared = {}, batch.shared()
    with torch.inference_mode():
        for model in models:
            needs = model.network.needs
            if name in needs.inputs and not explain_missing_inputs(needs, sample):
                original = model.network(shared)
                found[model.name] = (model.network(shared.with_input(name, variants)) - original).numpy()
    return found


def _to_long_table(places: pd.DataFrame, changes: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row per model, trait and place."""
    parts = [
        places.assign(model=model, trait=trait, difference=moved[:, number])
        for model, moved in changes.items()
        for number, trait in enumerate(TRAIT_NAMES)
    ]
    columns = ["model", "trait", *places.columns, "difference"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
