"""What may be chosen of the networks of the preset `modern`. Data only; the networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass

from personality.constants import LIMITS, PREPROCESSING

PACKAGED_BACKBONE = "tf_efficientnet_lite0"  # the timm model whose ImageNet weights a package brings
NETWORK_CHOICES = {
    "frames": ("attention", "mean"),
    "encoder": ("convolution", "transformer"),
    "fusion": ("gate", "concatenation"),
}


@dataclass(frozen=True)
class NetworkDesign:
    """backbone: the name of a timm model, for faces; frames: how a clip's frames become one; encoder: of sound;
    seconds: how much of the sound is heard, from the clip's start, 60 being the whole of any; fusion: how branches are
    joined. Raises ValueError for anything else."""

    backbone: str = PACKAGED_BACKBONE
    frames: str = "attention"
    encoder: str = "convolution"
    seconds: float = PREPROCESSING.audio_seconds
    fusion: str = "gate"

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, str):
            raise ValueError(f"backbone is {self.backbone!r}; wanted the name of a timm model")
        for name, choices in NETWORK_CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; wanted one of {', '.join(choices)}")
        least, most = PREPROCESSING.audio_seconds, LIMITS.seconds
        if not isinstance(self.seconds, (int, float)) or not least <= self.seconds <= most:
            raise ValueError(f"seconds is {self.seconds!r}; wanted a number from {least:.0f} to {most:.0f}")
