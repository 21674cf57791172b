"""Options of the networks: activations, and the design of two presets. Data only; networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from personality.constants import LIMITS, PREPROCESSING

ACTIVATIONS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}  # classes of torch.nn by their names in options
PACKAGED_BACKBONE = "tf_efficientnet_lite0"  # the timm model whose ImageNet weights are installed as a package


def option(default: Any, help_text: str, *, choices: tuple[str, ...] = (), in_form: bool = True) -> Any:
    """A field of a dataclass of options, from which command lines and forms are made.

    Parameters
    ----------
    default : Any
        Default value.
    help_text : str
        Description for the command line and the form.
    choices : tuple of str
        Valid values; empty if all values of the type are.
    in_form : bool
        Whether the form of options has this field.
    """
    return field(default=default, metadata={"help": help_text, "choices": choices, "in_form": in_form})


def require_valid_choices(options: Any) -> None:
    """Raise ValueError if a field of a dataclass of options is not one of its choices."""
    for one in fields(options):
        value, choices = getattr(options, one.name), one.metadata["choices"]
        if choices and value not in choices:
            raise ValueError(f"{one.name} is {value!r}; expected one of {', '.join(choices)}")


@dataclass(frozen=True)
class NetworkDesign:
    """Design of the networks of the presets `modern` and `encoders`. Raises ValueError if a value is not valid."""

    backbone: str = option(PACKAGED_BACKBONE, "name of a timm model, for faces")
    frames: str = option("attention", "how the frames of a clip are pooled", choices=("attention", "mean"))
    encoder: str = option("convolution", "encoder of sound", choices=("convolution", "transformer"))
    seconds: float = option(
        PREPROCESSING.audio_seconds,
        "seconds of sound from the start of the clip; over 5, the cache must include the whole sound",
    )
    fusion: str = option("gate", "how branches are joined", choices=("gate", "concatenation"))
    time: str = option(
        "transformer",
        "how steps over time are joined in `encoders`",
        choices=("transformer", "attention"),
        in_form=False,
    )

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, str):
            raise ValueError(f"backbone is {self.backbone!r}; expected the name of a timm model")
        require_valid_choices(self)
        least, most = PREPROCESSING.audio_seconds, LIMITS.seconds
        if not isinstance(self.seconds, (int, float)) or not least <= self.seconds <= most:
            raise ValueError(f"seconds is {self.seconds!r}; expected a number from {least:.0f} to {most:.0f}")
