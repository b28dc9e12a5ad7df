"""Progress bars of commands and of training. rich draws them, one at a time, on terminals only."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MIN_INTERVAL = 0.05  # seconds between updates: a table may have a million rows
_on_screen: Bar | None = None


class Bar:
    """A progress bar. Call it with (done, total). It closes when done equals total.

    Parameters
    ----------
    name : str
        Shown before the bar.
    console : rich.console.Console or None
        None creates one on stderr.
    """

    def __init__(self, name: str, console: Any = None) -> None:
        self.name, self.console, self.done = name, console, 0
        self._live: Any = None
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show how much is done, and hide the bar when everything is done.

        Parameters
        ----------
        done, total : int
            Items done, and their total number. A total of 0 is unknown.
        """
        self.update(done, total)
        if total and done >= total:
            self.hide()

    def add(self, n: int, total: int) -> None:
        """Like a call with `done` increased by `n`.

        Parameters
        ----------
        n, total : int
            Items done since the last call, and their total number. A total of 0 is unknown.
        """
        self(self.done + n, total)

    def update(self, done: int, total: int, note: str = "") -> None:
        """Show the bar. It is not hidden when everything is done.

        Parameters
        ----------
        done, total : int
            Items done, and their total number. A total of 0 is unknown.
        note : str, default ""
            Shown after the bar.
        """
        self.done, now = done, time.monotonic()
        if (now - self._last < _MIN_INTERVAL and done < total) or (self._live is None and not self._start()):
            return
        self._last = now
        self._live.update(self._task, completed=done, total=total or None, note=note)

    def _start(self) -> bool:
        global _on_screen
        if self.console is None:
            if not sys.stderr.isatty():
                return False
            from rich.console import Console

            self.console = Console(stderr=True)
        if not (self.console.is_terminal or self.console.is_jupyter):
            return False
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        hide()  # two at the same place would overwrite each other
        texts = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[note]}", markup=False)
        # stdout may be a file or a pipe, so the console must not capture it.
        self._live = Progress(texts[0], BarColumn(), MofNCompleteColumn(), texts[1], TimeRemainingColumn(),
                              console=self.console, transient=True, redirect_stdout=False)
        self._task = self._live.add_task(self.name, total=None, note="")
        self._live.start()
        _on_screen = self
        return True

    def hide(self) -> None:
        """Hide the bar to print a line. The next call shows it again."""
        global _on_screen
        if self._live is not None:
            self._live.stop()
            self._live, self._last = None, 0.0
            _on_screen = None if _on_screen is self else _on_screen


def hide() -> None:
    """Hide the visible bar, if there is one."""
    if _on_screen is not None:
        _on_screen.hide()


@contextmanager
def hide_at_end() -> Iterator[None]:
    """Hide the bar at the end of the block , also after an error: otherwise rich leaves the cursor hidden."""
    try:
        yield
    finally:
        hide()
