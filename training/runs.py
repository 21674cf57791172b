"""A run's folder: `config.json`, `status.json` with a heartbeat, `metrics.jsonl`, `log.txt`, the state to resume from,
and the checkpoint of the best epoch. Reading it needs no torch, so pages and other processes may.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personality.storage import write_bytes, write_json
from personality.trait_names import current_json
from training.config import Config

ACTIVE = ("queued", "running")
STATE, LOG = "state.safetensors", "log.txt"
TAIL = 12  # lines of a log that are shown


@dataclass(frozen=True)
class Run:
    """One run by its folder."""

    folder: Path

    @property
    def config(self) -> Config:
        """The run's config. Raises ValueError as `stored`."""
        return self.stored()[0]

    @property
    def cache(self) -> Path:
        """The cache it trains on. Raises ValueError as `stored`."""
        return self.stored()[1]

    def stored(self) -> tuple[Config, Path]:
        """Config and cache. Raises ValueError where this version cannot read them."""
        path = self.folder / "config.json"
        try:
            known = json.loads(path.read_text())
            return Config.from_dict(known["config"]), Path(known["cache"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is no config that this version can read: {error}") from error

    @property
    def branches(self) -> dict[str, dict[str, str]]:
        """The trained models a fusion joins, by folder and sha256; empty before it has begun."""
        return json.loads((self.folder / "config.json").read_text()).get("branches", {})

    def pin(self, branches: dict[str, dict[str, str]]) -> None:
        """Note which models a fusion joins, so that going on joins the same."""
        known = json.loads((self.folder / "config.json").read_text())
        write_json(self.folder / "config.json", {**known, "branches": branches})

    def create(self, config: Config, cache: Path) -> None:
        """Make the folder, over a run that never finished an epoch.

        Raises FileExistsError where there is a run that did, or that is active.
        """
        if self.taken:
            raise FileExistsError(f"{self.folder} holds a run already; resume it or name another folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_json(self.folder / "config.json", {"cache": str(cache.resolve()), "config": config.as_dict()})
        self.say("queued")

    @property
    def taken(self) -> bool:
        """Whether the folder holds something that must not be lost."""
        begun = (self.folder / STATE).exists() or self.status()["state"] in ACTIVE
        foreign = self.folder.exists() and not (self.folder / "config.json").exists()
        return begun or (foreign and any(self.folder.iterdir()))

    def say(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Write the status; facts are kept until they are said anew. pid: of the run's process, if it is not this."""
        number = os.getpid() if pid is None else pid
        process = {"pid": number, "process_started": process_started(number), "heartbeat": time.time()}
        write_json(self.folder / "status.json", {**self._read_status(), **facts, "state": state, **process})

    def log(self, text: str) -> None:
        """Print a line and append it to the run's log."""
        print(text, flush=True)
        with (self.folder / LOG).open("a") as file:
            file.write(text + "\n")

    def status(self) -> dict[str, Any]:
        """What the run last said; `stale` where it says it is active but its process is gone."""
        status = self._read_status()
        alive = process_started(status.get("pid", -1)) == status.get("process_started", "")
        return status if alive or status["state"] not in ACTIVE else {**status, "state": "stale"}

    def _read_status(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / "status.json").read_text())
        except (OSError, ValueError):
            return {"state": "stale"}

    def record(self, metrics: dict[str, Any]) -> None:
        """Add one epoch's metrics; a death or a full disk leaves those of the epochs before."""
        rows = [*self.metrics(), metrics]
        write_bytes(self.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of each epoch; of an epoch that was begun twice the last."""
        if not (self.folder / "metrics.jsonl").exists():
            return []
        rows = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        return current_json(list({row["epoch"]: row for row in rows}.values()))

    def joined_by(self) -> list[str]:
        """The names of the runs beside this one that join its model."""
        own = str(self.folder.resolve())
        beside = [run for run in list_runs(self.folder.parent) if run.folder != self.folder]
        return [run.folder.name for run in beside if own in (entry["folder"] for entry in run.branches.values())]

    def delete(self) -> None:
        """Remove the folder. Raises ValueError where the run is active or others join its model."""
        if self.status()["state"] in ACTIVE:
            raise ValueError(f"{self.folder.name} is running; stop it first.")
        if users := self.joined_by():
            raise ValueError(f"{' and '.join(users)} cannot do without {self.folder.name}; delete those first.")
        shutil.rmtree(self.folder)

    def log_tail(self) -> str:
        """The last lines of the log."""
        path = self.folder / LOG
        return "\n".join(path.read_text(errors="replace").splitlines()[-TAIL:]) if path.exists() else ""


class Follower(Run):
    """A run as its other processes see it: they read, the first one writes."""

    def say(self, state: str, *, pid: int | None = None, **facts: Any) -> None:
        """Nothing."""

    def log(self, text: str) -> None:
        """Nothing."""

    def record(self, metrics: dict[str, Any]) -> None:
        """Nothing."""

    def pin(self, branches: dict[str, dict[str, str]]) -> None:
        """Nothing."""


def process_started(pid: int) -> str:
    """When the process of this number began, as the kernel counts; empty where there is none (or it is a zombie)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def list_runs(folder: Path) -> list[Run]:
    """The runs below a folder, newest first, but for the unreadable ones."""
    return [run for run, why in _found(folder) if not why]


def unreadable_runs(folder: Path) -> list[str]:
    """Why some of the runs below a folder cannot be read, one sentence each."""
    return [why for _, why in _found(folder) if why]


def _found(folder: Path) -> list[tuple[Run, str]]:
    """The runs below a folder, newest first, each with why it cannot be read, empty where it can."""
    paths = [path for path in folder.glob("*/config.json") if not path.parent.name.startswith(".")]
    runs = [Run(path.parent) for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)]
    return [(run, _trouble(run)) for run in runs]


def _trouble(run: Run) -> str:
    try:
        run.stored()
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def done_runs(folder: Path) -> dict[str, Run]:
    """The runs that are done by their names, newest first."""
    return {run.folder.name: run for run in list_runs(folder) if run.status()["state"] == "done"}


def finished_runs(folder: Path, modality: str, preset: str) -> list[Run]:
    """The runs of a modality and preset that are done, newest first."""
    done = done_runs(folder).values()
    return [run for run in done if (run.config.modality, run.config.preset) == (modality, preset)]
