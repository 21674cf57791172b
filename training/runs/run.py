"""A run's folder: `config.json`, `status.json` with a heartbeat, `metrics.jsonl`, `log.txt`, the state to resume from,
and the checkpoint of the best epoch. Reading it needs no torch, so pages and other processes may.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from personality.models.model_card import read_model_card
from personality.traits import TRAIT_NAMES
from personality.utils.atomic_files import write_bytes, write_json
from personality.utils.legacy_names import rename_legacy_json
from personality.utils.untrusted_files import (
    DamagedFileError,
    exists_as_file_or_link,
    is_count,
    is_number,
    is_number_or_nan,
    is_text,
    make_map_check,
    make_object_check,
    read_json_lines,
    read_json_object,
    read_last_log_lines,
)
from training.config.run_config import Config

ACTIVE_STATES = ("queued", "running")
RUN_STATE_FILE, RUN_LOG_FILE = "state.safetensors", "log.txt"
LOG_TAIL_LINES = 12  # lines of a log that are shown
BRANCHES_KEY = "branches"
# What the files of a run say, each with what it is to be; all else in them is let be.
CONFIG_FILE_FIELDS = {"config": make_object_check({}), "cache": is_text}
OPTIONAL_CONFIG_FIELDS = {BRANCHES_KEY: make_map_check(make_object_check({"folder": is_text}))}
STATUS_FIELDS = {
    **dict.fromkeys(("why", "device", "process_started"), is_text),
    **dict.fromkeys(("pid", "epoch", "epochs", "best_epoch", "memory"), is_count),
    **dict.fromkeys(("best_accuracy", "accuracy"), is_number_or_nan),
    "heartbeat": is_number,
    "done": lambda value: is_number(value) and 0 <= value <= 1,
}
EPOCH_METRIC_FIELDS = {
    "epoch": is_count,
    "stage": lambda value: is_count(value) and value > 0,
    **dict.fromkeys(("seconds", "clips_per_second"), is_number),
    **dict.fromkeys(("loss", "validation_loss", *(f"accuracy_{trait}" for trait in TRAIT_NAMES)), is_number_or_nan),
}


@dataclass(frozen=True)
class Run:
    """One run by its folder."""

    folder: Path

    @property
    def config(self) -> Config:
        """The run's config. Raises ValueError as `stored`."""
        return self.read_config_and_cache()[0]

    @property
    def cache(self) -> Path:
        """The cache it trains on. Raises ValueError as `stored`."""
        return self.read_config_and_cache()[1]

    def read_config_and_cache(self) -> tuple[Config, Path]:
        """Config and cache. Raises ValueError where this version cannot read them."""
        path, known = self.folder / "config.json", self._read_config()
        try:
            return Config.from_dict(known["config"]), Path(known["cache"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is no config that this version can read: {error}") from error

    def _read_config(self) -> dict[str, Any]:
        """Raises DamagedFile."""
        return read_json_object(self.folder / "config.json", CONFIG_FILE_FIELDS, OPTIONAL_CONFIG_FIELDS)

    @property
    def branches(self) -> dict[str, dict[str, str]]:
        """The trained models a fusion joins, by folder and sha256; empty before it has begun."""
        return self._read_config().get(BRANCHES_KEY, {})

    def store_branches(self, branches: dict[str, dict[str, str]]) -> None:
        """Note which models a fusion joins, so that going on joins the same."""
        write_json(self.folder / "config.json", {**self._read_config(), BRANCHES_KEY: branches})

    def create(self, config: Config, cache: Path) -> None:
        """Make the folder, over a run that never finished an epoch.

        Raises FileExistsError where there is a run that did, or that is active.
        """
        if self.is_taken:
            raise FileExistsError(f"{self.folder} holds a run already; resume it or name another folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_json(self.folder / "config.json", {"cache": str(cache.resolve()), "config": config.as_dict()})
        self.write_status("queued")

    @property
    def is_taken(self) -> bool:
        """Whether the folder holds something that must not be lost."""
        begun = (self.folder / RUN_STATE_FILE).exists() or self.status()["state"] in ACTIVE_STATES
        foreign = self.folder.exists() and not (self.folder / "config.json").exists()
        return begun or (foreign and any(self.folder.iterdir()))

    def write_status(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Write the status; facts are kept until they are said anew. pid: of the run's process, if it is not this."""
        number = os.getpid() if pid is None else pid
        process = {"pid": number, "process_started": process_start_time(number), "heartbeat": time.time()}
        write_json(self.folder / "status.json", {**self._last_status(), **facts, "state": state, **process})

    def log(self, text: str) -> None:
        """Print a line and append it to the run's log."""
        print(text, flush=True)
        with (self.folder / RUN_LOG_FILE).open("a") as file:
            file.write(text + "\n")

    def status(self) -> dict[str, Any]:
        """What the run last said; `stale` where it says it is active but its process is gone, or where its file is
        damaged, as `why` then says."""
        try:
            status = self._read_status()
        except DamagedFileError as error:
            return {"state": "stale", "why": str(error)}
        alive = process_start_time(status.get("pid", -1)) == status.get("process_started", "")
        return status if alive or status["state"] not in ACTIVE_STATES else {**status, "state": "stale"}

    def _read_status(self) -> dict[str, Any]:
        """Raises DamagedFile."""
        return read_json_object(self.folder / "status.json", {"state": is_text}, STATUS_FIELDS)

    def _last_status(self) -> dict[str, Any]:
        """What the run last said, as far as it can be read."""
        try:
            return self._read_status()
        except DamagedFileError:
            return {}

    def record_metrics(self, metrics: dict[str, Any]) -> None:
        """Add one epoch's metrics; a death or a full disk leaves those of the epochs before."""
        rows = [*self.metrics(), metrics]
        write_bytes(self.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of each epoch, as far as they can be read; of an epoch that was begun twice the last."""
        return list({row["epoch"]: row for row in self._read_metrics()[0]}.values())

    def _read_metrics(self) -> tuple[list[dict[str, Any]], str]:
        return read_json_lines(
            self.folder / "metrics.jsonl", rename_legacy_json, EPOCH_METRIC_FIELDS, {"accuracy": is_number_or_nan}
        )

    def describe_damaged_files(self) -> Iterator[str]:
        """A sentence for each file beside the config that cannot be read in full."""
        reads: list[Callable] = [self._read_status]
        if self._last_status().get("state") == "done":
            reads.append(partial(read_model_card, self.folder))
        for read in reads:
            try:
                read()
            except DamagedFileError as error:
                yield str(error)
        if wrong := self._read_metrics()[1]:
            yield wrong

    def list_dependent_runs(self) -> list[str]:
        """The names of the runs beside this one that join its model."""
        own = str(self.folder.resolve())
        beside = [run for run in list_runs(self.folder.parent) if run.folder != self.folder]
        return [run.folder.name for run in beside if own in (entry["folder"] for entry in run.branches.values())]

    def delete(self) -> None:
        """Remove the folder. Raises ValueError where the run is active or others join its model."""
        if self.status()["state"] in ACTIVE_STATES:
            raise ValueError(f"{self.folder.name} is running; stop it first.")
        if users := self.list_dependent_runs():
            raise ValueError(f"{' and '.join(users)} cannot do without {self.folder.name}; delete those first.")
        shutil.rmtree(self.folder)

    def log_tail(self) -> str:
        """The last lines of the log, or why it cannot be read."""
        return read_last_log_lines(self.folder / RUN_LOG_FILE, LOG_TAIL_LINES)


class ReadOnlyRun(Run):
    """A run as its other processes see it: they read, the first one writes."""

    def write_status(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Nothing."""

    def log(self, text: str) -> None:
        """Nothing."""

    def record_metrics(self, metrics: dict[str, Any]) -> None:
        """Nothing."""

    def store_branches(self, branches: dict[str, dict[str, str]]) -> None:
        """Nothing."""


def process_start_time(pid: int) -> str:
    """When the process of this number began, as the kernel counts; empty where there is none (or it is a zombie)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def list_runs(folder: Path) -> list[Run]:
    """The runs below a folder, newest first, but for the unreadable ones."""
    return [run for run, why in _runs_with_problems(folder) if not why]


def describe_damaged_runs(folder: Path) -> list[str]:
    """A sentence for each file of the runs below a folder that cannot be read; a run without a config is left out."""
    return [
        one
        for run, why in _runs_with_problems(folder)
        for one in ([f"A run is left out. {why}"] if why else run.describe_damaged_files())
    ]


def _runs_with_problems(folder: Path) -> list[tuple[Run, str]]:
    """The runs below a folder, newest first, each with why it cannot be read, empty where it can."""
    paths = [path / "config.json" for path in folder.glob("*") if not path.name.startswith(".")]
    there = filter(
        exists_as_file_or_link, paths
    )  # a link that leads nowhere is damage, which a pattern for the file would skip
    runs = [Run(path.parent) for path in sorted(there, key=_modification_time, reverse=True)]
    return [(run, describe_config_problem(run)) for run in runs]


def _modification_time(path: Path) -> float:
    """When a file was written; 0 where it has gone, or is a link that leads nowhere."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def describe_config_problem(run: Run) -> str:
    """Why a run cannot be read; empty where it can."""
    try:
        run.read_config_and_cache()
    except ValueError as error:
        return str(error)
    return ""


def finished_runs_by_name(folder: Path) -> dict[str, Run]:
    """The runs that are done by their names, newest first."""
    return {run.folder.name: run for run in list_runs(folder) if run.status()["state"] == "done"}


def finished_runs(folder: Path, modality: str, preset: str) -> list[Run]:
    """The runs of a modality and preset that are done, newest first."""
    done = finished_runs_by_name(folder).values()
    return [run for run in done if (run.config.modality, run.config.preset) == (modality, preset)]
