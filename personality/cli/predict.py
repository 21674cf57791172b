"""Commands that predict videos, a split of a cache, or clips without labels."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personality.constants import INTERRUPTED_STATUS
from personality.dataset.index import SPLITS

if TYPE_CHECKING:
    from personality.inference.video_files import VideoPart
    from personality.inference.video_prediction import PredictionOptions
    from personality.models.checkpoint import Model


def run_predict(options: argparse.Namespace) -> int:
    """Predict the first impression of the person in each video."""
    from personality.assets.shipped_models import REAL_MODEL_FOLDERS
    from personality.inference.video_files import find_videos, plan_parts

    videos, folders = find_videos(options.videos), options.run_folders or REAL_MODEL_FOLDERS
    parts = plan_parts(videos, start=options.start, end=options.end, window=options.windows)
    if options.person == "each" and len(parts) > len(videos):
        raise ValueError("--person each predicts clips of up to 60 s; choose a part by --from and --to, or one person.")
    how = _read_prediction_options(options)
    return (_predict_to_table if options.out else _print_predictions)(parts, folders, how, options)


def _read_prediction_options(options: argparse.Namespace) -> PredictionOptions:
    from personality.explain.document import explain_sample
    from personality.inference.video_prediction import PredictionOptions

    if options.explain and options.out:
        raise ValueError("--explain adds to JSON; use it with --json, not with --out.")
    device = "cpu" if options.explain else options.device
    return PredictionOptions(options.person, device, explain_sample if options.explain else None)


def _print_predictions(
    parts: Sequence[VideoPart], folders: Sequence[Path], how: PredictionOptions, options: argparse.Namespace
) -> int:
    from personality.inference.prediction_document import prediction_lines
    from personality.inference.windows import window_lines

    status = 0
    for document in _predict_in_turn(parts, folders, how, options):
        status = 1 if "error" in document else status
        lines = [json.dumps(document)] if options.json else [*prediction_lines(document), *window_lines(document)]
        print("\n".join(lines), flush=True)
    return status


def _predict_in_turn(
    parts: Sequence[VideoPart], folders: Sequence[Path], how: PredictionOptions, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """The documents of clips, one after the other in this process; the windows of a clip in several."""
    from personality.inference.batch import predict_in_processes
    from personality.inference.predict import load_models
    from personality.inference.video_prediction import predict_part
    from personality.inference.windows import summarise_windows

    models: list[Model] = []
    for clip, found in groupby(parts, key=lambda part: part.key[0]):
        windows = {part.key: part for part in found}
        if len(windows) > 1:
            predicted = dict(predict_in_processes(windows, tuple(folders), how, options.workers, options.dask))
            yield summarise_windows(clip, [predicted[key][0] for key in windows])
        else:
            models = models or load_models(folders, how.device)
            (part,) = windows.values()
            yield from predict_part(part, models, how)


def _predict_to_table(
    parts: Sequence[VideoPart], folders: Sequence[Path], how: PredictionOptions, options: argparse.Namespace
) -> int:
    from personality.inference.batch import predict_to_table

    try:
        errors = predict_to_table(parts, folders, options.out, how, workers=options.workers, dask=options.dask)
    except KeyboardInterrupt:
        print(f"Stopped; finished clips are in {options.out}, and the same command goes on.", file=sys.stderr)
        return INTERRUPTED_STATUS
    print(f"{len(parts) - len(errors):,} clips in {options.out}, {len(errors):,} could not be predicted")
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


def _read_person(words: str) -> int | str:
    if words.isdecimal() or words in ("largest", "speaking", "each"):
        return int(words) if words.isdecimal() else words
    raise argparse.ArgumentTypeError(f"{words!r} is neither a number nor largest, speaking or each")


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
    command.add_argument(
        "--explain", action="store_true", help="add the timeline and the occlusions to the JSON of each clip"
    )
    command.add_argument(
        "--person",
        type=_read_person,
        default="largest",
        metavar="N|largest|speaking|each",
        help="whom to follow of several people: a number, the largest face that moves (default), whose mouth moves "
        "most, or each in turn",
    )
    command.add_argument("--from", dest="start", type=float, default=0.0, metavar="SECONDS", help="start of the part")
    command.add_argument("--to", dest="end", type=float, metavar="SECONDS", help="end of the part that is predicted")
    command.add_argument(
        "--windows", type=float, metavar="SECONDS", help="predict windows of this length; default: 30 s of long videos"
    )
    command.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where models run; auto: on a GPU, if any"
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=-1, help="processes that fill TABLE; -1: one per core")
    where.add_argument("--dask", metavar="ADDRESS", help="address of a Dask cluster to use instead of local processes")
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
