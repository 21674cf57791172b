"""A trained model on disk: `model.safetensors` and `card.json`. It cannot run code; what does not fit is refused."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from personality.constants import MISUSE_WARNING, PREPROCESSING
from personality.models.factory import build_network
from personality.models.model_card import MAX_QUOTED_CARD_CHARS, MODEL_CARD_FILE, read_model_card
from personality.models.network import Network
from personality.network_options import ACTIVATIONS, NetworkDesign
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import file_sha256, write_bytes, write_json
from personality.utils.untrusted_files import DamagedFileError

MODEL_WEIGHTS_FILE = "model.safetensors"
CHECKPOINT_CARD_KEYS = ("modality", "preset", "activation", "traits", "preprocessing", "branches")
MAX_BRANCH_PATH_CHARS = 1000  # characters


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says what was found and what was wanted."""


@dataclass(frozen=True)
class Model:
    """A network ready for inference, its card, where it lies, what predictions tables call it, and the sha256 of its
    weights."""

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
    """Write the stored tensors of a network atomically: in half precision, except integers and the network's
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
    """Write the card, with the entries that all cards have, and the folder and digest of each branch of a fusion."""
    fixed = {
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
    write_json(folder / MODEL_CARD_FILE, {**card, **fixed})


def load_model(folder: Path, loaded: dict[str, Model] | None = None) -> Model:
    """The model in `folder`, in evaluation mode.

    loaded: models already in memory by sha256 of their weights; a fusion shares its branches with them, and adds
    those it loads. Raises CheckpointError where a file is missing or does not match what this version builds.
    """
    return _load_checkpoint(folder, {} if loaded is None else loaded, ())


def _load_checkpoint(folder: Path, loaded: dict[str, Model], above: tuple[Path, ...]) -> Model:
    """above: the folders of the models that wait for this one."""
    if folder.resolve() in above:
        raise CheckpointError(f"{folder.name} joins itself; a fusion joins other models.")
    card = read_checkpoint_card(folder)
    digest = file_sha256(folder / MODEL_WEIGHTS_FILE)
    if digest in loaded and loaded[digest].folder == folder:
        return loaded[digest]
    waiting = (*above, folder.resolve())
    branches = {name: _load_branch(folder, name, entry, loaded, waiting) for name, entry in card["branches"].items()}
    tensors = _read_weights(folder)
    with torch.device("meta"):  # costs nothing, whatever the card asks for
        _check_tensors(folder, _build_from_card(folder, card, branches), tensors)
    network = _build_from_card(folder, card, branches)
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}, strict=False
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
            design=NetworkDesign(**card.get("design", {})),
        )
    except (ValueError, KeyError, TypeError) as error:
        why = " ".join(str(error)[:MAX_QUOTED_CARD_CHARS].split())
        raise CheckpointError(f"{folder.name} cannot be built: {why}.") from error


def read_checkpoint_card(folder: Path) -> dict[str, Any]:
    """The card of a checkpoint, checked. Raises CheckpointError where it is missing or says what cannot be."""
    if not (folder / MODEL_CARD_FILE).is_file() or not (folder / MODEL_WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder} holds no model; wanted {MODEL_WEIGHTS_FILE} and {MODEL_CARD_FILE}.")
    try:
        card = read_model_card(folder)
    except DamagedFileError as error:
        raise CheckpointError(str(error)) from error
    missing = [name for name in CHECKPOINT_CARD_KEYS if name not in card]
    if missing:
        raise CheckpointError(f"The card of {folder.name} is damaged: it does not say {missing[0]}.")
    if not _has_valid_branches(card["branches"]):
        raise CheckpointError(f"The card of {folder.name} is damaged: it does not say which branches it joins.")
    for name, value in {"traits": list(TRAIT_NAMES), "preprocessing": asdict(PREPROCESSING)}.items():
        if card[name] != value:
            found = str(card[name])[:MAX_QUOTED_CARD_CHARS]
            raise CheckpointError(f"{folder.name} was made with {name} {found}; this version has {value}.")
    if card["activation"] not in ACTIVATIONS:
        found, known = repr(card["activation"])[:MAX_QUOTED_CARD_CHARS], ", ".join(ACTIVATIONS)
        raise CheckpointError(f"The activation of {folder.name} is {found}; wanted one of {known}.")
    return card


def _has_valid_branches(branches: Any) -> bool:
    """Whether it maps names to folders and digests."""
    entries = list(branches.values()) if isinstance(branches, dict) else [None]
    words = [entry.get(key) if isinstance(entry, dict) else None for entry in entries for key in ("folder", "sha256")]
    return all(isinstance(word, str) and word.isprintable() and len(word) < MAX_BRANCH_PATH_CHARS for word in words)


def _load_branch(
    folder: Path, name: str, entry: dict[str, str], loaded: dict[str, Model], above: tuple[Path, ...]
) -> Network:
    """The branch a fusion was trained on, recognised by its digest; it lies where the card says."""
    wanted = entry["sha256"]
    if wanted in loaded:
        return loaded[wanted].network
    place = folder / entry["folder"]
    if not (place / MODEL_WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder.name} needs the {name} model it was trained on in {place}; put it there.")
    if file_sha256(place / MODEL_WEIGHTS_FILE) != wanted:
        raise CheckpointError(
            f"{place} is not the {name} model that {folder.name} was trained on (its digest differs)."
        )
    return _load_checkpoint(place, loaded, above).network


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(folder / MODEL_WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"The weights of {folder.name} are damaged; copy the folder again.") from error


def _check_tensors(folder: Path, network: Network, tensors: dict[str, torch.Tensor]) -> None:
    """Raise CheckpointError naming the first tensor that is not what the network has there."""
    wanted = network.stored_tensors()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        raise CheckpointError(
            f"{folder.name}: tensor {name} is {'missing' if name in wanted else 'not of this model'}."
        )
    for name, tensor in tensors.items():
        found, want = tuple(tensor.shape), tuple(wanted[name].shape)
        if found != want:
            raise CheckpointError(f"{folder.name}: tensor {name} is {found}; wanted {want}.")
        if tensor.is_floating_point() != wanted[name].is_floating_point() or tensor.is_complex():
            kind = "numbers with a fraction" if wanted[name].is_floating_point() else "whole numbers"
            raise CheckpointError(f"{folder.name}: tensor {name} holds {tensor.dtype}; wanted {kind}.")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{folder.name}: tensor {name} holds values that are not numbers.")
