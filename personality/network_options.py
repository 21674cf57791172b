"""Options of the networks of the preset `modern`. Data only; the networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass

from personality.constants import LIMITS, PREPROCESSING

PACKAGED_BACKBONE = "tf_efficientnet_lite0"  # the timm model whose ImageNet weights are installed by a package
NETWORK_CHOICES = {
    "frames": ("attention", "mean"),
    "encoder": ("convolution", "transformer"),
    "fusion": ("gate", "concatenation"),
}


@dataclass(frozen=True)
class NetworkDesign:
    """Options of a network of the preset `modern`.

    Parameters
    ----------
    backbone
        The name of a timm model, for faces.
    frames
        Pooling of the frames of a clip: attention or mean.
    encoder
        Encoder of sound: convolution or transformer.
    seconds
        Duration of the sound used, from the start of the clip; 60 uses all of it.
    fusion
        Combination of branches: gate or concatenation.

    Raises
    ------
    ValueError
        If an option has an invalid value.
    """

    backbone: str = PACKAGED_BACKBONE
    frames: str = "attention"
    encoder: str = "convolution"
    seconds: float = PREPROCESSING.audio_seconds
    fusion: str = "gate"

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, str):
            raise ValueError(f"backbone is {self.backbone!r}; expected the name of a timm model")
        for name, choices in NETWORK_CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(choices)}")
        shortest, longest = PREPROCESSING.audio_seconds, LIMITS.seconds
        if not isinstance(self.seconds, (int, float)) or not shortest <= self.seconds <= longest:
            raise ValueError(f"seconds is {self.seconds!r}; expected a number from {shortest:.0f} to {longest:.0f}")
