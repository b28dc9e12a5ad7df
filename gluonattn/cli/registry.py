"""The registry of commands. Every file in this room and every room with a ``commands.py`` is found automatically."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Callable, TypeVar

import typer

from ..options import list_examples

Function = TypeVar("Function", bound=Callable[..., Any])
HEADINGS = ("Train and evaluate", "Predict and explain", "Compare", "Other people's Transformers", "Other tasks", "Look up")
COMMANDS: list[tuple[str, Callable[..., Any], str]] = []  # heading in the help, function and examples
GROUPS: list[tuple[str, str, typer.Typer]] = []  # heading, name and commands of a group


def command(group: str, *examples: str) -> Callable[[Function], Function]:
    """Add a function to the command line.

    Parameters
    ----------
    group : str
        One of `HEADINGS`, under which `gluonattn --help` lists it.
    *examples : str
        Command lines without `gluonattn`, for the command's help.

    Returns
    -------
    callable
        A decorator that returns the function unchanged.
    """

    def add(function: Function) -> Function:
        COMMANDS.append((group, function, list_examples(*examples)))
        return function

    return add


def find_commands() -> None:
    """Import every file of this room. Each adds its commands."""
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.name != "app":  # the caller
            import_module(f".{module.name}", __package__)


def find_tasks() -> dict[str, ModuleType]:
    """The modules ``commands`` of rooms with their own commands, by the room's name.

    Such a module has `app`, the group with the room's name, and `COMMANDS`, a sequence of pairs (function, examples) that
    are listed beside the group and may be empty.
    """
    rooms = sorted(path.parent.name for path in Path(__file__).parents[1].glob("*/commands.py"))
    return {room: import_module(f"gluonattn.{room}.commands") for room in rooms}
