"""What may be chosen of the networks of the preset `modern`. Data only; the networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass

CHOICES = {
    "frames": ("attention", "mean"),
    "encoder": ("convolution", "transformer"),
    "fusion": ("gate", "concatenation"),
}


@dataclass(frozen=True)
class Design:
    """backbone: the name of a timm model, for faces; frames: how a clip's frames become one; encoder: of sound; fusion:
    how branches are joined. Raises ValueError for other words."""

    backbone: str = "tf_efficientnet_lite0"
    frames: str = "attention"
    encoder: str = "convolution"
    fusion: str = "gate"

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, str):
            raise ValueError(f"backbone is {self.backbone!r}; wanted the name of a timm model")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; wanted one of {', '.join(choices)}")
