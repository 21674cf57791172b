"""Effect of each option of `modern` or `encoders`: `python -m benchmarks.ablations CACHE MODALITY --out FOLDER`.

Each variant changes one option and is trained with each seed on the same clips. It is compared with the unchanged
preset: the difference in accuracy on the same clips, all seeds together, with a 95 % interval clustered by source.
Runs that exist in FOLDER are not trained again. Prints Markdown.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import machine
from personality.analysis.groups import accuracy_by
from personality.analysis.model_comparison import compare_models
from personality.constants import PREPROCESSING
from personality.models.checkpoint import load_model
from personality.models.encoder_fusion import EncoderFusion
from personality.models.fusion import GatedFusion
from personality.network_options import NetworkDesign
from personality.predictions.assemble import build_predictions_table
from personality.preprocessing.cache import Cache
from personality.traits import TRAIT_NAMES
from training.config import losses
from training.config.run_config import Config, preset
from training.data.dataloader import compute_features, read_split
from training.engine.process_memory import keep_freed_memory
from training.engine.train_run import train_run
from training.runs.run import Run

UNCHANGED_PRESET = "as it is"
COMMON_VARIANTS: dict[str, dict[str, Any]] = {
    UNCHANGED_PRESET: {},
    "absolute error alone": {"loss": "l1"},
    "no averaged weights": {"averaging": 0.0},
}
FUSION_VARIANTS = {"all side by side, no gate": {"design": NetworkDesign(fusion="concatenation")}}
ABLATION_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "audio": {
        **COMMON_VARIANTS,
        "nothing hidden": {"augment": False},
        "transformer": {"design": NetworkDesign(encoder="transformer")},
    },
    "visual": {**COMMON_VARIANTS, "mean over the frames": {"design": NetworkDesign(frames="mean")}},
    "features": COMMON_VARIANTS,
    "text": {
        UNCHANGED_PRESET: {},
        "a share of concordance": {"loss": "blend"},
        "no averaged weights": {"averaging": 0.0},
    },
    "audiovisual": {**COMMON_VARIANTS, **FUSION_VARIANTS},
    "handcrafted": {**COMMON_VARIANTS, **FUSION_VARIANTS},
    "fusion": {**COMMON_VARIANTS, **FUSION_VARIANTS},
}
ENCODER_VARIANTS = {**COMMON_VARIANTS, "no transformer": {"design": NetworkDesign(time="attention")}}


def ablation_configs(options: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """Yield the name and the config of every variant, with the first seed."""
    if options.encoder:
        yield from _encoder_configs(options)
        return
    given: dict[str, Any] = {} if options.table is None else {"table": options.table}
    if options.branch:
        given["branches"] = tuple(str(branch.resolve()) for branch in options.branch)
    whole = preset(options.modality, "modern", **given)
    if options.head_only:
        whole = replace(whole, stages=tuple(stage for stage in whole.stages if stage.trains == "head"))
    for name, changes in ABLATION_VARIANTS[options.modality].items():
        yield name, replace(whole, **changes)
    if options.seconds:
        yield f"{options.seconds:g} s of sound", replace(whole, design=NetworkDesign(seconds=options.seconds))
    if options.compact:
        yield "preset compact", preset(options.modality, "compact", **given)


def _encoder_configs(options: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """Variants of the preset `encoders`, and each encoder alone."""
    tables = tuple(options.encoder)
    whole = preset("fusion", "encoders", tables=tables)
    for name, changes in ENCODER_VARIANTS.items():
        yield name, replace(whole, **changes)
    for table in tables if len(tables) > 1 else ():
        yield f"only {table}", replace(whole, tables=(table,))


def ensure_trained(folder: Path, config: Config, cache: Path) -> Path:
    """Return the folder of a finished run of this config, which is trained or resumed if necessary."""
    run = Run(folder)
    if not run.is_taken:
        run.create(config, cache)
    if run.config != config or run.cache != cache.resolve():
        raise ValueError(f"{folder} contains a run with another configuration; choose another folder with --out.")
    if run.status()["state"] != "done":
        train_run(run)
    return folder


def pool_seed_predictions(folders: list[Path], name: str, cache: Cache, split: str) -> pd.DataFrame:
    """Predict with the runs of a variant; return a table of one model that has each clip once per seed."""
    tables = []
    for seed, folder in enumerate(folders):
        network = load_model(folder).network
        found = read_split(cache, split, network.needs)
        # Runs with equal backbones share these features.
        features = compute_features(network, cache, found, PREPROCESSING.faces, torch.device("cpu"))
        with torch.inference_mode():
            values = network.head(features).numpy()
        predicted = pd.DataFrame(values, columns=list(TRAIT_NAMES)).assign(clip=found.rows["clip"], model=name)
        table = build_predictions_table(predicted, found.rows, cache.clips)
        tables.append(table.assign(clip=table["clip"] + f"#{seed}"))
    return pd.concat(tables, ignore_index=True)


def mean_seed_concordance(table: pd.DataFrame) -> float:
    """Compute Lin's concordance (1989) as the mean over seeds and traits."""
    seeds = table["clip"].str.rpartition("#")[2]
    parts = [torch.from_numpy(part[["predicted", "actual"]].to_numpy()) for _, part in table.groupby([seeds, "trait"])]
    return float(np.mean([losses.concordance(part[:, :1], part[:, 1:]).item() for part in parts]))


def format_variant_rows(table: pd.DataFrame) -> Iterator[str]:
    """Yield a line of Markdown per variant."""
    accuracy = accuracy_by(table).query("trait == 'mean'").set_index("model")
    compared = compare_models(table, UNCHANGED_PRESET).query("trait == 'mean'").set_index("model")
    for name in accuracy.index:
        seeds = table[table["model"] == name].groupby(table["clip"].str.rpartition("#")[2])
        each = [1 - (part["predicted"] - part["actual"]).abs().mean() for _, part in seeds]
        cells = [name, f"{accuracy.loc[name, 'accuracy']:.4f}", " ".join(f"{value:.4f}" for value in each)]
        cells.append(f"{mean_seed_concordance(table[table['model'] == name]):.3f}")
        if name == UNCHANGED_PRESET:
            cells.append("")
        else:
            row = compared.loc[name]
            cells.append(f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]")
        yield f"| {' | '.join(cells)} |"


def format_branch_removal_rows(folders: list[Path], cache: Cache, split: str) -> Iterator[str]:
    """Yield a line of Markdown per branch or table of fusions: their accuracy without it, as the mean over seeds."""
    reached: dict[str, list[float]] = {}
    for folder in folders:
        network = load_model(folder).network
        if isinstance(network, GatedFusion):
            names, first = list(network.branches), sum(network.sizes)
        elif isinstance(network, EncoderFusion):
            names, first = network.tables, sum(network.widths)
        else:
            return
        found = read_split(cache, split, network.needs)
        features = compute_features(network, cache, found, PREPROCESSING.faces, torch.device("cpu"))
        for place, name in enumerate(names):
            lacking = features.clone()
            lacking[:, first + place] = 0
            with torch.inference_mode():
                error = (network.head(lacking) - found.labels).abs().mean().item()
            reached.setdefault(name, []).append(1 - error)
    yield from (f"| without {name} | {np.mean(values):.4f} |" for name, values in reached.items())


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.ablations", description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("modality", choices=tuple(ABLATION_VARIANTS))
    parser.add_argument("--out", type=Path, required=True, help="folder of runs, which are reused")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--table", help="table of features in the cache")
    parser.add_argument("--branch", type=Path, action="append", metavar="RUN", help="branch of a `fusion`; repeatable")
    parser.add_argument("--encoder", action="append", metavar="TABLE", help="table of `encoders`; repeatable")
    parser.add_argument("--head-only", action="store_true", help="leave out the stages that train all layers")
    parser.add_argument("--compact", action="store_true", help="also the preset compact")
    parser.add_argument("--seconds", type=float, help="for `audio`: also a network for this many seconds of sound")
    options = parser.parse_args()
    keep_freed_memory()
    cache, tables, lacking = Cache(options.cache), [], []
    for name, config in ablation_configs(options):
        called = re.sub(r"[^\w.]+", "-", name)
        folders = [
            ensure_trained(
                options.out / f"{options.modality}-{called}-{seed}", replace(config, seed=seed), cache.folder
            )
            for seed in range(options.seeds)
        ]
        tables.append(pool_seed_predictions(folders, name, cache, options.split))
        if name == UNCHANGED_PRESET:
            lacking = list(format_branch_removal_rows(folders, cache, options.split))
    table = pd.concat(tables, ignore_index=True)
    n, sources = table["clip"].str.rpartition("#")[0].nunique(), table["source"].nunique()
    constant = 1 - (table["constant"] - table["actual"]).abs().mean()
    print(f"\n{machine.describe_machine()}; {options.modality}, {cache.card['dataset']}, {options.split},")
    print(f"n = {n} clips of {sources} sources, {options.seeds} seeds; mean baseline: {constant:.4f}\n")
    print(f"| variant | accuracy | by seed | concordance | minus *{UNCHANGED_PRESET}* |\n|---|---|---|---|---|")
    print("\n".join(format_variant_rows(table)))
    if lacking:
        print("\n| *as it is*, with a missing input | accuracy |\n|---|---|\n" + "\n".join(lacking))


if __name__ == "__main__":
    main()
