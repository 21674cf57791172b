"""The four modalities of the thesis, in each preset. Networks know tensors only; `inputs` knows Samples."""

from __future__ import annotations

from collections.abc import Callable

from personality.modalities import MODALITIES
from personality.models.audio import CompactAudio, ThesisAudio
from personality.models.fusion import Fusion
from personality.models.network import Network
from personality.models.visual import CompactVisual, ThesisVisual

SINGLE: dict[tuple[str, str], Callable[[str], Network]] = {
    ("audio", "thesis"): ThesisAudio,
    ("audio", "compact"): CompactAudio,
    ("visual", "thesis"): ThesisVisual,
    ("visual", "compact"): CompactVisual,
}


def build(modality: str, *, preset: str, activation: str, branches: dict[str, Network] | None = None) -> Network:
    """A network with random weights. A fusion needs its trained `branches`, by name."""
    plan = MODALITIES[modality]
    if not plan.branches:
        return SINGLE[modality, preset](activation)
    missing = [name for name in plan.branches if name not in (branches or {})]
    if missing:
        raise ValueError(f"{modality} joins trained models; the {missing[0]} model is missing")
    ordered = {name: (branches or {})[name] for name in plan.branches}
    return Fusion(activation, preset=preset, branches=ordered, handcrafted=plan.handcrafted)
