"""The folder of a run: `config.json`, `status.json` with a heartbeat, `metrics.jsonl`, `log.txt`, the state to resume
from, and the checkpoint of the best epoch. Reading it requires no torch, so that pages and other processes start fast.
"""

from __future__ import annotations

import json
import os
import platform
import re
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
NO_PROCESS = 0  # process ID of a waiting run
RUN_STATE_FILE, RUN_LOG_FILE = "state.safetensors", "log.txt"
MAX_HEARTBEAT_SECONDS = 1800.0  # between heartbeats of a run elsewhere, which sends none while it computes features
RUN_NAME_PATTERN = r"\w[\w.-]{0,99}"
LOG_TAIL_LINES = 12  # lines of the log to show
BRANCHES_KEY = "branches"
# Checks of the values in the files of a run; other values are ignored.
CONFIG_FILE_FIELDS = {"config": make_object_check({}), "cache": is_text}
OPTIONAL_CONFIG_FIELDS = {BRANCHES_KEY: make_map_check(make_object_check({"folder": is_text}))}
STATUS_FIELDS = {
    **dict.fromkeys(("why", "device", "process_started", "group", "host", "job"), is_text),
    **dict.fromkeys(("pid", "epoch", "epochs", "best_epoch", "memory"), is_count),
    **dict.fromkeys(("best_accuracy", "accuracy"), is_number_or_nan),
    **dict.fromkeys(("heartbeat", "queued_at"), is_number),
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
    """A run, given by its folder."""

    folder: Path

    @property
    def config(self) -> Config:
        """Return the config of the run. Raises ValueError like `read_config_and_cache`."""
        return self.read_config_and_cache()[0]

    @property
    def cache(self) -> Path:
        """Return the folder of the cache that it trains on. Raises ValueError like `read_config_and_cache`."""
        return self.read_config_and_cache()[1]

    def read_config_and_cache(self) -> tuple[Config, Path]:
        """Return config and cache. Raises ValueError if this version cannot read them."""
        path, known = self.folder / "config.json", self._read_config()
        try:
            return Config.from_dict(known["config"]), Path(known["cache"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is not a config that this version can read: {error}") from error

    def _read_config(self) -> dict[str, Any]:
        """Raises DamagedFileError."""
        return read_json_object(self.folder / "config.json", CONFIG_FILE_FIELDS, OPTIONAL_CONFIG_FIELDS)

    @property
    def branches(self) -> dict[str, dict[str, str]]:
        """Return folder and SHA-256 of the trained models that a fusion joins, by name; empty before it starts."""
        return self._read_config().get(BRANCHES_KEY, {})

    def store_branches(self, branches: dict[str, dict[str, str]]) -> None:
        """Store which models a fusion joins, so that a resumed run joins the same."""
        write_json(self.folder / "config.json", {**self._read_config(), BRANCHES_KEY: branches})

    def create(self, config: Config, cache: Path) -> None:
        """Create the folder; a run that has not finished an epoch is overwritten.

        Raises FileExistsError if the folder contains a run that has finished an epoch or is active.
        """
        if self.is_taken:
            raise FileExistsError(f"{self.folder} already contains a run; resume it or choose another folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_json(self.folder / "config.json", {"cache": str(cache.resolve()), "config": config.as_dict()})
        self.write_status("queued")

    @property
    def is_taken(self) -> bool:
        """Return whether the folder contains files that must not be overwritten."""
        started = (self.folder / RUN_STATE_FILE).exists() or self.status()["state"] in ACTIVE_STATES
        foreign = self.folder.exists() and not (self.folder / "config.json").exists()
        return started or (foreign and any(self.folder.iterdir()))

    def write_status(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Update the status; other facts are kept. pid: ID of the run's process, by default this one."""
        number = os.getpid() if pid is None else pid
        process = {"pid": number, "process_started": process_start_time(number), "host": platform.node()}
        process["heartbeat"] = time.time()
        write_json(self.folder / "status.json", {**self._last_status(), **facts, "state": state, **process})

    def log(self, text: str) -> None:
        """Print a line and append it to the run's log."""
        print(text, flush=True)
        with (self.folder / RUN_LOG_FILE).open("a") as file:
            file.write(text + "\n")

    def status(self) -> dict[str, Any]:
        """Return the last status; `stale` if the run is active but its process has ended, or if the file is damaged
        (see `why`). A run in the queue has no process."""
        try:
            status = self._read_status()
        except DamagedFileError as error:
            return {"state": "stale", "why": str(error)}
        waits = is_waiting(status) or (status["state"] == "queued" and status.get("job"))
        ended = status["state"] in ACTIVE_STATES and not waits and not _has_process(status)
        return {**status, "state": "stale"} if ended else status

    def _read_status(self) -> dict[str, Any]:
        """Raises DamagedFileError."""
        return read_json_object(self.folder / "status.json", {"state": is_text}, STATUS_FIELDS)

    def _last_status(self) -> dict[str, Any]:
        """Return the last status; empty if it cannot be read."""
        try:
            return self._read_status()
        except DamagedFileError:
            return {}

    def record_metrics(self, metrics: dict[str, Any]) -> None:
        """Append the metrics of an epoch, atomically."""
        rows = [*self.metrics(), metrics]
        write_bytes(self.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of each epoch, without unreadable lines; for a repeated epoch the last ones."""
        return list({row["epoch"]: row for row in self._read_metrics()[0]}.values())

    def _read_metrics(self) -> tuple[list[dict[str, Any]], str]:
        return read_json_lines(
            self.folder / "metrics.jsonl", rename_legacy_json, EPOCH_METRIC_FIELDS, {"accuracy": is_number_or_nan}
        )

    def describe_damaged_files(self) -> Iterator[str]:
        """Yield a sentence for each damaged file except the config."""
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
        """Return the names of the runs in the same folder that join this model."""
        own = str(self.folder.resolve())
        others = [run for run in list_runs(self.folder.parent) if run.folder != self.folder]
        return [run.folder.name for run in others if own in (entry["folder"] for entry in run.branches.values())]

    def delete(self) -> None:
        """Delete the folder. Raises ValueError if the run is active or other runs join its model."""
        self._require_unused()
        shutil.rmtree(self.folder)

    def rename(self, name: str) -> Run:
        """Give the folder another name, and return it. Raises ValueError like `delete`, or if it is no new name."""
        self._require_unused()
        if not re.fullmatch(RUN_NAME_PATTERN, name) or exists_as_file_or_link(self.folder.with_name(name)):
            raise ValueError(f"{name!r} is not a name, or is taken: use letters, digits, dots, dashes and underscores.")
        return Run(self.folder.rename(self.folder.with_name(name)))

    def _require_unused(self) -> None:
        if self.status()["state"] in ACTIVE_STATES:
            raise ValueError(f"{self.folder.name} is running; stop it first.")
        if users := self.list_dependent_runs():
            raise ValueError(f"{' and '.join(users)} require {self.folder.name}; delete those first.")

    def log_tail(self) -> str:
        """Return the last lines of the log, or why it cannot be read."""
        return read_last_log_lines(self.folder / RUN_LOG_FILE, LOG_TAIL_LINES)


class ReadOnlyRun(Run):
    """A run in processes other than the first, which write no files."""

    def write_status(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Do nothing."""

    def log(self, text: str) -> None:
        """Do nothing."""

    def record_metrics(self, metrics: dict[str, Any]) -> None:
        """Do nothing."""

    def store_branches(self, branches: dict[str, dict[str, str]]) -> None:
        """Do nothing."""


def is_on_other_host(status: dict[str, Any]) -> bool:
    """Return whether this status was last written by another machine."""
    return status.get("host", platform.node()) != platform.node()


def _has_process(status: dict[str, Any]) -> bool:
    """Return whether the process of a run exists or, on another machine, has written recently."""
    if is_on_other_host(status):
        return time.time() - status.get("heartbeat", 0.0) < MAX_HEARTBEAT_SECONDS
    return process_start_time(status.get("pid", -1)) == status.get("process_started", "")


def is_waiting(status: dict[str, Any]) -> bool:
    """Return whether a run with this status is waiting in the queue."""
    return status["state"] == "queued" and "queued_at" in status


def process_start_time(pid: int) -> str:
    """Return the start time of a process in kernel ticks, as text; empty if it does not exist or is a zombie."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def list_runs(folder: Path) -> list[Run]:
    """Return the readable runs in a folder, newest first."""
    return [run for run, why in _runs_with_problems(folder) if not why]


def describe_damaged_runs(folder: Path) -> list[str]:
    """Return a sentence for each damaged file of the runs in a folder; a run with a damaged config is not listed."""
    return [
        one
        for run, why in _runs_with_problems(folder)
        for one in ([f"A run is not listed. {why}"] if why else run.describe_damaged_files())
    ]


def _runs_with_problems(folder: Path) -> list[tuple[Run, str]]:
    """Return the runs in a folder, newest first, each with the reason why it cannot be read; empty if it can."""
    paths = [path / "config.json" for path in folder.glob("*") if not path.name.startswith(".")]
    present = filter(exists_as_file_or_link, paths)  # includes broken links, so that they are reported
    runs = [Run(path.parent) for path in sorted(present, key=_modification_time, reverse=True)]
    return [(run, describe_config_problem(run)) for run in runs]


def _modification_time(path: Path) -> float:
    """Return the modification time of a file; 0 if it does not exist or is a broken link."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def describe_config_problem(run: Run) -> str:
    """Return why a run cannot be read; empty if it can."""
    try:
        run.read_config_and_cache()
    except ValueError as error:
        return str(error)
    return ""


def finished_runs_by_name(folder: Path) -> dict[str, Run]:
    """Return the finished runs by name, newest first."""
    return {run.folder.name: run for run in list_runs(folder) if run.status()["state"] == "done"}


def finished_runs(folder: Path, modality: str, preset: str) -> list[Run]:
    """Return the finished runs of a modality and preset, newest first."""
    done = finished_runs_by_name(folder).values()
    return [run for run in done if (run.config.modality, run.config.preset) == (modality, preset)]
