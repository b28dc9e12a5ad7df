"""Files and folders that are written whole or not at all: the one writer of this package.

A file being written has the name ``.NAME.xxxxxxxx.partial``, hidden and with eight random characters, beside its
final place. Its writer holds a lock on it for as long as it lives. A killed writer leaves it unlocked, and the
next writer of the same name removes it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Callable, Union

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be removed there, which does as well
    fcntl = None  # type: ignore[assignment]

Content = Union[str, bytes]
_SUFFIX = ".partial"
_MAX_NAME_BYTES = 200  # bytes of a name that is kept in its partial's name; file systems take 255
_NO_FILE = "it is a folder or a device"
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}" + re.escape(_SUFFIX), re.DOTALL)


def replace_file(path: str | os.PathLike[str], content: Content, error: type[Exception] | None = None) -> None:
    """Write a file whole or not at all: it takes its name only when it is complete.

    Its permissions are those the umask gives. If the name is a link, its target is replaced.

    Parameters
    ----------
    path : path
    content : str or bytes
        Text is written as UTF-8.
    error : type of exception or None
        Raised, with a message for the user, in the place of an OSError.

    Raises
    ------
    OSError
        If it cannot be written; its ``filename`` is `path`. An older file of that name is untouched.
    """
    with replacing_file(path, error) as write:
        write(content)


@contextmanager
def replacing_file(path: str | os.PathLike[str],
                   error: type[Exception] | None = None) -> Iterator[Callable[[Content], None]]:
    """Write a file in parts: it takes its name when the block ends well, and vanishes otherwise.

    Parameters
    ----------
    path, error
        As for `replace_file`. What the block itself raises is not touched.

    Yields
    ------
    callable
        ``write(content)`` with text (written as UTF-8) or bytes.
    """
    path = Path(path)
    with _name_in_errors(path, error):
        if path.exists() and not path.is_file():  # a rename would replace a device; told before the work
            raise OSError(errno.EISDIR, _NO_FILE)
        target = Path(os.path.realpath(path))
        clear_partials(target)
        partial, file = _begin_file(target)

    def write(content: Content) -> None:
        with _name_in_errors(path, error):
            file.write(content.encode("utf-8") if isinstance(content, str) else content)

    try:
        yield write
        with _name_in_errors(path, error):
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows renames no open file
            os.replace(partial, target)
    except BaseException:
        _discard(file, partial)
        raise
    file.close()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A new, hidden folder to fill for `folder`; the block renames it to its place. What is left of it is removed.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    clear_partials(folder)
    partial, lock = _begin(folder, _open_folder)
    try:
        yield partial
    finally:
        try:
            shutil.rmtree(partial, ignore_errors=True)
        finally:
            if lock is not None:
                os.close(lock)


@contextmanager
def locking(path: Path) -> Iterator[int | None]:
    """Hold the name `path` while the block runs, for this process alone.

    What is locked is a hidden file ``.NAME.lock`` beside it, which holds the number of the process and is removed at
    the end. That of a killed process is taken over. Where no such file can be made or locked, nothing is.

    Yields
    ------
    int or None
        The number of the process that holds the name already (0 where it is not known); None where this one does.
    """
    lock = path.with_name(f"{_stem(path)}lock")
    try:
        handle, holder = _take(lock) if fcntl is not None else (None, None)
    except OSError:
        handle, holder = None, None
    try:
        yield holder
    finally:
        if handle is not None:
            try:
                with suppress(OSError):
                    os.unlink(lock)
            finally:
                os.close(handle)


def _take(lock: Path) -> tuple[int | None, int | None]:
    """A locked file of this name, or the number of the process that has locked it."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if not _lock(handle, without_locks=True):
            number = os.read(handle, 20)
            os.close(handle)
            return None, int(number) if number.isdigit() else 0
        if _is_there(handle, lock):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            return handle, None
        os.close(handle)  # its owner has just removed it


def clear_partials(path: Path) -> None:
    """Remove what killed writers of `path` left beside it; that of a living writer stays."""
    known = re.compile(re.escape(_stem(path)) + r"[0-9a-f]{8}" + re.escape(_SUFFIX))
    _clear(path.parent, lambda name: known.fullmatch(name) is not None)


def clear_all_partials(folder: Path) -> None:
    """Remove what killed writers left in a folder, whatever they were writing."""
    _clear(folder, is_partial)


def is_partial(name: str) -> bool:
    """Whether a file of this name is one that is being written, or was when its writer was killed."""
    return _PARTIAL.fullmatch(name) is not None


def _clear(folder: Path, matches: Callable[[str], bool]) -> None:
    try:
        names = [name for name in os.listdir(folder) if name.endswith(_SUFFIX) and matches(name)]
    except OSError:  # nothing is there, or it may not be looked at: writing will say so
        return
    for name in names:
        _remove_if_dead(folder / name)


def _remove_if_dead(partial: Path) -> None:
    try:
        lock = os.open(partial, os.O_RDONLY) if fcntl is not None else None
    except OSError:
        return
    try:
        if lock is not None:
            if not _lock(lock):
                return
            # While this waited it may have got its name, and another its old one.
            if not os.path.samestat(os.fstat(lock), os.lstat(partial)):
                return
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink()
    except OSError:  # gone, or not ours to remove
        pass
    finally:
        if lock is not None:
            os.close(lock)


def _stem(path: Path) -> str:
    """How the names of partial files of `path` begin."""
    raw = os.fsencode(path.name)
    return f".{path.name if len(raw) <= _MAX_NAME_BYTES else hashlib.sha256(raw).hexdigest()}."


def _begin_file(target: Path) -> tuple[Path, IO[bytes]]:
    def make(partial: Path) -> int:
        return os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    partial, handle = _begin(target, make)
    return partial, os.fdopen(handle, "wb")  # type: ignore[arg-type]


def _open_folder(partial: Path) -> int | None:
    os.mkdir(partial)
    return os.open(partial, os.O_RDONLY) if fcntl is not None else None


def _begin(target: Path, make: Callable[[Path], int | None]) -> tuple[Path, int | None]:
    """Make a partial file or folder that is not taken for the remains of a dead writer."""
    while True:
        partial = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}{_SUFFIX}")
        try:
            handle = make(partial)
        except FileExistsError:
            continue
        if handle is None or (_lock(handle, without_locks=True) and _is_there(handle, partial)):
            return partial, handle
        os.close(handle)  # another process found it before it was locked, and removes it


def _lock(handle: int, without_locks: bool = False) -> bool:
    """Lock an open file; False if another process has, `without_locks` where the file system knows no locks."""
    if fcntl is None:
        return without_locks
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without_locks
    return True


def _is_there(handle: int, partial: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(partial))
    except FileNotFoundError:
        return False


def _discard(file: IO[bytes], partial: Path) -> None:
    """Remove a partial file; it may be in its place already, or its disk full."""
    with suppress(OSError):
        os.unlink(partial)
    with suppress(OSError):
        file.close()


@contextmanager
def _name_in_errors(path: Path, error: type[Exception] | None) -> Iterator[None]:
    """Name the user's file in every error: the name of a partial file means nothing to the user."""
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        if error is None:
            raise OSError(problem.errno or errno.EIO, reason, str(path)) from None
        raise error(cannot_write(path, reason)) from None


def cannot_write(path: str | os.PathLike[str], reason: str | None) -> str:
    """The message for a file that cannot be written.

    Parameters
    ----------
    path : path
    reason : str or None
        As the operating system has it.
    """
    if reason == _NO_FILE:
        return f"cannot write {path}: {reason}. Give the name of a file."
    return (f"cannot write {path}: {reason}. Choose a folder that exists, is writable and has space; nothing was "
            "left half-written.")
