"""A trained model on disk: `model.safetensors` and `card.json`. Loading cannot run code; mismatches raise an error."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from personality.constants import MISUSE_WARNING, PREPROCESSING
from personality.models.encoders.encoding import read_columns
from personality.models.factory import build_network
from personality.models.model_card import MAX_QUOTED_CARD_CHARS, MODEL_CARD_FILE, MODEL_WEIGHTS_FILE, read_model_card
from personality.models.network import Network
from personality.network_options import ACTIVATIONS, NetworkDesign
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import file_sha256, write_bytes, write_json
from personality.utils.untrusted_files import DamagedFileError

CHECKPOINT_CARD_KEYS = ("modality", "preset", "activation", "traits", "preprocessing", "branches")
MAX_BRANCH_PATH_CHARS = 1000


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message states the value found and the value expected."""


@dataclass(frozen=True)
class Model:
    """A trained network, ready for inference.

    Attributes
    ----------
    network : Network
        In evaluation mode.
    card : dict
        Contents of `card.json`.
    folder : Path
        The checkpoint's folder.
    name : str
        Name of the model in predictions tables.
    sha256 : str
        Digest of the weights file.
    """

    network: Network
    card: dict[str, Any]
    folder: Path
    name: str
    sha256: str

    @property
    def modality(self) -> str:
        """A key of MODALITIES."""
        return self.card["modality"]


def save_weights(folder: Path, network: Network) -> None:
    """Write the weights of a network atomically, in half precision except for integers and the network's
    `full_precision_buffers`."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() and name not in network.full_precision_buffers else tensor)
        .cpu()
        .contiguous()
        for name, tensor in network.stored_tensors().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / MODEL_WEIGHTS_FILE, save(tensors))


def save_card(folder: Path, card: dict[str, Any], branches: dict[str, Model] | None = None) -> None:
    """Write the card of a model.

    Parameters
    ----------
    folder : Path
        The checkpoint's folder.
    card : dict
        Entries specific to this model. Those that every card has (traits, preprocessing, prohibited uses) are added.
    branches : dict of str to Model, optional
        The models that a fusion joins, by name; the card stores their relative folders and digests.
    """
    common = {
        "traits": list(TRAIT_NAMES),
        "preprocessing": asdict(PREPROCESSING),
        "not_for": MISUSE_WARNING,
        "branches": {
            name: {
                "folder": os.path.relpath(model.folder, folder),
                "sha256": file_sha256(model.folder / MODEL_WEIGHTS_FILE),
            }
            for name, model in (branches or {}).items()
        },
    }
    write_json(folder / MODEL_CARD_FILE, {**card, **common})


def load_model(folder: Path, loaded: dict[str, Model] | None = None) -> Model:
    """Load a model.

    Parameters
    ----------
    folder : Path
        The checkpoint's folder.
    loaded : dict of str to Model, optional
        Models in memory by the sha256 of their weights: a fusion uses them as branches instead of loading them again.
        Every model that this call loads is added.

    Returns
    -------
    Model
        In evaluation mode.

    Raises
    ------
    CheckpointError
        A file is missing, damaged, or does not match the network that this version builds.
    """
    return _load_checkpoint(folder, {} if loaded is None else loaded, ())


def _load_checkpoint(folder: Path, loaded: dict[str, Model], ancestors: tuple[Path, ...]) -> Model:
    """Load a model. `ancestors` are the folders of the fusions that it is a branch of."""
    if folder.resolve() in ancestors:
        raise CheckpointError(f"{folder.name} is a branch of itself; a fusion joins other models.")
    card = read_checkpoint_card(folder)
    digest = file_sha256(folder / MODEL_WEIGHTS_FILE)
    if digest in loaded and loaded[digest].folder == folder:
        return loaded[digest]
    ancestors = (*ancestors, folder.resolve())
    branches = {name: _load_branch(folder, name, entry, loaded, ancestors) for name, entry in card["branches"].items()}
    tensors = _read_weights(folder)
    with torch.device("meta"):  # allocates no memory, whatever sizes the card has
        _check_tensors(folder, _build_from_card(folder, card, branches), tensors)
    network = _build_from_card(folder, card, branches)
    network.load_state_dict(
        {name: one.float() if one.is_floating_point() else one for name, one in tensors.items()}, strict=False
    )
    loaded[digest] = Model(network.eval(), card, folder, folder.name, digest)
    return loaded[digest]


def _build_from_card(folder: Path, card: dict[str, Any], branches: dict[str, Network]) -> Network:
    try:
        return build_network(
            card["modality"],
            preset=card["preset"],
            activation=card["activation"],
            branches=branches,
            table=card.get("table"),
            tables=[(name, read_columns(described)) for name, described in card.get("tables", {}).items()],
            design=NetworkDesign(**card.get("design", {})),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(str(error)[:MAX_QUOTED_CARD_CHARS].split())
        raise CheckpointError(f"{folder.name} cannot be built: {why}.") from error


def read_checkpoint_card(folder: Path) -> dict[str, Any]:
    """Read and check the card of a checkpoint. Raises CheckpointError if it is missing or invalid."""
    if not (folder / MODEL_CARD_FILE).is_file() or not (folder / MODEL_WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder} contains no model; expected {MODEL_WEIGHTS_FILE} and {MODEL_CARD_FILE}.")
    try:
        card = read_model_card(folder)
    except DamagedFileError as error:
        raise CheckpointError(str(error)) from error
    missing = [name for name in CHECKPOINT_CARD_KEYS if name not in card]
    if missing:
        raise CheckpointError(f"The card of {folder.name} is damaged: {missing[0]} is missing.")
    if not _has_valid_branches(card["branches"]):
        raise CheckpointError(f"The card of {folder.name} is damaged: branches must have a folder and a sha256.")
    for name, value in {"traits": list(TRAIT_NAMES), "preprocessing": asdict(PREPROCESSING)}.items():
        if card[name] != value:
            found = str(card[name])[:MAX_QUOTED_CARD_CHARS]
            raise CheckpointError(f"{folder.name} was made with {name} {found}; this version requires {value}.")
    if card["activation"] not in ACTIVATIONS:
        found, known = repr(card["activation"])[:MAX_QUOTED_CARD_CHARS], ", ".join(ACTIVATIONS)
        raise CheckpointError(f"The activation of {folder.name} is {found}; expected one of {known}.")
    return card


def _has_valid_branches(branches: Any) -> bool:
    """Whether the value maps names to folders and digests."""
    entries = list(branches.values()) if isinstance(branches, dict) else [None]
    values = [entry.get(key) if isinstance(entry, dict) else None for entry in entries for key in ("folder", "sha256")]
    return all(isinstance(one, str) and one.isprintable() and len(one) < MAX_BRANCH_PATH_CHARS for one in values)


def _load_branch(
    folder: Path, name: str, entry: dict[str, str], loaded: dict[str, Model], ancestors: tuple[Path, ...]
) -> Network:
    """The branch that a fusion was trained with: from `loaded` if its digest is there, else from its folder."""
    expected = entry["sha256"]
    if expected in loaded:
        return loaded[expected].network
    branch = folder / entry["folder"]
    if not (branch / MODEL_WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder.name} requires the {name} model it was trained with; copy it to {branch}.")
    if file_sha256(branch / MODEL_WEIGHTS_FILE) != expected:
        raise CheckpointError(
            f"{branch} is not the {name} model that {folder.name} was trained with (its digest differs)."
        )
    return _load_checkpoint(branch, loaded, ancestors).network


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(folder / MODEL_WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"The weights of {folder.name} are damaged; copy the folder again.") from error


def _check_tensors(folder: Path, network: Network, tensors: dict[str, torch.Tensor]) -> None:
    """Raise CheckpointError naming the first tensor that does not match the network."""
    expected = network.stored_tensors()
    for name in sorted(expected.keys() ^ tensors.keys()):
        raise CheckpointError(
            f"{folder.name}: tensor {name} is {'missing' if name in expected else 'not part of this model'}."
        )
    for name, tensor in tensors.items():
        found, shape = tuple(tensor.shape), tuple(expected[name].shape)
        if found != shape:
            raise CheckpointError(f"{folder.name}: tensor {name} has shape {found}; expected {shape}.")
        if tensor.is_floating_point() != expected[name].is_floating_point() or tensor.is_complex():
            kind = "floating-point numbers" if expected[name].is_floating_point() else "integers"
            raise CheckpointError(f"{folder.name}: tensor {name} is {tensor.dtype}; expected {kind}.")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{folder.name}: tensor {name} contains values that are not finite.")
