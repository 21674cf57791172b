"""TensorBoard event files of a run, if TensorBoard is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NON_SCALAR_METRICS = ("epoch", "stage", "trains")


class TensorBoardWriter:
    """One run's event files, in `tensorboard/` of its folder. Does nothing if TensorBoard is not installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tensorboard"
        self._writer: SummaryWriter | None = None

    def add(self, metrics: dict[str, Any]) -> None:
        """Write the figures of an epoch; those of an interrupted attempt at the same epoch are removed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        epoch = metrics["epoch"]
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), purge_step=epoch)
        for name, value in metrics.items():
            if name not in NON_SCALAR_METRICS:
                self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
