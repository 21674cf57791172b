"""The command line: `python -m personality COMMAND`, from synthetic people to accuracy by group."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from personality import reports
from personality.dataset.index import SPLITS
from personality.sentences import sentence


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 with one sentence on what was wrong."""
    options = _parser().parse_args(_files_first(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(options.run(options) or 0)
    except (OSError, ValueError) as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        return 1


def _files_first(arguments: list[str]) -> list[str]:
    """A file whose name begins with `-`, as many of First Impressions do, is a file and no option."""
    return [f"./{word}" if word.startswith("-") and Path(word).is_file() else word for word in arguments]


def _synthesize(options: argparse.Namespace) -> None:
    from personality.synthetic.people import synthesize

    table = synthesize(options.out, people=options.people, seed=options.seed, workers=options.workers)
    print(f"{len(table):,} clips of {table['source'].nunique():,} people in {options.out}")


def _preprocess(options: argparse.Namespace) -> None:
    from personality.dataset import load_dataset
    from personality.preprocessing.run import preprocess

    dataset = load_dataset(options.dataset, scale=options.scale, is_reversed=bool(options.reversed))
    print(dataset.report())
    how = {name: getattr(options, name) for name in ("workers", "dask", "remake", "whole_sound")}
    clips = preprocess(dataset, options.out, **how)
    failed = clips[clips["error"] != ""]
    print(f"{len(clips) - len(failed):,} clips in {options.out}, {len(failed):,} could not be read")
    for reason, rows in failed.groupby("error"):
        print(f"  {len(rows):,} x {reason} ({rows['clip'].iloc[0]} ...)")


def _add_table(options: argparse.Namespace) -> None:
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.tables import add_table, read_table_files

    _added(add_table(Cache(options.cache), options.name, read_table_files(options.files)), options)


def _add_text(options: argparse.Namespace) -> None:
    from personality.preprocessing.cache import Cache
    from personality.preprocessing.tables import add_table, read_texts
    from personality.preprocessing.text import describe

    cache = Cache(options.cache)
    texts = read_texts(options.transcriptions, list(cache.clips["clip"]))
    _added(add_table(cache, options.name, describe(texts)), options)


def _added(left_out: int, options: argparse.Namespace) -> None:
    from personality.preprocessing.cache import Cache

    table = Cache(options.cache).table(options.name)
    print(f"{len(table):,} clips x {len(table.columns)} columns, {left_out:,} rows without all figures left out")


def _evaluate(options: argparse.Namespace) -> None:
    from personality.evaluate import evaluate, write_predictions
    from personality.models.checkpoint import read_card
    from personality.preprocessing.cache import Cache

    cache = Cache(options.cache)
    table, silent = evaluate(options.runs, cache, options.split)
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips x {table['model'].nunique()} models in {options.out}")
    for model, count in silent.items():
        if count:
            print(f"  {model} could not speak on {count:,} clips without face, sound or row in its table")
    for folder in options.runs:
        data = read_card(folder)["data"]
        if data["fingerprint"] != cache.card["fingerprint"]:
            print(f"  {folder.name} was trained on other data: {data['name']}")


def _predict_table(options: argparse.Namespace) -> None:
    from personality.evaluate import predict_unlabelled
    from personality.preprocessing.cache import Cache
    from personality.storage import atomic_path

    table = predict_unlabelled(options.run_folder, Cache(options.cache))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.out) as path:
        table.to_csv(path, index=False)
    print(f"{len(table):,} clips without labels in {options.out}")


def _import(options: argparse.Namespace) -> None:
    from personality.dataset import load_dataset
    from personality.evaluate import write_predictions
    from personality.inference.import_predictions import import_predictions

    dataset = load_dataset(options.dataset, scale=options.label_scale, is_reversed=bool(options.label_reversed))
    how = {name: getattr(options, name) for name in ("split", "model", "scale", "trained_on")}
    table, preview = import_predictions(options.csv, dataset, is_reversed=bool(options.reversed), **how)
    print(f"{options.csv}, as {options.model}:")
    for line in preview:
        print(f"  {line}")
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips of {options.model} in {options.out}")


def _join(options: argparse.Namespace) -> None:
    from personality.evaluate import join_predictions, read_predictions, write_predictions

    table = join_predictions([read_predictions(path) for path in options.tables], mean=options.mean)
    write_predictions(table, options.out)
    print(f"{table['clip'].nunique():,} clips x {table['model'].nunique()} models in {options.out}")


def _predict(options: argparse.Namespace) -> int:
    from personality.inference.document import as_json, prediction_lines
    from personality.predict import load_models, predict
    from personality.preprocessing.refusal import MediaError
    from personality.preprocessing.sample import read_pieces
    from personality.shipped_models import REAL_MODELS

    models = load_models(options.run_folders or REAL_MODELS)
    status = 0
    for video in options.videos:
        try:
            result = as_json(video.name, list(predict(read_pieces(video), models)), models)
        except MediaError as error:
            result, status = {"clip": video.name, "error": str(error)}, 1
        print(json.dumps(result) if options.json else "\n".join(prediction_lines(result)), flush=True)
    return status


def _add_scale(command: argparse.ArgumentParser, prefix: str, *, of: str) -> None:
    """How values are brought to [0, 1], high for emotionally stable."""
    words = f"the ends of the scale of the {of}, such as 1 7; default: 0 1"
    command.add_argument(f"--{prefix}scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help=words)
    command.add_argument(
        f"--{prefix}reversed",
        nargs="?",
        const="neuroticism",
        choices=("neuroticism",),
        help=f"the fifth trait of the {of} truly is neuroticism, high for uneasy",
    )


def _add_by(command: argparse.ArgumentParser, *, required: bool) -> None:
    """What commands on groups have in common."""
    words = "may be repeated: intersections; age:25,40 cuts numbers into ranges"
    command.add_argument("--by", action="append", metavar="ATTRIBUTE", help=words, required=required)
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--export", type=Path, metavar="FILE", help="all figures as .csv or .json, with the method of the intervals"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m personality", description="Apparent personality from short videos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("synthesize", help="make a dataset of people who do not exist")
    command.add_argument("out", type=Path)
    command.add_argument("--people", type=int, default=200)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--workers", type=int, default=-1, help="processes; -1 is one a core")
    command.set_defaults(run=_synthesize)

    command = commands.add_parser("preprocess", help="read the clips of a dataset into a cache")
    command.add_argument("dataset", type=Path)
    command.add_argument("--out", type=Path, required=True)
    group = command.add_mutually_exclusive_group()
    group.add_argument("--workers", type=int, default=-1, help="processes; -1 is one a core")
    group.add_argument("--dask", metavar="ADDRESS", help="send the clips to the Dask cluster at this address")
    command.add_argument("--remake", action="store_true", help="make entries again that are stale")
    _add_scale(command, "", of="labels in clips.csv")
    command.add_argument("--whole-sound", action="store_true", help="keep the sound after the first 5 s too")
    command.set_defaults(run=_preprocess)

    command = commands.add_parser("add-table", help="keep anybody's features of the clips in a cache")
    command.add_argument("cache", type=Path)
    command.add_argument("name", help="what to call the table, small letters")
    command.add_argument("files", type=Path, nargs="+", metavar="FILE", help="CSV or parquet with a column clip")
    command.set_defaults(run=_add_table)

    command = commands.add_parser("add-text", help="turn transcriptions into the table `text`")
    command.add_argument("cache", type=Path)
    words = "First Impressions' transcription_*.pkl, or text files named after their clips"
    command.add_argument("transcriptions", type=Path, nargs="+", metavar="FILE", help=words)
    command.set_defaults(run=_add_text, name="text")

    command = commands.add_parser("predict-table", help="what a model of tables says of clips without labels")
    command.add_argument("run_folder", type=Path, metavar="RUN")
    command.add_argument("--cache", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True, metavar="CSV")
    command.set_defaults(run=_predict_table)

    command = commands.add_parser("evaluate", help="predict a split of a cache with trained models")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    command.add_argument("--cache", type=Path, required=True)
    command.add_argument("--split", choices=SPLITS, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("import-predictions", help="bring in somebody else's predictions")
    command.add_argument("csv", type=Path)
    command.add_argument("--dataset", type=Path, required=True)
    command.add_argument("--split", choices=SPLITS, required=True)
    command.add_argument("--model", required=True, help="what to call the model")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument(
        "--trained-on",
        nargs="+",
        choices=(*SPLITS, "none"),
        default=("training",),
        metavar="SPLIT",
        help="splits that the model was trained on, which says whose sources it has seen; none: of another dataset",
    )
    _add_scale(command, "", of="predictions")
    _add_scale(command, "label-", of="labels in clips.csv")
    command.set_defaults(run=_import)

    command = commands.add_parser("accuracy", help="accuracy by group, with n and intervals")
    command.add_argument("predictions", type=Path)
    _add_by(command, required=False)
    command.set_defaults(run=reports.accuracy)

    command = commands.add_parser("gaps", help="differences between groups, tested by leaving out sources")
    command.add_argument("predictions", type=Path)
    _add_by(command, required=True)
    command.add_argument("--reference", metavar="GROUP", help="what the others are held against; default: all others")
    words = "gain, accuracy, signed_error, concordance, r2 or actual_mean; default: gain and accuracy"
    command.add_argument("--measure", help=words)
    command.set_defaults(run=reports.gaps)

    command = commands.add_parser("worst-groups", help="search groups of up to three attributes for the worst served")
    command.add_argument("predictions", type=Path)
    words = "may be repeated; default: every attribute of few values"
    command.add_argument("--by", action="append", default=[], metavar="ATTRIBUTE", help=words)
    command.add_argument("--measure", default="accuracy", help="as of gaps")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=reports.worst)

    command = commands.add_parser("mitigate", help="correct predictions by group, and what that changes for whom")
    command.add_argument("predictions", type=Path)
    command.add_argument("--by", action="append", metavar="ATTRIBUTE", required=True, help="may be repeated: crossed")
    command.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS")
    command.set_defaults(run=reports.mitigate)

    command = commands.add_parser("report", help="an audit of a predictions table as one HTML file")
    command.add_argument("predictions", type=Path)
    words = "each looked at by itself; the worst groups are searched among all of them"
    command.add_argument("--by", action="append", metavar="ATTRIBUTE", required=True, help=words)
    command.add_argument("--out", type=Path, required=True, metavar="HTML")
    command.set_defaults(run=reports.report)

    command = commands.add_parser("join", help="several predictions tables of the same clips as one")
    command.add_argument("tables", type=Path, nargs="+", metavar="PREDICTIONS")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--mean", metavar="MODEL", help="add the plain mean of all models under this name")
    command.set_defaults(run=_join)

    command = commands.add_parser("compare", help="how much better models are than one of them, with intervals")
    command.add_argument("predictions", type=Path)
    command.add_argument("--reference", required=True, metavar="MODEL")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=reports.compare)

    command = commands.add_parser("predict", help="predict the first impression that the person in a video makes")
    command.add_argument("videos", type=Path, nargs="+", metavar="VIDEO")
    command.add_argument(
        "--run",
        dest="run_folders",
        type=Path,
        action="append",
        help="a trained model; default: the models of real people that ship (voice, words, voice_words)",
    )
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=_predict)
    return parser


if __name__ == "__main__":
    sys.exit(main())
