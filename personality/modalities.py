"""The modalities: what people call them, and which trained models they join. Data only; networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Modality:
    """label for people; branches: the modalities it joins; handcrafted: whether it joins the nine
    handcrafted features too; video: whether a video alone is enough to predict from."""

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
TABULAR_MODALITIES = ("features", "text")  # modalities that read a table of features beside the cache
ACTIVATION_NAMES = ("relu", "tanh", "sigmoid")
