"""Speed of accuracy by group: `python -m benchmarks.analysis [--most CLIPS] [--out FOLDER]`.

Computes the same cells with this project and with fairlearn's bootstrap in one run, on one core, and measures time and
memory by the number of clips, each number in a separate process. Prints Markdown; with --out, also draws growth.svg.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import machine
from personality.analysis.gaps import compare_groups
from personality.analysis.groups import accuracy_by
from personality.traits import AGE_GROUPS, EMOTIONS, GENDERS, TRAIT_NAMES

RANDOM_MODEL_COUNT, CLIPS_PER_SOURCE = 4, 3.3  # as in First Impressions
TIMED_ATTRIBUTES = ("gender", "age_group", "emotion")
FAIRLEARN_BOOTSTRAP_DRAWS = 1_000
TIMED_CLIP_COUNTS = (2_000, 20_000, 200_000, 1_000_000)


def make_random_predictions(clips: int, seed: int = 0) -> pd.DataFrame:
    """Return a random predictions table with `clips` clips and four models. Text is categorical, which is advisable for
    a million clips."""
    random = np.random.default_rng(seed)
    sources = max(2, int(clips / CLIPS_PER_SOURCE))
    source, labels = random.integers(sources, size=clips), random.random((clips, len(TRAIT_NAMES)))
    codes = {
        "gender": random.integers(2, size=sources)[source],
        "age_group": random.integers(8, size=sources)[source],
        "emotion": random.integers(7, size=clips),
    }
    clip = np.repeat(np.arange(clips), RANDOM_MODEL_COUNT * len(TRAIT_NAMES))
    model = np.tile(np.repeat(np.arange(RANDOM_MODEL_COUNT), len(TRAIT_NAMES)), clips)
    trait = np.tile(np.arange(len(TRAIT_NAMES)), clips * RANDOM_MODEL_COUNT)

    def text(numbers: np.ndarray, names: list[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(numbers, names)

    groups = {"gender": GENDERS, "age_group": AGE_GROUPS, "emotion": EMOTIONS}
    return pd.DataFrame(
        {
            "clip": text(clip, [f"c{number}" for number in range(clips)]),
            "source": text(source[clip], [f"s{number}" for number in range(sources)]),
            "split": text(np.zeros(len(clip), int), ["test"]),
            "model": text(model, [f"m{number}" for number in range(RANDOM_MODEL_COUNT)]),
            "trait": text(trait, list(TRAIT_NAMES)),
            "predicted": random.random(len(clip)),
            "actual": labels[clip, trait],
            "constant": 0.5,
            **{name: text(codes[name][clip], list(groups[name])) for name in TIMED_ATTRIBUTES},
        }
    )


def time_group_accuracy(table: pd.DataFrame) -> float:
    """Return the seconds for all figures and intervals of all groups of the three attributes."""
    start = time.perf_counter()
    for attribute in TIMED_ATTRIBUTES:
        accuracy_by(table, [attribute])
    return time.perf_counter() - start


def time_fairlearn_bootstrap(table: pd.DataFrame) -> float:
    """Return the seconds for mean absolute errors with a bootstrap: of one model and trait, times models and traits."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import mean_absolute_error

    one = table[table["model"].eq("m0") & table["trait"].eq(TRAIT_NAMES[0])]
    start = time.perf_counter()
    for attribute in TIMED_ATTRIBUTES:
        MetricFrame(
            metrics=mean_absolute_error,
            y_true=one["actual"],
            y_pred=one["predicted"],
            sensitive_features=one[attribute].astype(str),
            n_boot=FAIRLEARN_BOOTSTRAP_DRAWS,
            ci_quantiles=[0.025, 0.975],
            random_state=0,
        )
    return (time.perf_counter() - start) * RANDOM_MODEL_COUNT * len(TRAIT_NAMES)


def measure_in_subprocess(clips: int) -> dict[str, float]:
    """Measure the time in seconds and the peak memory in gigabytes in a separate process."""
    command = [sys.executable, "-m", "benchmarks.analysis", "--measure", str(clips)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_time_and_memory(clips: int) -> dict[str, float]:
    """Measure time and memory in this process, for `measure_in_subprocess`."""
    table = make_random_predictions(clips)
    memory = peak_memory_kilobytes()
    seconds = time_group_accuracy(table)
    return {"clips": clips, "seconds": seconds, "table": memory / 2**20, "gigabytes": peak_memory_kilobytes() / 2**20}


def peak_memory_kilobytes() -> int:
    """Return the peak memory of this process in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def draw_growth_svg(rows: list[dict[str, float]]) -> str:
    """Plot seconds against clips, both on logarithmic axes, as SVG."""
    width, height, left, bottom = 520, 300, 60, 50

    def place(clips: float, seconds: float) -> tuple[float, float]:
        x = left + (math.log10(clips) - 3) / 3.2 * (width - left - 20)
        return x, height - bottom - (math.log10(seconds) + 2) / 4 * (height - bottom - 20)

    points = [place(row["clips"], row["seconds"]) for row in rows]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#0072B2"/>' for x, y in points)
    marks += "".join(
        f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{row["seconds"]:.2f} s</text>'
        for (x, y), row in zip(points, rows, strict=True)
    )
    for power in range(3, 7):
        x = place(10**power, 1)[0]
        marks += f'<text x="{x:.1f}" y="{height - 28}" text-anchor="middle">{10**power:,}</text>'
    for power in range(-2, 3):
        y = place(1000, 10.0**power)[1]
        marks += f'<line x1="{left}" x2="{width - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        marks += f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    marks += f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">clips</text>'
    marks += f'<text x="{left}" y="12">seconds</text>'
    style = 'font-family="sans-serif" font-size="12" fill="#555"'
    box = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>'
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return f'{box}{ground}{marks}<polyline points="{line}" fill="none" stroke="#0072B2" stroke-width="2"/></svg>\n'


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser("python -m benchmarks.analysis")
    parser.add_argument("--most", type=int, default=TIMED_CLIP_COUNTS[-1], help="maximum number of clips")
    parser.add_argument("--out", type=Path, help="folder for growth.svg")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure_time_and_memory(options.measure)))
        return
    table = make_random_predictions(TIMED_CLIP_COUNTS[0])
    time_group_accuracy(table)
    mine, theirs, again = time_group_accuracy(table), time_fairlearn_bootstrap(table), time_group_accuracy(table)
    best = min(mine, again)
    start = time.perf_counter()
    for attribute in TIMED_ATTRIBUTES:
        compare_groups(table, [attribute])
    gaps = time.perf_counter() - start
    print(f"{machine.describe_machine()}\n\n| 2,000 clips, 4 models, 5 traits, 17 groups | s |\n|---|---|")
    print(f"| this project, every figure with its interval | {mine:.3f}, {again:.3f} |")
    print(
        f"| fairlearn, mean absolute error only, B = {FAIRLEARN_BOOTSTRAP_DRAWS} | {theirs:.0f} "
        f"({theirs / best:,.0f} times) |"
    )
    print(f"| this project, gaps with tests | {gaps:.2f} |\n")
    print("| clips | rows | s | peak memory, GB | of which table and Python |\n|---|---|---|---|---|")
    rows = [measure_in_subprocess(clips) for clips in TIMED_CLIP_COUNTS if clips <= options.most]
    for row in rows:
        memory = f"{row['gigabytes']:.2f} | {row['table']:.2f}"
        print(
            f"| {row['clips']:,} | {row['clips'] * RANDOM_MODEL_COUNT * len(TRAIT_NAMES):,} | "
            f"{row['seconds']:.2f} | {memory} |"
        )
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "growth.svg").write_text(draw_growth_svg(rows))


if __name__ == "__main__":
    main()
