"""Speed of preprocessing, and quality of its face detection: `python -m benchmarks.preprocess`.

All ratios are between times of one run on the same workers, in which the pipelines alternate. Prints Markdown.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType

import joblib
import numpy as np
import pandas as pd

from benchmarks import machine
from benchmarks.face_pipelines import (
    bare_decoding,
    find_face_at_full_size,
    mtcnn,
    naive_pipeline,
    project_pipeline,
    run_on_one_thread,
)
from personality.preprocessing.cache import Cache
from personality.preprocessing.cache_entry import encode_entry
from personality.preprocessing.cache_tables import write_cache_tables
from personality.preprocessing.faces import Face, FaceFinder
from personality.preprocessing.media import open_media
from personality.preprocessing.media_errors import MediaSource
from personality.preprocessing.sample import read_clip_updates, read_sample
from personality.preprocessing.worker_pools import limit_to_one_thread
from personality.traits import TRAIT_NAMES

PROFILED_FUNCTIONS = {  # functions of each stage, by their names in the profiler
    "decoding": ("<method 'decode' of 'av.packet.Packet' objects>", "<built-in method av.container.core.open>"),
    "looking for faces": ("_find_nearby", "_find_anywhere", "grey"),
    "crops": ("_crop_face",),
    "age and gender": ("estimate_age_and_gender",),
    "emotions": ("predict_emotion_confidences",),
    "voice descriptors": ("compute_voice_frames",),
    "the entry": ("encode_entry", "write_bytes"),
}


# Speed.


def compare_pipeline_speeds(name: str, clips: Sequence[Path], workers: int, repeats: int) -> None:
    """Print the seconds per clip of alternating pipelines; the first turn is not counted."""
    ways: list[Callable[[Path, Path], None]] = [bare_decoding, project_pipeline, naive_pipeline]
    if importlib.util.find_spec("facenet_pytorch"):
        ways.append(mtcnn)
    taken: dict[str, list[float]] = {way.__name__: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder, joblib.Parallel(workers, backend="loky") as parallel:
        for turn in range(repeats + 1):
            for way in ways:
                began = time.perf_counter()
                parallel(joblib.delayed(run_on_one_thread)(way, clip, Path(folder)) for clip in clips)
                if turn:
                    taken[way.__name__].append((time.perf_counter() - began) / len(clips))
    seconds = {way: float(np.median(times)) for way, times in taken.items()}
    lengths = [_read_clip_seconds(clip) for clip in clips]
    print(f"\n**{name}**: {len(clips)} clips of {np.mean(lengths):.1f} s, median of {repeats} turns\n")
    print("| pipeline | s per clip | times real time | time of this project relative to it |\n|---|---|---|---|")
    for title, each in seconds.items():
        print(
            f"| {title.replace('_', ' ')} | {each:.3f} | {np.mean(lengths) / each:.1f} | "
            f"{seconds['project_pipeline'] / each:.2f} |"
        )


def _read_clip_seconds(clip: Path) -> float:
    with open_media(clip) as video:
        return video.metadata.duration


def print_stage_shares(name: str, clips: Sequence[Path]) -> None:
    """Print the share of each stage of this project in the time on one thread, by the profiler."""
    with limit_to_one_thread(), tempfile.TemporaryDirectory() as folder:
        project_pipeline(clips[0], Path(folder))
        profiler = cProfile.Profile()
        profiler.enable()
        for clip in clips:
            project_pipeline(clip, Path(folder))
        profiler.disable()
    calls = profiler.getstats()
    total = sum(call.inlinetime for call in calls)
    spent = {
        stage: sum(call.totaltime for call in calls if _is_profiled_as(call.code, names))
        for stage, names in PROFILED_FUNCTIONS.items()
    }
    rest = total - sum(spent.values())
    parts = [f"{stage} {value / total:.0%}" for stage, value in (spent | {"the rest": rest}).items()]
    print(f"\nShares ({name}): " + ", ".join(parts))


def _is_profiled_as(code: CodeType | str, names: tuple[str, ...]) -> bool:
    function = code if isinstance(code, str) else code.co_name
    return function in names or function.strip("{}<>") in [name.strip("{}<>") for name in names]


def time_first_face(name: str, clips: Sequence[Path]) -> None:
    """Print the seconds from opening a file to its first face, with the detector in memory."""
    waited = []
    for clip in clips:
        began = time.perf_counter()
        next(piece for piece in read_clip_updates(clip) if isinstance(piece, Face))
        waited.append(time.perf_counter() - began)
    print(f"\nFirst face ({name}): {np.mean(waited):.3f} s after opening, at most {max(waited):.3f} s")


# Faces.


def compare_face_detection(name: str, sources: Sequence[MediaSource], step: int) -> None:
    """Print detection rates, and overlaps of the aligned boxes with those at full resolution, on every step-th frame.

    `whole frame` searches the whole reduced frame each time; this project first searches near the last face.
    """
    rows = [row for source in sources for row in _detect_three_ways(source, step)]
    print(f"\n**{name}**: {len(rows)} frames of {len(sources)} files\n")
    print("| method | detection rate | mean overlap with full resolution |\n|---|---|---|")
    for place, way in enumerate(("full resolution", "whole frame", "this project")):
        overlaps = [_intersection_over_union(full, other) for row in rows if (full := row[0]) and (other := row[place])]
        print(f"| {way} | {np.mean([row[place] is not None for row in rows]):.4f} | {np.mean(overlaps):.4f} |")


def _detect_three_ways(source: MediaSource, step: int) -> list[tuple[Face | None, ...]]:
    finder = FaceFinder()
    with open_media(source) as video:
        wanted = (frame for number, frame in enumerate(video.frames()) if number % step == 0)
        return [(find_face_at_full_size(frame), FaceFinder().find(frame), finder.find(frame)) for frame in wanted]


def _intersection_over_union(one: Face, other: Face) -> float:
    """Compute the intersection over union of two boxes."""
    a, b = np.array(one.box, float), np.array(other.box, float)
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    areas = [np.prod(box[2:] - box[:2]) for box in (a, b)]
    return float(sides.prod() / (sum(areas) - sides.prod()))


# The cache.


CACHE_OPENING_SCRIPT = """
import sys, time
from pathlib import Path
from personality.preprocessing.cache import Cache
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
before, began = resident(), time.perf_counter()
clips = Cache(Path(sys.argv[1])).clips
took = time.perf_counter() - began
print(f"a cache of {len(clips):,} clips opens in {took:.3f} s and {resident() - before:.0f} MB more memory.")
"""


def measure_cache(clip: Path, entries: int, rows: int) -> None:
    """Print the size of an entry, the loader's faces per second on one core, and the cost of opening a large cache."""
    sample = read_sample(clip)
    with limit_to_one_thread(), tempfile.TemporaryDirectory() as folder:
        store = Cache(Path(folder))
        for number in range(entries):
            store.write(f"{number}.mp4", sample, "")
        began = time.perf_counter()
        for number in range(entries):
            store.read(f"{number}.mp4")
        rate = entries * len(sample.faces) / (time.perf_counter() - began)
        names = [f"{number:05d}.mp4" for number in range(rows)]
        labels = dict.fromkeys(TRAIT_NAMES, np.random.default_rng(0).random(rows))
        table = pd.DataFrame({"clip": names, "source": names, "split": "training", "location": names, **labels})
        write_cache_tables(store, table, dict.fromkeys(names, "the file is missing"), {})
        words = [sys.executable, "-c", CACHE_OPENING_SCRIPT, folder]
        opening = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    size = len(encode_entry("x", sample, "")) / 1e6
    print(f"\nCache: {size:.3f} MB per entry of {len(sample.faces)} faces; the loader reads {rate:,.0f} faces/s")
    print(f"on one core; {opening}")


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.preprocess", description=__doc__)
    parser.add_argument("--real", type=Path, help="folder of real clips")
    parser.add_argument("--synthetic", type=Path, help="output folder of `synthesize`")
    parser.add_argument("--portraits", type=Path, help="folder of pictures")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{machine.describe_machine()}; {options.workers} workers of one thread")
    sets = {"real clips": (options.real, 4), "synthetic clips": (options.synthetic, 1)}
    for name, (folder, copies) in sets.items():
        if folder is None:
            continue
        clips = sorted(folder.rglob("*.mp4"))
        few = clips[:: max(1, len(clips) // 16)][:16] * copies
        compare_pipeline_speeds(name, few, options.workers, options.repeats)
        print_stage_shares(name, few)
        time_first_face(name, few)
        compare_face_detection(name, clips, 5)
    if options.portraits:
        compare_face_detection("portraits", sorted(options.portraits.rglob("*.[jp][pn]g"))[:200], 1)
    measure_cache(clips[0], entries=200, rows=10_000)


if __name__ == "__main__":
    main()
