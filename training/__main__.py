"""The command `personality-train`, the same as `python -m training`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from personality.constants import INTERRUPTED_STATUS
from personality.utils.atomic_files import hold_lock_file
from personality.utils.error_messages import describe_error
from training.config.run_config import Config
from training.config.run_options import DEFAULT_RUNS, LARGEST_BATCH_OPTION, add_run_options, config_from_options
from training.engine.cluster import LAUNCHERS, make_executor, submit_run
from training.recipes.commands import add_recipes
from training.runs.launch import PRACTICE_LOCK_FILE, create_run, stop_run, temporary_run
from training.runs.notes import read_tags
from training.runs.run import ACTIVE_STATES, Run, list_runs
from training.runs.run_queue import hold_device, list_waiting_runs, work_off_queue

PRACTICE_PEOPLE = 60
RUN_HELP, RUNS_HELP = "folder of a run", f"folder of runs; default: {DEFAULT_RUNS}"


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, or 1 after printing an error."""
    options = _build_training_parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (ValueError, OSError) as error:
        print(f"error: {describe_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while a run waits; one that trains stops by itself
        return INTERRUPTED_STATUS


def _start_new_run(options: argparse.Namespace) -> int:
    from training import distributed

    if options.launcher is not None:
        return _submit_new_run(options)
    with distributed.process_group():
        return _train_to_end(
            Run(Path(distributed.broadcast_from_first("" if distributed.rank() else str(_create_run(options)))))
        )


def _submit_new_run(options: argparse.Namespace) -> int:
    executor = make_executor(options.out, options.launcher, options.job)
    print(f"submitted as job {submit_run(Run(_create_run(options)), executor)}")
    return 0


def _create_run(options: argparse.Namespace) -> Path:
    """The folder of a new run."""
    run = create_run(_config_from_options(options), cache=options.cache, runs=options.out)
    print(f"run in {run.folder}")
    return run.folder


def _dry_run_options(options: argparse.Namespace) -> None:
    with temporary_run(_config_from_options(options), cache=options.cache, runs=options.out) as run:
        _print_dry_run(run)


def _dry_run_folder(options: argparse.Namespace) -> None:
    _print_dry_run(Run(options.run_folder))


def _print_dry_run(run: Run) -> None:
    from training.engine.context import prepare_run
    from training.engine.dry_run import perform_dry_run

    print(perform_dry_run(prepare_run(run)).report())


def _work_off_queue(options: argparse.Namespace) -> None:
    waiting = [run.folder.name for run in list_waiting_runs(options.runs)]
    print(f"waiting: {', '.join(waiting)}" if waiting else f"no run waits in {options.runs}")
    if waiting and not work_off_queue(options.runs):
        print("another process trains them")


def _train_to_end(run: Run) -> int:
    """Train a run and print its final status; returns 0 if it is done."""
    from training import distributed
    from training.engine.process_memory import keep_freed_memory
    from training.engine.train_run import train_run

    keep_freed_memory()
    with nullcontext() if distributed.rank() else hold_device(run, wait=distributed.process_count() == 1):
        train_run(run)
    status = run.status()
    if not distributed.rank():
        print(f"{status['state']}: {status.get('why', '')}")
    return 0 if status["state"] == "done" else 1


def _config_from_options(options: argparse.Namespace) -> Config:
    config = config_from_options(options)
    if options.batch == LARGEST_BATCH_OPTION:
        return replace(config, batch=_print_largest_batch(options, config))
    return config


def _print_largest_batch(options: argparse.Namespace, config: Config) -> int:
    from training.engine.context import prepare_run
    from training.engine.memory_estimate import find_largest_batch

    with temporary_run(config, cache=options.cache, runs=options.out) as run:
        batch = find_largest_batch(prepare_run(run))
    print(f"largest batch that fits in memory: {batch} clips")
    return batch


def _resume_from_options(options: argparse.Namespace) -> int:
    from training import distributed

    run = Run(options.run_folder)
    if not (run.folder / "config.json").exists():
        raise ValueError(f"{run.folder} contains no run; start one with `personality-train run`")
    if run.status()["state"] == "done":
        print(f"{run.folder} is finished; start another run with `personality-train run`")
        return 0
    with distributed.process_group():
        return _train_to_end(run)


def _list_runs(options: argparse.Namespace) -> None:
    from training.runs.compare import format_run_summaries, summarise_runs

    runs = [run for run in list_runs(options.runs) if options.tag is None or options.tag.lower() in read_tags(run)]
    rows = summarise_runs(runs)
    if options.json:
        print("[" + ",\n ".join(json.dumps(asdict(row)) for row in rows) + "]")
    else:
        print("\n".join(format_run_summaries(rows)))


def _stop_from_options(options: argparse.Namespace) -> None:
    run = Run(options.run_folder)
    if run.status()["state"] not in ACTIVE_STATES:
        raise ValueError(f"{run.folder} is {run.status()['state']}; only an active run can be stopped")
    stop_run(run)
    print(f"asked {run.folder.name} to stop; `resume` continues it")


def _rename_from_options(options: argparse.Namespace) -> None:
    print(f"run in {Run(options.run_folder.resolve()).rename(options.name).folder}")


def _average_from_options(options: argparse.Namespace) -> None:
    from training.engine.average_runs import average_runs

    for name, accuracy in average_runs(options.run_folders, options.out).items():
        print(f"{name}: accuracy {accuracy:.4f} on validation")


def _make_practice_data(options: argparse.Namespace) -> None:
    from personality.dataset import load_dataset
    from personality.preprocessing.build_cache import preprocess
    from personality.synthetic.people import synthesize

    people = options.workspace / "datasets" / "practice"
    with hold_lock_file(
        options.workspace / PRACTICE_LOCK_FILE, "Another process is creating the practice data; wait for it."
    ):
        if not people.exists():
            unfinished = people.with_name("practice.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            synthesize(unfinished, people=PRACTICE_PEOPLE, seed=1)
            unfinished.rename(people)
        preprocess(load_dataset(people), options.workspace / "caches" / "practice", workers=-1, remake=True)


def _build_training_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("personality-train", description="Train the models of apparent personality.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    for name, run, text in (
        ("run", _start_new_run, "train one modality on a cache"),
        ("check", _dry_run_options, "dry run: counts, leakage, memory and time of a run; trains nothing"),
    ):
        command = commands.add_parser(name, help=text)
        add_run_options(command)
        command.set_defaults(run=run)

    command = commands.choices["run"]
    words = "submit the run as a job of SLURM, or as processes of this machine; requires submitit"
    command.add_argument("--launcher", choices=LAUNCHERS, help=words)
    words = "parameter of the job, such as timeout_min or slurm_partition; may be repeated"
    command.add_argument("--job", action="append", default=[], metavar="NAME=VALUE", help=words)

    command = commands.add_parser("list", help="list runs with their accuracy and variance explained on validation")
    command.add_argument("runs", type=Path, nargs="?", default=DEFAULT_RUNS, metavar="RUNS", help=RUNS_HELP)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--tag", metavar="NAME", help="list only runs with #NAME in their note")
    command.set_defaults(run=_list_runs)

    command = commands.add_parser("rename", help="give a run another name, which is also that of its model")
    command.add_argument("run_folder", type=Path, metavar="RUN", help=RUN_HELP)
    command.add_argument("name", metavar="NAME", help="the new name of the folder")
    command.set_defaults(run=_rename_from_options)

    command = commands.add_parser("resume", help="resume a run that was stopped or killed")
    command.add_argument("run_folder", type=Path, metavar="RUN", help=RUN_HELP)
    command.set_defaults(run=_resume_from_options)

    command = commands.add_parser("stop", help="stop a run after its current step; `resume` continues it")
    command.add_argument("run_folder", type=Path, metavar="RUN", help=RUN_HELP)
    command.set_defaults(run=_stop_from_options)

    words = "join runs that differ in their seed as one model, whose spread is calibrated on validation"
    command = commands.add_parser("average", help=words)
    command.add_argument(
        "run_folders", type=Path, nargs="+", metavar="RUN", help="folders of finished runs, two or more"
    )
    command.add_argument("--out", type=Path, required=True, help="folder of the model, beside the runs")
    command.set_defaults(run=_average_from_options)

    command = commands.add_parser("look", help="dry run of an existing run folder (used by the dashboard)")
    command.add_argument("run_folder", type=Path, metavar="RUN", help=RUN_HELP)
    command.set_defaults(run=_dry_run_folder)

    command = commands.add_parser("queue", help="show the runs that wait, and train them one after the other")
    command.add_argument("runs", type=Path, nargs="?", default=DEFAULT_RUNS, metavar="RUNS", help=RUNS_HELP)
    command.set_defaults(run=_work_off_queue)

    add_recipes(commands)

    command = commands.add_parser(
        "practice", help="create a cache of synthetic people in a workspace (used by the dashboard)"
    )
    command.add_argument("workspace", type=Path, help="folder in which datasets/practice and caches/practice are made")
    command.set_defaults(run=_make_practice_data)
    return parser


if __name__ == "__main__":
    sys.exit(main())
