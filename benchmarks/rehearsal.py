"""Run all steps from First Impressions to a report, without the data: `python -m benchmarks.rehearsal FOLDER`.

Computer-made people are written to FOLDER in the layout of First Impressions (`synthesize --as-distributed`). Then the
commands of docs/first-impressions.md run on them. With --kill, each command is killed (SIGKILL) after some seconds and
started again, to test that every step resumes. Prints Markdown: the seconds of each step, and the hours projected for
the 10,000 clips of First Impressions. Finished steps are not repeated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.machine import describe_machine
from personality.dataset.index import SPLITS

FIRST_IMPRESSIONS_CLIPS = 10_000
CLIPS_PER_PERSON = 4
MODALITIES_IN_ORDER = ("audio", "visual", "audiovisual", "handcrafted")


class Step(NamedTuple):
    """A command of the recipe, the command that continues it after a kill, and whether it has finished."""

    name: str
    command: list[str]
    resume: list[str]
    is_finished: Callable[[], bool]


def list_steps(folder: Path, people: int) -> Iterator[Step]:
    """Yield the steps in order."""
    data, cache, runs = folder / "data", folder / "cache", folder / "runs"
    table, report = folder / "predictions.parquet", folder / "report.html"
    transcripts = [data / "annotation" / f"transcription_{split}.pkl" for split in SPLITS]
    trained = [runs / modality for modality in MODALITIES_IN_ORDER]
    groups = ("--by", "gender", "--by", "age_group")
    yield _step("synthesize", transcripts[-1], "synthesize", data, "--people", people, "--as-distributed")
    yield _step("preprocess", cache / "clips.parquet", "preprocess", data, "--out", cache)
    yield _step("add-text", cache / "tables" / "text.parquet", "add-text", cache, *transcripts)
    yield from (_training_step(cache, run) for run in trained)
    yield _step("evaluate", table, "evaluate", *trained, "--cache", cache, "--split", "test", "--out", table)
    yield _step("report", report, "report", table, *groups, "--out", report)


def _step(name: str, product: Path, *command: str | Path | int) -> Step:
    """Return a step of the command `personality`, which continues if it is run again."""
    words = ["personality", *map(str, command)]
    return Step(name, words, words, product.is_file)


def _training_step(cache: Path, run: Path) -> Step:
    command = ["training", "run", str(cache), "--modality", run.name, "--preset", "modern", "--out", str(run.parent)]
    return Step(f"train {run.name}", command, ["training", "resume", str(run)], lambda: _is_trained(run))


def _is_trained(run: Path) -> bool:
    return (run / "status.json").is_file() and json.loads((run / "status.json").read_text())["state"] == "done"


def run_step(step: Step, log: Path, kill_seconds: float) -> float:
    """Run a step, which is killed once after `kill_seconds` if that is not 0; return the seconds until it finished."""
    began = time.monotonic()
    with log.open("a") as output:
        if kill_seconds:
            _run_killed(step.command, output, kill_seconds)
        if not step.is_finished():
            command = step.resume if kill_seconds else step.command
            subprocess.run(_as_module(command), stdout=output, stderr=output, check=True)
    if not step.is_finished():
        raise RuntimeError(f"{step.name} ended without its output; see {log}.")
    return time.monotonic() - began


def _run_killed(command: list[str], output: IO[str], seconds: float) -> None:
    with subprocess.Popen(_as_module(command), stdout=output, stderr=output) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def _as_module(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="output folder; run again to continue")
    parser.add_argument("--people", type=int, default=250, help="number of people, with four clips each")
    parser.add_argument("--kill", type=float, default=0, metavar="SECONDS", help="kill each step once after SECONDS")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    times_file, clips = options.folder / "seconds.json", options.people * CLIPS_PER_PERSON
    times = json.loads(times_file.read_text()) if times_file.exists() else {}
    print(f"{describe_machine()}; {clips:,} clips\n\n| step | s | projected h |\n|---|---|---|")
    for step in list_steps(options.folder, options.people):
        if step.name not in times:
            kill_seconds = 0 if step.name == "synthesize" else options.kill
            times[step.name] = run_step(step, options.folder / "log", kill_seconds)
            times_file.write_text(json.dumps(times))
        hours = times[step.name] * FIRST_IMPRESSIONS_CLIPS / clips / 3600
        print(f"| {step.name} | {times[step.name]:.0f} | {hours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
