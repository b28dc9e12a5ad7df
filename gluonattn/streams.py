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
# Characters that steer a terminal or turn the direction of a line; and those of them that this package and rich write:
# colours, and the movements of a bar. The rest can only come from a text.
_STEERING = re.compile(r"(\x1b\[(?:[0-9;]*m|[0-9]*[AK]|\?25[hl]))|"
                       r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Signals besides Ctrl-C that end a program in order: from `kill`, and from a closed terminal or connection (not on Windows).
ENDING_SIGNALS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
ENDED = tuple(128 + number for number in ENDING_SIGNALS)


class Stream(io.TextIOBase):
    """A standard stream for any text.

    Characters that its encoding lacks are replaced or escaped. On a terminal, so are those that would steer it. After a
    failed write all further output is dropped, so that the command can still write its files.

    It deliberately has no ``buffer`` attribute: click would write UTF-8 to it even if the stream is ASCII.

    Parameters
    ----------
    stream : file or None
        None if the process has no such stream.

    Attributes
    ----------
    problem : OSError or None
        The reason why writing failed.
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
        except ValueError:  # raised by Python for a closed file
            self._give_up(OSError(errno.EBADF, "it is closed"))

    def _give_up(self, error: OSError) -> None:
        self.problem, self.lost = error, True
        with suppress(OSError, ValueError):  # buffered output goes to the null device, so Python does not try again at exit
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def streams() -> Iterator[tuple[Stream, Stream]]:
    """Replace the standard streams in the block by streams that never raise.

    Yields
    ------
    (stdout, stderr) : (Stream, Stream)
        The block's ``sys.stdout`` and ``sys.stderr``.
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
    """Leave the block on SIGTERM and SIGHUP as on Ctrl-C, so that partial files are removed; exit codes 143 and 129."""
    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    # Signals that an embedding program handles, or that nohup makes it ignore, are not changed.
    taken = [number for number in ENDING_SIGNALS if in_main_thread and signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _fill_descriptors() -> None:
    """Open the null device for each missing standard descriptor. Otherwise the next opened file would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def exit_code(code: int, out: Stream, err: Stream) -> int:
    """The command's own exit code, or 1 if it is 0 and output was lost. A message on stderr then says so.

    Output is not lost if a reader closes the pipe early (``| head -1``).

    Parameters
    ----------
    code : int
        The command's exit code.
    out, err : Stream
        The streams that `streams` yields.
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
        Name of the encoding.
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
        Name of the encoding.
    """
    if encodes(text, encoding):
        return text
    try:
        return text.encode(encoding, "gluonattn.cli.console").decode(encoding)
    except (LookupError, UnicodeError):  # an unknown encoding, or one that a control character of the text breaks
        return text.encode("ascii", "gluonattn.cli.console").decode("ascii")


def _show(match: re.Match[str]) -> str:
    return match[1] or match[0].encode("unicode_escape").decode()


def _replace_unencodable(error: Any) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    piece = error.object[error.start : error.end]
    return "".join(_LOOKALIKES.get(c) or c.encode("ascii", "backslashreplace").decode() for c in piece), error.end


codecs.register_error("gluonattn.cli.console", _replace_unencodable)
