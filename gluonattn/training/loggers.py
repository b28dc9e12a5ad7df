"""Loggers for other programs, as callbacks. Each is a file ``NAME_logger.py`` in this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import DataError, DependencyError, choose
from ..files import cannot_write
from ..finding import find_entries
from .callbacks import Callback


class Logger(Callback):
    """Base class of all loggers. It names the values of steps and epochs.

    A step has "step/loss" and "step/learning_rate". An epoch has each number of its row in history.json, for example
    "epoch/valid_loss". A stage before the training itself (`Task.stage`) is a separate run with the stage added to its name.

    Parameters
    ----------
    folder : pathlib.Path
        Folder to write into. It is created if it is missing.
    name : str
        Name of the run.
    settings : mapping
        Settings of the run, which the logger stores.

    Attributes
    ----------
    key : str
        Name of the logger on the command line.
    package : str
        The package that must be installed.
    """

    key = ""
    package = ""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]):
        self.folder, self.name, self.settings = folder, name, dict(settings)
        self._name = name
        self._before = (0.0, 0)

    def load(self) -> None:
        """Import the package.

        Raises
        ------
        ImportError
            If the package is not installed.
        """
        raise NotImplementedError

    def open(self) -> None:
        """Begin to log. A resumed run may find its previous log."""
        raise NotImplementedError

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Write the given values.

        Parameters
        ----------
        values : mapping of str to float
        step : int
            The step of the run, counted from 1.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Write buffered values."""
        raise NotImplementedError

    def on_train_begin(self, run: Any) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(cannot_write(self.folder, error.strerror)) from None
        self.name = f"{self._name} {run.task.stage}".strip()
        self.open()

    def on_epoch_begin(self, run: Any) -> None:
        self._before = (run.totals["loss"], run.totals["reviews"])

    def on_batch_end(self, run: Any) -> None:
        loss, count = run.totals["loss"], run.totals["reviews"]
        if count > self._before[1]:
            self.log({"step/loss": (loss - self._before[0]) / (count - self._before[1]),
                      "step/learning_rate": float(run.learning_rate)}, run.step)
        self._before = (loss, count)

    def on_epoch_end(self, run: Any) -> None:
        row = {f"epoch/{name}": float(value) for name, value in run.history[-1].items()
               if isinstance(value, (int, float)) and name != "epoch"}
        self.log(row, run.step)

    def on_train_end(self, run: Any) -> None:
        self.close()


@lru_cache(maxsize=1)
def loggers() -> dict[str, type[Logger]]:
    """The loggers by their names on the command line."""
    found: list[type[Logger]] = find_entries(__file__, __package__ or "", "logger")
    return {one.key: one for one in found}


def make_loggers(names: Sequence[str], out: Path, settings: Mapping[str, Any]) -> list[Logger]:
    """Create the loggers of a run. They write to ``OUT.logs/NAME`` beside its checkpoint folder.

    Parameters
    ----------
    names : sequence of str
        Names from `loggers`.
    out : pathlib.Path
        The checkpoint folder.
    settings : mapping
        Settings of the run.

    Raises
    ------
    OptionError
        If a name is unknown.
    DependencyError
        If a logger's package is not installed. This is checked before training starts.
    """
    found = []
    for name in dict.fromkeys(names):
        kind: type[Logger] = choose("logger", name, loggers())
        found.append(kind(out.with_name(f"{out.name}.logs") / name, out.name, settings))
        try:
            found[-1].load()
        except ImportError:
            raise DependencyError(f"--log {name} needs {kind.package}: pip install \"gluonattn[loggers]\", or "
                                  f"{kind.package} alone.") from None
    return found
