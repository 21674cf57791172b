"""Prepare a run: the network with its backbone and branches, the splits of the data, and the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from personality.modalities import MODALITIES
from personality.models.checkpoint import MODEL_WEIGHTS_FILE, CheckpointError, Model, load_model, read_checkpoint_card
from personality.models.factory import build_network
from personality.models.network import Network
from personality.models.pretrained_weights import (
    load_backbone_from_file,
    load_backbone_from_hub,
    load_backbone_from_package,
)
from personality.network_options import PACKAGED_BACKBONE
from personality.preprocessing.cache import Cache
from personality.utils.atomic_files import file_sha256
from training import distributed
from training.config.run_config import HUB_WEIGHTS, RANDOM_WEIGHTS, Config
from training.data.dataloader import LabelledSplit, TrainingError, read_split
from training.data.encoder_tables import read_encoder_tables
from training.data.joined_cache import open_cache
from training.runs.run import Run, finished_runs


@dataclass(frozen=True)
class RunContext:
    """The prepared objects of a run."""

    config: Config
    network: Network
    branches: dict[str, Model]
    cache: Cache
    training: LabelledSplit
    validation: LabelledSplit
    device: torch.device

    @property
    def autocast(self) -> torch.autocast:
        """Return the autocast context of a step."""
        wanted = self.config.precision
        able = self.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        halves = wanted == "bfloat16" or (wanted == "auto" and able)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=halves)


def prepare_run(run: Run) -> RunContext:
    """Prepare a run for its first step. Raises TrainingError if data or branches are missing, CacheError for a table,
    CheckpointError for a branch, ValueError if weights or the design do not match."""
    config, folder = run.read_config_and_cache()
    cache = open_cache(folder, None if config.extra_cache is None else Path(config.extra_cache))
    torch.manual_seed(config.seed)
    branches = _load_branches(run, config, cache)
    network = build_network(
        config.modality,
        preset=config.preset,
        activation=config.activation,
        branches={name: model.network for name, model in branches.items()},
        table=read_feature_columns(config, cache),
        tables=read_encoder_tables(config, cache),
        design=config.design,
    )
    network.augments = config.augment
    load_backbone(network, config)
    training = read_split(cache, "training", network.needs, config.balance)
    validation = read_split(cache, "validation", network.needs, config.balance)
    _require_two_clips_per_process(training)
    network.to(distributed.process_device())
    distributed.synchronise_normalisation(network)
    return RunContext(config, network, branches, cache, training, validation, distributed.process_device())


def read_feature_columns(config: Config, cache: Cache) -> tuple[str, tuple[str, ...]] | None:
    """Return name and columns of the feature table that a model reads, if any. Raises CacheError if it is missing."""
    return None if config.table is None else (config.table, tuple(cache.table(config.table).columns))


def _require_two_clips_per_process(training: LabelledSplit) -> None:
    """Raise TrainingError if a process has too few clips for batch normalization."""
    clips, processes = len(training.rows), distributed.process_count()
    if clips < 2 * processes:
        raise TrainingError(
            f"The training split has {clips} clips for {processes} processes; at least two per process are required. "
            "Add clips, or use fewer processes."
        )


def has_random_backbone(config: Config) -> bool:
    """Return whether a backbone starts from random weights."""
    if config.preset == "modern":
        return config.backbone == RANDOM_WEIGHTS
    return config.preset == "thesis" and config.backbone is None


def load_backbone(network: Network, config: Config) -> None:
    """Load pretrained weights into the backbone: those of the config, or the default of the preset.

    Raises TrainingError if the modality has no backbone or no default weights; ValueError if weights do not match.
    """
    name = config.design.backbone
    if not network.backbone_tensors():
        if config.backbone:
            raise TrainingError(f"{config.modality} has no backbone; remove --backbone.")
    elif has_random_backbone(config):
        return
    elif config.preset == "modern" and config.backbone == HUB_WEIGHTS:
        load_backbone_from_hub(network, name)
    elif config.backbone:
        load_backbone_from_file(network, Path(config.backbone))
    elif name != PACKAGED_BACKBONE:
        raise TrainingError(
            f"{name} requires --backbone: FILE, hub (downloads timm's weights) or none (random weights)."
        )
    else:
        load_backbone_from_package(network)


def _load_branches(run: Run, config: Config, cache: Cache) -> dict[str, Model]:
    """Load the models that a fusion joins: the best ones at the first start, the same ones when the run is resumed."""
    pinned = run.branches
    if not pinned:
        names = MODALITIES[config.modality].branches
        folders = {name: find_best_run(run.folder.parent, name, config.preset, cache) for name in names}
        folders |= _named_branch_folders(config.branches, cache)
        pinned = {
            name: {"folder": str(f.resolve()), "sha256": file_sha256(f / MODEL_WEIGHTS_FILE)}
            for name, f in folders.items()
        }
        run.store_branches(pinned)
    for name, entry in pinned.items():
        if file_sha256(Path(entry["folder"]) / MODEL_WEIGHTS_FILE) != entry["sha256"]:
            raise TrainingError(f"The {name} model of this run has changed since its start; start a new run.")
    return {name: load_model(Path(entry["folder"])) for name, entry in pinned.items()}


def _named_branch_folders(branches: tuple[str, ...], cache: Cache) -> dict[str, Path]:
    """Return the folders of the chosen branches by name. Raises TrainingError if two have the same name, or one was
    trained on other data."""
    folders = {Path(branch).name.replace(".", "_"): Path(branch) for branch in branches}
    if len(folders) < len(branches):
        raise TrainingError("Two of the branches have the same name; rename the folder of one.")
    for folder in folders.values():
        if read_checkpoint_card(folder)["data"]["fingerprint"] != cache.card["fingerprint"]:
            raise TrainingError(f"{folder} was trained on other data than this cache's; join runs of one dataset.")
    return folders


def find_best_run(runs: Path, modality: str, preset: str, cache: Cache) -> Path:
    """Return the folder of the finished run of a modality with the highest validation accuracy, of this preset and
    trained on the same data. Raises TrainingError if there is none."""
    found = []
    for run in finished_runs(runs, modality, preset):
        try:
            card = read_checkpoint_card(run.folder)
        except CheckpointError:  # for example of another version
            continue
        if card["data"]["fingerprint"] == cache.card["fingerprint"]:
            found.append((card["metrics"]["accuracy"], run.folder))
    if not found:
        kind = f"finished {modality} run of preset {preset} on this cache's data"
        raise TrainingError(f"No {kind} in {runs}; train {modality} first.")
    return max(found, key=lambda pair: pair[0])[1]
