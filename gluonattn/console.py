"""What the command line reads and writes: arguments as the user typed them, and streams that take any text.

`main` prepares both once, for every command: an argument in a locale that does
not know Hangul, a console that is not UTF-8, a full or closed stream.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from .errors import OptionError
from .streams import ENDED as ENDED
from .streams import Stream as Stream
from .streams import encodes
from .streams import exit_code as exit_code
from .streams import printable as printable
from .streams import streams as streams
from .streams import terminable as terminable

if TYPE_CHECKING:
    from rich.console import Console

_RESTARTED = "GLUONATTN_RESTARTED"
UNWRAPPED = 100_000  # columns of what no terminal shows


def restart_in_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if it has misread its arguments; else return.

    With ``LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0`` Python reads Korean bytes
    as ASCII. Decoding the arguments is not enough: a file with a Korean name opens
    only under the name that Python's own encoding gives it.
    """
    tried = os.environ.get(_RESTARTED) == str(os.getpid())
    if not any(map(_is_misread, sys.argv[1:])) or sys.flags.utf8_mode or tried or os.name != "posix":
        return
    if hasattr(sys, "orig_argv"):
        start = sys.orig_argv[1:]
    elif sys.argv[0] in ("", "-c"):  # Python 3.9 does not keep the code
        return
    else:
        module = getattr(sys.modules["__main__"], "__spec__", None)
        start = [*subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
                 *(["-m", "gluonattn"] if module else sys.argv[:1]), *sys.argv[1:]]
    environment = {**os.environ, "PYTHONUTF8": "1", _RESTARTED: str(os.getpid())}  # the process keeps its number
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *start], environment)  # noqa: S606 - this very interpreter again


def read_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments as text.

    An argument that is not UTF-8 is kept if it names a file that exists; old archives
    have such names.

    Raises
    ------
    OptionError
        If any other argument is not UTF-8; the message shows its bytes.
    """
    return [_decode(argument) for argument in arguments]


def _decode(argument: str) -> str:
    if any(map(os.path.lexists, (argument, argument.partition("=")[2]))):
        return argument
    if _is_misread(argument):
        text = os.fsencode(argument).decode("utf-8")
        encoding = sys.getfilesystemencoding()
        if not encodes(text, encoding):
            raise OptionError(f"this Python reads the command line as {encoding}, so a file named {text!r} cannot be "
                              "opened. Set PYTHONUTF8=1 and run the command again.")
        return text
    if encodes(argument, "utf-8"):
        return argument
    content = argument.encode("utf-8", "surrogateescape" if _is_from_bytes(argument) else "surrogatepass")
    try:
        guess = f"; in CP949 it would be {content.decode('cp949')!r}"
    except UnicodeDecodeError:
        guess = ""
    raise OptionError(
        f"an argument is not UTF-8: {content!r}{guess}. Expected UTF-8 text or the name of a file that exists: set the "
        "terminal (or save the script that calls this) to UTF-8, or write the text to a file and convert it with "
        "iconv -f cp949 -t utf-8.")


def _is_misread(argument: str) -> bool:
    """Whether it was typed in UTF-8 and read as something else."""
    if argument.isascii() or (encodes(argument, "utf-8") and encodes("가", sys.getfilesystemencoding())):
        return False
    try:
        return os.fsencode(argument).decode("utf-8") != argument
    except UnicodeError:
        return False


def _is_from_bytes(text: str) -> bool:
    return all("\udc80" <= c <= "\udcff" for c in text if "\ud800" <= c <= "\udfff")


def refuse_given(context: typer.Context, why: str, *names: str) -> None:
    """Raise OptionError if the user has given one of these options of the running command, where it would do nothing.

    Parameters
    ----------
    context : typer.Context
        Of the running command.
    why : str
        The reason, for the message.
    *names : str
        The options' parameters ("text_column").
    """
    # By name: typer carries a click of its own from 0.29 on, and the installed one is another, or none.
    given = ["--" + name.replace("_", "-") for name in names
             if getattr(context.get_parameter_source(name), "name", "DEFAULT") not in ("DEFAULT", "DEFAULT_MAP")]
    if given:
        raise OptionError(f"{' and '.join(given)} would do nothing: {why}. Leave {'them' if given[1:] else 'it'} out.")


# ---- what commands print with


def print_json(value: Any, indent: int | None = 1, end: str = "\n") -> None:
    """Print a value as JSON, escaped where the console's encoding lacks a character.

    Parameters
    ----------
    value : JSON value
    indent : int or None, default 1
        Spaces a level; None prints one line.
    end : str
        What follows; a line break by default.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    print(text if encodes(text, sys.stdout.encoding or "utf-8") else json.dumps(value, indent=indent), end=end)


def width() -> int:
    """Columns to wrap at: the terminal's, or $COLUMNS; endless in a pipe or a file."""
    return shutil.get_terminal_size((80, 24)).columns if _has_width(sys.stdout) else UNWRAPPED


def rich_console(stderr: bool = False) -> Console:
    """A console of rich's that prints lines as they are: no markup, no wrapping, no colours of its own choice."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True,
                   width=None if _has_width(sys.stderr if stderr else sys.stdout) else UNWRAPPED)


def _has_width(stream: Any) -> bool:
    columns = os.environ.get("COLUMNS", "")
    return stream.isatty() or (columns.isdecimal() and int(columns) > 0)


def command_line(command: str, *words: Any, **options: Any) -> str:
    """A command of `gluonattn`, quoted to be pasted into a shell; options that are None are left out.

    Parameters
    ----------
    command : str
        With its group, if any.
    *words : object
        Its arguments.
    **options : object
        Its options, by parameter name.

    >>> command_line("evaluate", model="my model", text_column=None)
    "gluonattn evaluate --model 'my model'"
    """
    given = {f"--{name.replace('_', '-')}": str(value) for name, value in options.items() if value is not None}
    return shlex.join(["gluonattn", *command.split(), *(part for pair in given.items() for part in pair),
                       *["--"] * any(str(word).startswith("-") for word in words), *map(str, words)])
