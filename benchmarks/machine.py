"""Describe the machine on which figures are measured."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Return date, cores, processor, GPU, and versions of Python and torch in one line."""
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores, processor = len(os.sched_getaffinity(0)), names[0] if names else platform.processor()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"{datetime.date.today()}, {cores} cores of {processor}, {gpu}, {versions}"
