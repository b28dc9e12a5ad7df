"""Standard streams that take any text, and may be closed or full."""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

# Substitutes for characters that views draw with and a console may lack.
_LOOKALIKES = {"━": "-", "→": "->", "▁": ".", "▃": ":", "▅": "+", "█": "#", "·": ".", "…": "...", "×": "x"}
# What steers a terminal, or turns the direction of a line, and what of it this package and rich write: colours, and the
# movements of a bar. The rest can only come from a text.
_STEERING = re.compile(r"(\x1b\[(?:[0-9;]*m|[0-9]*[AK]|\?25[hl]))|"
                       r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What ends a program in an orderly way beside Ctrl-C: `kill`, and a terminal or connection that is closed (not on Windows).
ENDING_SIGNALS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
ENDED = tuple(128 + number for number in ENDING_SIGNALS)


class Stream(io.TextIOBase):
    """A standard stream for any text.

    Characters that its encoding lacks are replaced or escaped, and on a terminal those that would steer it. After a write
    has failed, all further output is dropped, so that the command can still write its files.

    It has no ``buffer`` attribute on purpose: click would write UTF-8 to it where it is ASCII.

    Parameters
    ----------
    stream : file or None
        None where the process has no such stream.

    Attributes
    ----------
    problem : OSError or None
        Why writing failed.
    lost : bool
        Whether output was lost.
    """

    def __init__(self, stream: Any) -> None:
        self._stream, self.lost = stream, False
        self._on_terminal: bool | None = None  # not known yet
        self.problem: OSError | None = None if stream else OSError(errno.EBADF, "it is closed")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self.problem is None:
            if self._on_terminal is None:
                self._on_terminal = self.isatty()
            shown = _STEERING.sub(_show, text) if self._on_terminal else text
            self._attempt(lambda: self._stream.write(printable(shown, self.encoding)))
        elif text:
            self.lost = True
        return len(text)

    def flush(self) -> None:
        if self.problem is None:
            self._attempt(self._stream.flush)

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
        result: int = self._stream.fileno()
        return result

    def _attempt(self, action: Any) -> None:
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


@contextmanager
def streams() -> Iterator[tuple[Stream, Stream]]:
    """Standard streams that never raise, for as long as the block lasts.

    Yields
    ------
    (stdout, stderr) : (Stream, Stream)
        What ``sys.stdout`` and ``sys.stderr`` are in the block.
    """
    _fill_descriptors()
    originals = sys.stdout, sys.stderr
    out, err = Stream(originals[0]), Stream(originals[1])
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = originals


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP leave the block as Ctrl-C does, so that what is half-written is removed; exit codes 143 and 129."""
    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    # What a program that embeds this handles itself, or nohup has it ignore, stays so.
    taken = [number for number in ENDING_SIGNALS if in_main_thread and signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _fill_descriptors() -> None:
    """Open the null device for each standard descriptor that is missing: the next file opened would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def exit_code(code: int, out: Stream, err: Stream) -> int:
    """The command's own exit code, or 1 where it is 0 and its output was lost. The user is then told on stderr.

    A reader who closes the pipe early (``| head -1``) has read enough: nothing is lost.

    Parameters
    ----------
    code : int
    out, err : Stream
    """
    problem = out.problem
    if code or not out.lost or problem is None or problem.errno == errno.EPIPE:
        return code
    err.write(f"error: cannot print to the standard output: {problem.strerror}. All files were "
              "written. Send the output elsewhere to see it.\n")
    err.flush()
    return 1


def encodes(text: str, encoding: str) -> bool:
    """Whether an encoding is known and has every character of a text.

    Parameters
    ----------
    text : str
    encoding : str
    """
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def printable(text: str, encoding: str) -> str:
    """The text, with characters that the encoding lacks replaced by similar ones or escaped.

    Parameters
    ----------
    text : str
    encoding : str
    """
    if encodes(text, encoding):
        return text
    try:
        return text.encode(encoding, "gluonattn.cli.console").decode(encoding)
    except (LookupError, UnicodeError):  # no such encoding, or one that a control character of the text confuses
        return text.encode("ascii", "gluonattn.cli.console").decode("ascii")


def _show(match: re.Match[str]) -> str:
    return match[1] or match[0].encode("unicode_escape").decode()


def _replace_unencodable(error: Any) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    piece = error.object[error.start : error.end]
    return "".join(_LOOKALIKES.get(c) or c.encode("ascii", "backslashreplace").decode() for c in piece), error.end


codecs.register_error("gluonattn.cli.console", _replace_unencodable)
