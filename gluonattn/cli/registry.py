"""The commands, as their files add them."""

from __future__ import annotations

from typing import Callable

from ..options import list_examples

HEADINGS = ("Train and evaluate", "Predict and explain", "Compare", "Other people's Transformers", "Other tasks", "Look up")
COMMANDS: list[tuple[str, Callable, str]] = []  # heading of the help, function and examples


def command(group: str, *examples: str) -> Callable:
    """Add a function to the command line, under a heading of `gluonattn --help`, with examples in its own help."""

    def add(function: Callable) -> Callable:
        COMMANDS.append((group, function, list_examples(*examples)))
        return function

    return add
