"""Commands that predict videos, a split of a cache, or clips without labels."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personality.dataset.index import SPLITS

if TYPE_CHECKING:
    from personality.inference.batch import VideoFile

INTERRUPTED_STATUS = 130  # as shells report Ctrl-C


def run_predict(options: argparse.Namespace) -> int:
    """Predict the first impression of the person in each video."""
    from personality.assets.shipped_models import REAL_MODEL_FOLDERS
    from personality.inference.batch import find_videos

    videos, folders = find_videos(options.videos), options.run_folders or REAL_MODEL_FOLDERS
    return _predict_to_table(videos, folders, options) if options.out else _print_predictions(videos, folders, options)


def _print_predictions(videos: list[VideoFile], folders: Sequence[Path], options: argparse.Namespace) -> int:
    from personality.inference.batch import predict_video
    from personality.inference.predict import load_models
    from personality.inference.prediction_document import prediction_lines

    models, status = load_models(folders), 0
    for video in videos:
        result = predict_video(video, models)
        status = 1 if "error" in result else status
        print(json.dumps(result) if options.json else "\n".join(prediction_lines(result)), flush=True)
    return status


def _predict_to_table(videos: list[VideoFile], folders: Sequence[Path], options: argparse.Namespace) -> int:
    from personality.inference.batch import predict_to_table

    try:
        errors = predict_to_table(videos, folders, options.out, workers=options.workers)
    except KeyboardInterrupt:
        print(f"Stopped; finished clips are in {options.out}, and the same command goes on.", file=sys.stderr)
        return INTERRUPTED_STATUS
    print(f"{len(videos) - len(errors):,} clips in {options.out}, {len(errors):,} could not be predicted")
    for clip, error in errors.items():
        print(f"  {clip}: {error}")
    return 1 if errors else 0


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
    command.add_argument("videos", type=Path, nargs="+", metavar="VIDEO_OR_FOLDER")
    command.add_argument(
        "--run",
        dest="run_folders",
        type=Path,
        action="append",
        help="folder of a trained model, may be repeated; default: the bundled models voice, words and voice_words",
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print a JSON object per clip")
    how.add_argument(
        "--out", type=Path, metavar="TABLE", help="write a .csv or .parquet table, a row per clip; run again to resume"
    )
    command.add_argument("--workers", type=int, default=-1, help="processes that fill TABLE; -1: one per core")
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
