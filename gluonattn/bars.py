"""A progress bar for commands."""

from __future__ import annotations


class Bar:
    """A progress bar on stderr that shows itself when a terminal is there; called with (done, total)."""

    def __init__(self, name: str):
        from tqdm import tqdm

        self.bar = tqdm(desc=name, leave=False, disable=None)

    def __call__(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)
        if done >= total:
            self.bar.close()

    def hide(self) -> None:
        """Make room for a line of output; the next call shows the bar again."""
        self.bar.clear()

    def close(self) -> None:
        self.bar.close()
