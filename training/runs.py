"""A run's folder: `config.json`, `status.json` with a heartbeat, `metrics.jsonl`, `log.txt`, the state to resume from,
and the checkpoint of the best epoch. Reading it needs no torch, so pages and other processes may.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personality.storage import write_json
from training.config import Config

STALE_AFTER = 60.0  # seconds without a heartbeat
ACTIVE = ("queued", "running", "stopping")
STATE = "state.safetensors"


@dataclass(frozen=True)
class Run:
    """One run by its folder."""

    folder: Path

    @property
    def config(self) -> Config:
        """The run's config."""
        return Config.from_dict(json.loads((self.folder / "config.json").read_text())["config"])

    @property
    def cache(self) -> Path:
        """The cache it trains on."""
        return Path(json.loads((self.folder / "config.json").read_text())["cache"])

    def create(self, config: Config, cache: Path) -> None:
        """Make the folder. Raises FileExistsError where there is a run already."""
        if (self.folder / "config.json").exists():
            raise FileExistsError(f"{self.folder} holds a run already; resume it or name another folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "config.json", {"cache": str(cache.resolve()), "config": config.as_dict()})
        self.say("queued")

    def say(self, state: str, **facts: Any) -> None:
        """Write the status with a heartbeat; facts are kept until they are said anew."""
        known = self._read_status()
        process = {"pid": os.getpid(), "process_started": process_started(os.getpid()), "heartbeat": time.time()}
        write_json(self.folder / "status.json", {**known, **facts, "state": state, **process})

    def status(self) -> dict[str, Any]:
        """What the run last said; `stale` where it says it is active but its process is gone or silent."""
        status = self._read_status()
        alive = process_started(status.get("pid", -1)) == status.get("process_started", "")
        silent = time.time() - status.get("heartbeat", 0) > STALE_AFTER
        if status.get("state") in ACTIVE and (not alive or silent):
            return {**status, "state": "stale"}
        return status

    def _read_status(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / "status.json").read_text())
        except (OSError, ValueError):
            return {"state": "stale"}

    def record(self, metrics: dict[str, Any]) -> None:
        """Append one epoch's metrics."""
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(metrics) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of each epoch; of an epoch that was begun twice the last, a torn last line is left out."""
        if not (self.folder / "metrics.jsonl").exists():
            return []
        kept = {}
        for line in (self.folder / "metrics.jsonl").read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            kept[row["epoch"]] = row
        return list(kept.values())

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the log."""
        path = self.folder / "log.txt"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def process_started(pid: int) -> str:
    """When the process of this number began, as the kernel counts; empty where there is none (or it is a zombie)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def list_runs(folder: Path) -> list[Run]:
    """The runs below a folder, newest first."""
    found = [path.parent for path in folder.glob("*/config.json")]
    return [Run(path) for path in sorted(found, key=lambda path: (path / "config.json").stat().st_mtime, reverse=True)]
