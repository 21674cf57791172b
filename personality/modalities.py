"""The modalities: their labels and the models that they join. Data only; networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Modality:
    """A kind of model.

    Attributes
    ----------
    label : str
        Name to display.
    branches : tuple of str
        The modalities whose trained models it joins.
    handcrafted : bool
        Whether it also joins the nine handcrafted features.
    can_predict_video : bool
        Whether a video alone is sufficient to predict.
    """

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
VOICE_TABLE, TEXT_TABLE = "voice_descriptors", "text"  # the feature tables that preprocessing computes from a clip
