"""Weights & Biases, offline: nothing is sent. ``wandb sync`` can send a run later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .loggers import Logger


class WandbLogger(Logger):
    """One offline run. A resumed run has the same id, so that ``wandb sync --append`` joins the two."""

    key = "wandb"
    package = "wandb"
    _run: Any = None

    def load(self) -> None:
        import wandb  # noqa: F401

    def open(self) -> None:
        import wandb

        told = f"{self.folder.resolve()} {self.name} {sorted(self.settings.items())}"
        identity = hashlib.sha256(told.encode()).hexdigest()[:12]
        self._run = wandb.init(mode="offline", dir=str(self.folder), project="gluonattn", name=self.name, id=identity,
                               config=self.settings, settings=wandb.Settings(silent=True, console="off"))

    def log(self, values: Mapping[str, float], step: int) -> None:
        self._run.log({**values, "step": step}, step=step)

    def close(self) -> None:
        self._run.finish()


LOGGER = WandbLogger
