"""Text that is as wide as it was measured, with every version of matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rcParams
from matplotlib.text import Text


class Letters(Text):
    """Text whose letters have the width that `fonts.advance` returns.

    Hinting, the default from matplotlib 3.11 on, rounds letters to whole pixels.
    A line of small letters becomes a sixth wider and overlaps the next word.
    """

    def draw(self, renderer: Any) -> None:
        with _no_hinting():
            super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: Any = None) -> Any:
        with _no_hinting():
            return super().get_window_extent(renderer, dpi)


@contextmanager
def _no_hinting() -> Iterator[None]:
    before = rcParams["text.hinting"]
    rcParams["text.hinting"] = "no_hinting"
    try:
        yield
    finally:
        rcParams["text.hinting"] = before
