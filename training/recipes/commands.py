"""The commands of `personality-train` that produce the included weights, figures and clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from personality.utils.locations import ASSETS_FOLDER

PORTRAITS_HELP = "folder of images/ and attribute_means.csv"
WEIGHTS_HELP, SEED_HELP = "output folder; default: that of the included files", "random seed; default: 0"


def _emotion(options: argparse.Namespace) -> None:
    from training.engine.process_memory import keep_freed_memory
    from training.recipes.emotion_network import train_emotion_network

    keep_freed_memory()
    train_emotion_network(
        options.fer2013,
        options.out,
        epochs=options.epochs,
        seed=options.seed,
        start=options.start,
        teachers=options.teacher,
    )


def _portraits(options: argparse.Namespace) -> None:
    from training.engine.process_memory import keep_freed_memory
    from training.recipes.portrait_ratings import PORTRAIT_EPOCHS, cross_validate_portraits, rate_new_portraits

    keep_freed_memory()
    epochs = options.epochs or PORTRAIT_EPOCHS
    if options.rate is None:
        print(cross_validate_portraits(options.portraits, options.out, epochs=epochs).round(3).to_string())
        return
    without = rate_new_portraits(options.portraits, options.rate, options.csv, epochs=epochs)
    left_out = f"; no face was found in {', '.join(without)}" if without else ""
    print(f"ratings in {options.csv}{left_out}")


def _portrait_ratings(options: argparse.Namespace) -> None:
    from training.engine.process_memory import keep_freed_memory
    from training.recipes.portrait_ratings import train_face_impressions

    keep_freed_memory()
    for name, figures in train_face_impressions(options.portraits, options.work, options.out)["held_out"]["r2"].items():
        print(f"{name}: R2 {figures['r2']} [{figures['low']}, {figures['high']}]")


def _face_model(options: argparse.Namespace) -> None:
    from training.recipes.face_model import build_face_model, find_landmark_predictor

    card = build_face_model(options.portraits, options.predictor or find_landmark_predictor(), options.out)
    print(card["rating_r2_10_fold"])


def _rated_portraits(options: argparse.Namespace) -> None:
    from training.recipes.rated_portraits import write_portrait_dataset

    table = write_portrait_dataset(options.portraits, options.people, options.out)
    print(f"{len(table):,} portraits in {options.out}, {table['split'].eq('test').sum():,} of them held out")


def _speech_clip(options: argparse.Namespace) -> None:
    from training.recipes.speech_clip import write_speech_clip

    write_speech_clip(options.out)


def _real_models(options: argparse.Namespace) -> None:
    from training.recipes.real_models import train_real_models

    for line in train_real_models(options.folder, options.out, seed=options.seed, predictions=options.predictions):
        print(line)


def _real_figures(options: argparse.Namespace) -> None:
    from training.recipes.real_figures import write_real_figures

    card = write_real_figures(options.predictions, options.out)
    clips, videos = card["clips"]["all"], card["videos"]["all"]
    print(f"figures of {', '.join(card['models'])} on {clips:,} clips of {videos:,} videos in {options.out}")


def _publish_demo(options: argparse.Namespace) -> None:
    from training.recipes.publish_demo import publish_demo

    publish_demo(options.work, options.out, options.portraits)


def add_recipes(commands: Any) -> None:
    """Add the recipes to the subparsers of the command line."""
    command = commands.add_parser("emotion", help="train the emotion network on FER-2013")
    command.add_argument("fer2013", type=Path, help="folder of training.npz and public_test.npz")
    command.add_argument("--out", type=Path, default=ASSETS_FOLDER / "emotion", help=WEIGHTS_HELP)
    command.add_argument("--epochs", type=int, default=40, help="number of epochs; default: 40")
    command.add_argument("--start", type=Path, help="folder of initial weights, such as the included ones")
    words = "folder of a teacher's weights, to learn from in addition to the labels; may be repeated"
    command.add_argument("--teacher", type=Path, action="append", default=[], help=words)
    command.add_argument("--seed", type=int, default=0, help=SEED_HELP)
    command.set_defaults(run=_emotion)

    command = commands.add_parser("portraits", help="train on rated portraits: cross-validate, or rate other pictures")
    command.add_argument("portraits", type=Path, help=PORTRAITS_HELP)
    command.add_argument("--out", type=Path, default=Path("workspace/portraits"), help="folder of the cross-validation")
    command.add_argument("--rate", type=Path, metavar="FOLDER", help="train on all portraits and rate these pictures")
    command.add_argument("--csv", type=Path, default=Path("ratings.csv"), help="output file of --rate")
    command.add_argument("--epochs", type=int, help="number of epochs; default: that of the recipe")
    command.set_defaults(run=_portraits)

    command = commands.add_parser("portrait-ratings", help="train the included face ratings")
    command.add_argument("portraits", type=Path, help=PORTRAITS_HELP)
    command.add_argument(
        "--work", type=Path, default=Path("workspace/portraits"), help="folder of the cross-validation"
    )
    command.add_argument("--out", type=Path, default=ASSETS_FOLDER / "face_impressions", help=WEIGHTS_HELP)
    command.set_defaults(run=_portrait_ratings)

    command = commands.add_parser("face-model", help="build the face model from portraits")
    command.add_argument("portraits", type=Path, help=PORTRAITS_HELP)
    command.add_argument("--predictor", type=Path, help="dlib's 68-point predictor; default: the packaged one")
    command.add_argument("--out", type=Path, default=ASSETS_FOLDER / "face_model", help=WEIGHTS_HELP)
    command.set_defaults(run=_face_model)

    command = commands.add_parser(
        "rated-portraits", help="create a dataset of rated portraits for the practice visual model"
    )
    command.add_argument("portraits", type=Path, help=PORTRAITS_HELP)
    command.add_argument("people", type=Path, help="output folder of `synthesize`, whose label scale is used")
    command.add_argument("out", type=Path, help="folder of the dataset")
    command.set_defaults(run=_rated_portraits)

    command = commands.add_parser("speech-clip", help="create the sample clip with English speech (requires flite)")
    command.add_argument("out", type=Path, help="file of the clip")
    command.set_defaults(run=_speech_clip)

    command = commands.add_parser("real-models", help="train the models of real people on First Impressions")
    command.add_argument("folder", type=Path, help="annotation and transcription pickles, audio_features/*.csv")
    command.add_argument("--out", type=Path, default=ASSETS_FOLDER / "models", help=WEIGHTS_HELP)
    command.add_argument("--seed", type=int, default=0, help=SEED_HELP)
    command.add_argument(
        "--predictions", type=Path, metavar="FILE", help="output file of predictions (validation split)"
    )
    command.set_defaults(run=_real_models)

    command = commands.add_parser("real-figures", help="compute the included figures by group on real people")
    command.add_argument("predictions", type=Path, nargs="+", metavar="PREDICTIONS", help="tables of one split")
    command.add_argument("--out", type=Path, default=ASSETS_FOLDER / "real_figures", help=WEIGHTS_HELP)
    command.set_defaults(run=_real_figures)

    command = commands.add_parser("publish-demo", help="copy the results of `make demo` to the published folder")
    command.add_argument("work", type=Path, help="folder in which `make demo` worked")
    command.add_argument("out", type=Path, help="folder to publish in")
    command.add_argument("--portraits", type=Path, help="rated portraits that the visual model was trained on too")
    command.set_defaults(run=_publish_demo)
