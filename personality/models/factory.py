"""Build the networks of all modalities and presets. Networks read tensors; `batching` converts Samples and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from personality.modalities import MODALITIES, TABULAR_MODALITIES
from personality.models import kernel_ensemble
from personality.models.audio import CompactAudio, ModernAudio, ThesisAudio
from personality.models.encoder_fusion import ENCODERS_PRESET, EncoderFusion
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
    tables: Sequence[tuple[str, Sequence[str]]] = (),
    design: NetworkDesign | None = None,
) -> Network:
    """Build a network with random weights.

    Parameters
    ----------
    modality : str
        A key of MODALITIES.
    preset : str
        `thesis`, `compact`, `modern`, `encoders` or `kernel`.
    activation : str
        A key of ACTIVATIONS; the preset `kernel` ignores it.
    branches : dict of str to Network, optional
        The trained networks that a fusion joins.
    table : (str, sequence of str), optional
        Name and columns of the feature table, for TABULAR_MODALITIES.
    tables : sequence of (str, sequence of str)
        Names and columns of the feature tables of the preset `encoders`.
    design : NetworkDesign, optional
        Design of the presets `modern` and `encoders`.

    Raises
    ------
    ValueError
        The table or a branch is missing, or timm has no such backbone.
    KeyError
        Unknown modality, preset or activation.
    """
    design = design or NetworkDesign()
    plan = MODALITIES[modality]
    if (modality, preset) == ("audiovisual", EVOLGEN_PRESET):
        return EvolgenNetwork()
    if preset == ENCODERS_PRESET:
        return EncoderFusion(activation, tables=tables, design=design)
    if modality in TABULAR_MODALITIES:
        if table is None:
            raise ValueError(f"{modality} requires the name and columns of a feature table")
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
        raise ValueError(
            f"{modality} requires trained models as branches; the {missing[0] if missing else 'first'} model is missing"
        )
    ordered = {name: given[name] for name in names}
    if preset == kernel_ensemble.KERNEL_PRESET:
        return kernel_ensemble.BranchBlend(ordered)
    dropout = FUSION_DROPOUT[preset] if plan.branches else FREE_FUSION_DROPOUT
    kind = GatedFusion if preset == "modern" and design.fusion == "gate" else Fusion
    return kind(activation, preset=preset, branches=ordered, handcrafted=plan.handcrafted, dropout=dropout)
