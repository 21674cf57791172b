"""The four modalities of the thesis: label, inputs, branches. Data only; the networks are in `models/`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Modality:
    """What a modality takes. label for people; inputs it cannot do without; the branches it joins, if any."""

    label: str
    inputs: tuple[str, ...]
    branches: tuple[str, ...] = ()
    handcrafted: bool = False


MODALITIES = {
    "audio": Modality("Audio", ("audio",)),
    "visual": Modality("Visual", ("faces",)),
    "audiovisual": Modality("Audio + Visual", ("audio", "faces"), ("audio", "visual")),
    "handcrafted": Modality("Audio + Visual + handcrafted", ("audio", "faces"), ("audio", "visual"), handcrafted=True),
}
ACTIVATIONS = ("relu", "tanh", "sigmoid")
