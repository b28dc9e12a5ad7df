"""TensorBoard: event files, shown by ``tensorboard --logdir``. They are written by tensorboardX, which needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .loggers import Logger


class TensorBoardLogger(Logger):
    """Scalars by step, in one folder for each run. A resumed run adds a file to it."""

    key = "tensorboard"
    package = "tensorboardX"
    _writer: Any = None

    def load(self) -> None:
        import tensorboardX  # noqa: F401

    def open(self) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(self.folder / self.name))
        self._writer.add_text("settings", "\n".join(f"    {name}: {value}" for name, value in self.settings.items()), 0)

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


LOGGER = TensorBoardLogger
