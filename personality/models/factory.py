"""The networks of all modalities, in each preset. Networks know tensors only; `inputs` knows Samples and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from personality.modalities import MODALITIES, TABULAR_MODALITIES
from personality.models import kernel_ensemble
from personality.models.audio import CompactAudio, ModernAudio, ThesisAudio
from personality.models.evolgen import EVOLGEN_PRESET, EvolgenNetwork
from personality.models.fusion import FREE_FUSION_DROPOUT, FUSION_DROPOUT, Fusion, GatedFusion
from personality.models.network import Network
from personality.models.tabular import TableNetwork
from personality.models.visual import CompactVisual, ModernVisual, ThesisVisual
from personality.network_options import NetworkDesign

PRESET_NETWORKS: dict[tuple[str, str], Callable[[str], Network]] = {
    ("audio", "thesis"): ThesisAudio,
    ("audio", "compact"): CompactAudio,
    ("visual", "thesis"): ThesisVisual,
    ("visual", "compact"): CompactVisual,
}
MODERN_NETWORKS: dict[str, Callable[[str, NetworkDesign], Network]] = {"audio": ModernAudio, "visual": ModernVisual}


def build_network(
    modality: str,
    *,
    preset: str,
    activation: str,
    branches: dict[str, Network] | None = None,
    table: tuple[str, Sequence[str]] | None = None,
    design: NetworkDesign | None = None,
) -> Network:
    """A network with random weights. A fusion needs its trained `branches`, by name; a modality of TABLES the
    `table`'s name and columns; the preset `modern` reads the design; the preset `kernel` has no activation.

    Raises ValueError where the table or a branch is missing or timm has no such backbone, KeyError for a modality,
    preset or activation that does not exist.
    """
    design = design or NetworkDesign()
    plan = MODALITIES[modality]
    if (modality, preset) == ("audiovisual", EVOLGEN_PRESET):
        return EvolgenNetwork()
    if modality in TABULAR_MODALITIES:
        if table is None:
            raise ValueError(f"{modality} reads a table of features; its name and columns are missing")
        if preset == kernel_ensemble.KERNEL_PRESET:
            return kernel_ensemble.KernelEnsemble(kind=modality, table=table[0], columns=table[1])
        return TableNetwork(activation, kind=modality, table=table[0], columns=table[1])
    if not plan.branches and modality != "fusion":
        return (
            MODERN_NETWORKS[modality](activation, design)
            if preset == "modern"
            else PRESET_NETWORKS[modality, preset](activation)
        )
    given = branches or {}
    names = plan.branches or tuple(given)
    missing = [name for name in names if name not in given]
    if missing or not names:
        raise ValueError(f"{modality} joins trained models; the {missing[0] if missing else 'first'} model is missing")
    ordered = {name: given[name] for name in names}
    if preset == kernel_ensemble.KERNEL_PRESET:
        return kernel_ensemble.BranchBlend(ordered)
    dropout = FUSION_DROPOUT[preset] if plan.branches else FREE_FUSION_DROPOUT
    kind = GatedFusion if preset == "modern" and design.fusion == "gate" else Fusion
    return kind(activation, preset=preset, branches=ordered, handcrafted=plan.handcrafted, dropout=dropout)
