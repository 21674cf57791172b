"""Modalities: labels, and the modalities that they combine. Data only; the networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Modality:
    """label: name on pages; branches: the modalities that it combines; handcrafted: whether it also uses the nine
    handcrafted features; can_predict_video: whether it can predict from a video alone."""

    label: str
    branches: tuple[str, ...] = ()
    handcrafted: bool = False
    can_predict_video: bool = True


MODALITIES = {
    "audio": Modality("Audio"),
    "visual": Modality("Visual"),
    "audiovisual": Modality("Audio + Visual", ("audio", "visual")),
    "handcrafted": Modality("Audio + Visual + handcrafted", ("audio", "visual"), handcrafted=True),
    "features": Modality("Features of a table", can_predict_video=False),
    "text": Modality("Text", can_predict_video=False),
    "fusion": Modality("Fusion of any models", can_predict_video=False),
}
TABULAR_MODALITIES = ("features", "text")  # modalities that use a table of features
ACTIVATION_NAMES = ("relu", "tanh", "sigmoid")
