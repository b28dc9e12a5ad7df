"""Input and output of the command line: arguments as the user typed them, and printing.

Every command's `main` prepares both first. It handles arguments in a locale without
Hangul, a console that is not UTF-8, and a full or closed stream.
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
UNWRAPPED = 100_000  # columns for output that no terminal shows


def restart_in_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if it has misread its arguments.

    With ``LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0`` Python reads Korean bytes
    as ASCII. Decoding the arguments is not enough: a file with a Korean name opens
    only under the name that Python's own encoding gives it.
    """
    tried = os.environ.get(_RESTARTED) == str(os.getpid())
    if not any(map(_is_misread, sys.argv[1:])) or sys.flags.utf8_mode or tried or os.name != "posix":
        return
    if hasattr(sys, "orig_argv"):
        start = sys.orig_argv[1:]
    elif sys.argv[0] in ("", "-c"):  # Python 3.9 does not keep the code of -c
        return
    else:
        module = getattr(sys.modules["__main__"], "__spec__", None)
        start = [*subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
                 *(["-m", "gluonattn"] if module else sys.argv[:1]), *sys.argv[1:]]
    environment = {**os.environ, "PYTHONUTF8": "1", _RESTARTED: str(os.getpid())}  # exec keeps the process number
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *start], environment)  # noqa: S606 - the same interpreter


def read_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments as text.

    An argument that is not UTF-8 is kept if it names an existing file; old archives
    contain such names.

    Raises
    ------
    OptionError
        If any other argument is not UTF-8. The message shows its bytes.
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
    """Whether the argument was typed in UTF-8 and decoded as something else."""
    if argument.isascii() or (encodes(argument, "utf-8") and encodes("가", sys.getfilesystemencoding())):
        return False
    try:
        return os.fsencode(argument).decode("utf-8") != argument
    except UnicodeError:
        return False


def _is_from_bytes(text: str) -> bool:
    return all("\udc80" <= c <= "\udcff" for c in text if "\ud800" <= c <= "\udfff")


def refuse_given(context: typer.Context, why: str, *names: str) -> None:
    """Raise OptionError if the user gave one of these options, in a case where it has no effect.

    Parameters
    ----------
    context : typer.Context
        The context of the running command.
    why : str
        The reason, for the message.
    *names : str
        The parameter names of the options, such as "text_column".
    """
    # Compared by name: from 0.29 on typer contains its own click, and an installed click is a different one.
    given = ["--" + name.replace("_", "-") for name in names
             if getattr(context.get_parameter_source(name), "name", "DEFAULT") not in ("DEFAULT", "DEFAULT_MAP")]
    if given:
        raise OptionError(f"{' and '.join(given)} would have no effect: {why}. Leave {'them' if given[1:] else 'it'} out.")


# ---- printing


def print_json(value: Any, indent: int | None = 1, end: str = "\n") -> None:
    """Print a value as JSON. Characters that the console's encoding lacks are escaped.

    Parameters
    ----------
    value : JSON value
    indent : int or None, default 1
        Spaces per level. None prints one line.
    end : str
        Text printed after the value; a line break by default.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    print(text if encodes(text, sys.stdout.encoding or "utf-8") else json.dumps(value, indent=indent), end=end)


def width() -> int:
    """Number of columns to wrap at: the terminal's, or $COLUMNS. Practically unlimited in a pipe or a file."""
    return shutil.get_terminal_size((80, 24)).columns if _has_width(sys.stdout) else UNWRAPPED


def rich_console(stderr: bool = False) -> Console:
    """A rich console that prints lines as they are, without markup, wrapping or automatic colours."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True,
                   width=None if _has_width(sys.stderr if stderr else sys.stdout) else UNWRAPPED)


def _has_width(stream: Any) -> bool:
    columns = os.environ.get("COLUMNS", "")
    return stream.isatty() or (columns.isdecimal() and int(columns) > 0)


def command_line(command: str, *words: Any, **options: Any) -> str:
    """A command of `gluonattn`, quoted for pasting into a shell. Options that are None are left out.

    Parameters
    ----------
    command : str
        The command's name, with its group if it has one.
    *words : object
        The command's arguments.
    **options : object
        The command's options, by parameter name.

    >>> command_line("evaluate", model="my model", text_column=None)
    "gluonattn evaluate --model 'my model'"
    """
    given = {f"--{name.replace('_', '-')}": str(value) for name, value in options.items() if value is not None}
    return shlex.join(["gluonattn", *command.split(), *(part for pair in given.items() for part in pair),
                       *["--"] * any(str(word).startswith("-") for word in words), *map(str, words)])
