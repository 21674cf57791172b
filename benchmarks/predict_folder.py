"""Clips a minute of a folder: `python -m benchmarks.predict_folder CLIP... [--copies N] [--repeats N]`.

Each clip is copied so many times into a dataset. In turns, on the same machine: `personality preprocess`; `personality
predict FOLDER --out` with the model that reads no words, and with all included models; a loop that starts `personality
predict` for every clip. Wall-clock time of the commands, with their start; two workers of one thread.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.machine import describe_machine
from personality.assets.shipped_models import REAL_MODEL_FOLDERS
from personality.traits import TRAIT_NAMES

WORKERS = "2"
LOOPED_CLIPS = 3  # of the loop, which takes as long for every clip


def main(arguments: Sequence[str]) -> None:
    """Print clips a minute of each command, and their ratios to preprocessing."""
    parser = argparse.ArgumentParser(prog="benchmarks.predict_folder")
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = copy_clips(options.clips, options.copies, Path(place) / "clips")
        commands = list_commands(folder, Path(place), len(options.clips) * options.copies)
        rates = {name: [run() for _ in range(options.repeats)] for name, run in commands.items()}
    reference = median(rates["preprocess"])
    for name, found in rates.items():
        print(
            f"{name}: {median(found):.1f} clips a minute ({min(found):.1f} to {max(found):.1f}), "
            f"{median(found) / reference:.2f} of preprocess"
        )


def copy_clips(clips: Sequence[Path], copies: int, folder: Path) -> Path:
    """A dataset of copies, with labels that nothing here reads."""
    folder.mkdir()
    names = [f"{number}-{copy}{clip.suffix}" for number, clip in enumerate(clips) for copy in range(copies)]
    for name in names:
        shutil.copy(clips[int(name.partition("-")[0])], folder / name)
    rows = [",".join(["clip", *TRAIT_NAMES]), *(",".join([name, *["0.5"] * len(TRAIT_NAMES)]) for name in names)]
    (folder / "clips.csv").write_text("\n".join(rows))
    return folder


def list_commands(folder: Path, place: Path, count: int) -> dict[str, Callable[[], float]]:
    """By name, what measures the clips a minute of a command."""
    voice = ["--run", str(next(one for one in REAL_MODEL_FOLDERS if one.name == "voice"))]
    table, cache = place / "table.csv", place / "cache"
    predict = ["predict", str(folder), "--workers", WORKERS, "--out", str(table)]
    first = sorted(folder.glob("*.mp4"))[:LOOPED_CLIPS]
    return {
        "preprocess": lambda: time_commands(
            [["preprocess", str(folder), "--out", str(cache), "--workers", WORKERS]], cache, count
        ),
        "predict, without words": lambda: time_commands([[*predict, *voice]], table, count),
        "predict": lambda: time_commands([predict], table, count),
        "loop of predict": lambda: time_commands([["predict", str(clip)] for clip in first], table, len(first)),
    }


def time_commands(commands: Sequence[Sequence[str]], result: Path, count: int) -> float:
    """Clips a minute of some commands, one after the other, that predict or preprocess `count` clips into `result`."""
    shutil.rmtree(result) if result.is_dir() else result.unlink(missing_ok=True)
    began = time.perf_counter()
    for command in commands:
        subprocess.run([sys.executable, "-m", "personality", *command], check=True, capture_output=True)
    return 60 * count / (time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
