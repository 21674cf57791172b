"""Commands that predict videos, a split of a cache, or clips without labels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from personality.dataset.index import SPLITS


def run_predict(options: argparse.Namespace) -> int:
    """Predict the first impression of the person in each video."""
    from personality.assets.shipped_models import REAL_MODEL_FOLDERS
    from personality.inference.predict import load_models, predict_updates
    from personality.inference.prediction_document import prediction_lines, prediction_to_json
    from personality.preprocessing.media_errors import MediaError
    from personality.preprocessing.sample import read_clip_updates

    models = load_models(options.run_folders or REAL_MODEL_FOLDERS)
    status = 0
    for video in options.videos:
        try:
            result = prediction_to_json(video.name, list(predict_updates(read_clip_updates(video), models)), models)
        except MediaError as error:
            result, status = {"clip": video.name, "error": str(error)}, 1
        print(json.dumps(result) if options.json else "\n".join(prediction_lines(result)), flush=True)
    return status


def run_evaluate(options: argparse.Namespace) -> None:
    """Predict a split of a cache with trained models."""
    from personality.inference.evaluate import evaluate
    from personality.models.checkpoint import read_checkpoint_card
    from personality.predictions.prediction_files import write_predictions
    from personality.preprocessing.cache import Cache

    cache = Cache(options.cache)
    table, unavailable = evaluate(options.runs, cache, options.split)
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips x {table['model'].nunique()} models in {options.out}")
    for model, count in unavailable.items():
        if count:
            print(f"  {model} could not predict {count:,} clips, which have no face, sound or row in its table")
    for folder in options.runs:
        data = read_checkpoint_card(folder)["data"]
        if data["fingerprint"] != cache.card["fingerprint"]:
            print(f"  {folder.name} was trained on other data: {data['name']}")


def run_predict_table(options: argparse.Namespace) -> None:
    """Predict clips without labels with a model that uses a table of features."""
    from personality.inference.evaluate import predict_unlabelled
    from personality.preprocessing.cache import Cache
    from personality.utils.atomic_files import atomic_path

    table = predict_unlabelled(options.run_folder, Cache(options.cache))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.out) as path:
        table.to_csv(path, index=False)
    print(f"{len(table):,} clips without labels in {options.out}")


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers of the command line."""
    command = commands.add_parser("predict", help="predict the first impression of the person in a video")
    command.add_argument("videos", type=Path, nargs="+", metavar="VIDEO")
    command.add_argument(
        "--run",
        dest="run_folders",
        type=Path,
        action="append",
        help="folder of a trained model, may be repeated; default: the bundled models voice, words and voice_words",
    )
    command.add_argument("--json", action="store_true", help="print a JSON object per clip")
    command.set_defaults(run=run_predict)

    command = commands.add_parser("evaluate", help="predict a split of a cache with trained models")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    command.add_argument("--cache", type=Path, required=True)
    command.add_argument("--split", choices=SPLITS, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=run_evaluate)

    command = commands.add_parser(
        "predict-table", help="predict clips without labels with a model that uses a table of features"
    )
    command.add_argument("run_folder", type=Path, metavar="RUN")
    command.add_argument("--cache", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True, metavar="CSV")
    command.set_defaults(run=run_predict_table)
