"""The command line's own ends: arguments as the user typed them, and streams that take any text.

`main` prepares both once, for every command: an argument in a locale that does
not know Hangul, a console that is not UTF-8, a full or closed stream.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import typer

from .errors import OptionError

_RESTARTED = "GLUONATTN_RESTARTED"
TERMINATED = 128 + signal.SIGTERM
UNWRAPPED = 100_000  # columns of what no terminal shows
# What the views draw with, where a console does not have it.
_LOOKALIKES = {"━": "-", "→": "->", "▁": ".", "▃": ":", "▅": "+", "█": "#", "·": ".", "…": "...", "×": "x"}


def restart_in_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if it has misread its arguments; else return.

    With ``LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0`` Python reads Korean bytes
    as ASCII. Decoding the texts would not do: a file of a Korean name can be
    opened under the name that Python's own encoding gives, and no other.
    """
    tried = os.environ.get(_RESTARTED) == str(os.getpid())
    if not any(map(_misread, sys.argv[1:])) or sys.flags.utf8_mode or tried or os.name != "posix":
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
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *start], environment)


def read_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments as text.

    One that is not UTF-8 is left as it is where it names a file that exists: old
    archives have such names.

    Raises
    ------
    OptionError
        If another one is not UTF-8; the message shows its bytes.
    """
    return [_read(argument) for argument in arguments]


def _read(argument: str) -> str:
    if any(map(os.path.lexists, (argument, argument.partition("=")[2]))):
        return argument
    if _misread(argument):
        text = os.fsencode(argument).decode("utf-8")
        own = sys.getfilesystemencoding()
        if not _encodes(text, own):
            raise OptionError(f"this Python reads the command line as {own}, so a file named {text!r} cannot be opened. Set "
                              "PYTHONUTF8=1 and run the command again.")
        return text
    if _encodes(argument, "utf-8"):
        return argument
    content = argument.encode("utf-8", "surrogateescape" if _from_bytes(argument) else "surrogatepass")
    try:
        guess = f"; in CP949 it would be {content.decode('cp949')!r}"
    except UnicodeDecodeError:
        guess = ""
    raise OptionError(
        f"an argument is not UTF-8: {content!r}{guess}. Expected UTF-8 text or the name of a file that exists: set the "
        "terminal (or save the script that calls this) to UTF-8, or write the text to a file and convert it with "
        "iconv -f cp949 -t utf-8.")


def _misread(argument: str) -> bool:
    """Whether it was typed in UTF-8 and read as something else."""
    if argument.isascii() or (_encodes(argument, "utf-8") and _encodes("가", sys.getfilesystemencoding())):
        return False
    try:
        return os.fsencode(argument).decode("utf-8") != argument
    except UnicodeError:
        return False


def _from_bytes(text: str) -> bool:
    return all("\udc80" <= c <= "\udcff" for c in text if "\ud800" <= c <= "\udfff")


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


# ---- streams


@contextmanager
def streams() -> Iterator[tuple[Stream, Stream]]:
    """Standard streams that never raise, for as long as the block lasts.

    Yields
    ------
    (stdout, stderr) : (Stream, Stream)
        What ``sys.stdout`` and ``sys.stderr`` are inside.
    """
    _fill_descriptors()
    own = sys.stdout, sys.stderr
    out, err = Stream(own[0]), Stream(own[1])
    sys.stdout, sys.stderr = out, err  # type: ignore[assignment]
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = own


def _fill_descriptors() -> None:
    """Where the process was started without stdin, stdout or stderr: else the next file it opens would take the number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM leaves the block as Ctrl-C does, so that what is half-written is removed; the exit code is 143."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield  # who embeds this has a way of their own
        return

    def leave(number, frame):
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Stream(io.TextIOBase):
    """A standard stream for any text.

    Characters that its encoding lacks are drawn with others or escaped. Once it
    cannot be written to, everything more is dropped, so that files that are
    still to be written get written.

    Without a ``buffer`` attribute on purpose: click would write UTF-8 to it where it is ASCII.

    Parameters
    ----------
    stream : file or None
        None where there is none.

    Attributes
    ----------
    problem : OSError or None
        Why it cannot be written to.
    lost : bool
        Whether something did not arrive.
    """

    def __init__(self, stream: Any):
        self._stream, self.lost = stream, False
        self.problem: OSError | None = None if stream else OSError(errno.EBADF, "it is closed")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self.problem is None:
            self._try(lambda: self._stream.write(printable(text, self.encoding)))
        elif text:
            self.lost = True
        return len(text)

    def flush(self) -> None:
        if self.problem is None:
            self._try(self._stream.flush)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        try:
            return self.problem is None and self._stream.isatty()
        except ValueError:  # it was closed
            return False

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def _try(self, action) -> None:
        try:
            action()
        except OSError as error:
            self._give_up(error)
        except ValueError:  # Python's word for a closed file
            self._give_up(OSError(errno.EBADF, "it is closed"))

    def _give_up(self, error: OSError) -> None:
        self.problem, self.lost = error, True
        with suppress(OSError, ValueError):  # what waits in buffers goes nowhere, and Python does not try again at its end
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def exit_code(code: int, out: Stream, err: Stream) -> int:
    """The command's own exit code, or 1 where it is 0 and its output was lost; says so on stderr.

    Who closes a pipe early (``| head -1``) has read enough: nothing is lost.
    """
    problem = out.problem
    if code or not out.lost or problem is None or problem.errno == errno.EPIPE:
        return code
    err.write(f"error: cannot print to the standard output: {problem.strerror}. Files that were to be written are "
              "written; send the output elsewhere to see it.\n")
    err.flush()
    return 1


def printable(text: str, encoding: str) -> str:
    """The text, with what the encoding lacks drawn with other characters or escaped."""
    if _encodes(text, encoding):
        return text
    try:
        return text.encode(encoding, "gluonattn.cli.console").decode(encoding)
    except (LookupError, UnicodeError):  # no such encoding, or one that a control character of the text confuses
        return text.encode("ascii", "gluonattn.cli.console").decode("ascii")


def _in_other_characters(error) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    piece = error.object[error.start : error.end]
    return "".join(_LOOKALIKES.get(c) or c.encode("ascii", "backslashreplace").decode() for c in piece), error.end


codecs.register_error("gluonattn.cli.console", _in_other_characters)


def refuse_given(context: typer.Context, why: str, *names: str) -> None:
    """Raise OptionError if the user has given one of these options of the running command: it would do nothing."""
    # By name: typer carries a click of its own from 0.29 on, and the installed one is another, or none.
    given = ["--" + name.replace("_", "-") for name in names
             if getattr(context.get_parameter_source(name), "name", "DEFAULT") not in ("DEFAULT", "DEFAULT_MAP")]
    if given:
        raise OptionError(f"{' and '.join(given)} would do nothing: {why}. Leave {'them' if given[1:] else 'it'} out.")


# ---- what commands print with


def print_json(value: Any, indent: int | None = 1, end: str = "\n") -> None:
    """Print a value as JSON; escaped where the console (or any: half a character) cannot have it as it is."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    print(text if _encodes(text, sys.stdout.encoding or "utf-8") else json.dumps(value, indent=indent), end=end)


def width() -> int:
    """Columns to wrap at: the terminal's, or $COLUMNS; endless in a pipe or a file."""
    return shutil.get_terminal_size((80, 24)).columns if _has_width(sys.stdout) else UNWRAPPED


def rich_console(stderr: bool = False):
    """A console of rich's that prints lines as they are: no markup, no wrapping, no colours of its own choice."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True,
                   width=None if _has_width(sys.stderr if stderr else sys.stdout) else UNWRAPPED)


def _has_width(stream) -> bool:
    columns = os.environ.get("COLUMNS", "")
    return stream.isatty() or (columns.isdecimal() and int(columns) > 0)


def command_line(command: str, *words: Any, **options: Any) -> str:
    """A command of `gluonattn`, quoted to be pasted into a shell; options that are None are left out.

    >>> command_line("evaluate", model="my model", text_column=None)
    "gluonattn evaluate --model 'my model'"
    """
    given = {f"--{name.replace('_', '-')}": str(value) for name, value in options.items() if value is not None}
    return shlex.join(["gluonattn", *command.split(), *(part for pair in given.items() for part in pair),
                       *["--"] * any(str(word).startswith("-") for word in words), *map(str, words)])
