"""Write files and folders completely or not at all.

A file being written is named ``.NAME.xxxxxxxx.partial``, with eight random characters. It is hidden and beside its
final place. Its writer keeps a lock on it while it runs. The file of a killed writer is not locked, and the next
writer of the same name removes it.
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
except ImportError:  # Windows: an open file cannot be removed there, so no lock is needed
    fcntl = None  # type: ignore[assignment]

Content = Union[str, bytes]
_SUFFIX = ".partial"
_MAX_NAME_BYTES = 200  # longer names are replaced by a hash in partial names; file systems take 255
_NO_FILE = "it is a folder or a device"
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}" + re.escape(_SUFFIX), re.DOTALL)


def replace_file(path: str | os.PathLike[str], content: Content, error: type[Exception] | None = None) -> None:
    """Write a file completely or not at all. It gets its name only when it is complete.

    Its permissions follow the umask. If the name is a link, the link's target is replaced.

    Parameters
    ----------
    path : path
    content : str or bytes
        Text is written as UTF-8.
    error : type of exception or None
        Raised instead of OSError, with a message for the user.

    Raises
    ------
    OSError
        If it cannot be written. The error's ``filename`` is `path`. An older file of that name is kept.
    """
    with replacing_file(path, error) as write:
        write(content)


@contextmanager
def replacing_file(path: str | os.PathLike[str],
                   error: type[Exception] | None = None) -> Iterator[Callable[[Content], None]]:
    """Write a file in parts. It gets its name if the block succeeds, and is removed otherwise.

    Parameters
    ----------
    path, error
        As for `replace_file`. Exceptions of the block itself are not changed.

    Yields
    ------
    callable
        ``write(content)`` with text (written as UTF-8) or bytes.
    """
    path = Path(path)
    with _name_in_errors(path, error):
        if path.exists() and not path.is_file():  # a rename would replace a device, so this is checked before the work
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
                file.close()  # Windows cannot rename an open file
            os.replace(partial, target)
    except BaseException:
        _discard(file, partial)
        raise
    file.close()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Create a hidden folder that will become `folder`. The block fills and renames it. Leftovers are removed.

    Raises
    ------
    OSError
        If it cannot be created.
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
    """Lock the name `path` for this process while the block runs.

    The lock is a hidden file ``.NAME.lock`` beside it that contains the number of the process. It is removed at the end.
    A lock of a killed process is taken over. If no such file can be created or locked, nothing is locked.

    Yields
    ------
    int or None
        The number of the process that has the lock (0 if unknown). None if this process has it or nothing is locked.
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
    """Lock a file of this name, or return the number of the process that has locked it."""
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
    """Remove leftovers of killed writers of `path`. Files of running writers are kept."""
    known = re.compile(re.escape(_stem(path)) + r"[0-9a-f]{8}" + re.escape(_SUFFIX))
    _clear(path.parent, lambda name: known.fullmatch(name) is not None)


def clear_all_partials(folder: Path) -> None:
    """Remove all leftovers of killed writers in a folder."""
    _clear(folder, is_partial)


def is_partial(name: str) -> bool:
    """Whether a name is a partial file's, of a running or a killed writer."""
    return _PARTIAL.fullmatch(name) is not None


def _clear(folder: Path, matches: Callable[[str], bool]) -> None:
    try:
        names = [name for name in os.listdir(folder) if name.endswith(_SUFFIX) and matches(name)]
    except OSError:  # missing or unreadable: writing will report it
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
            # Meanwhile the file may have been renamed, and another file may have its old name.
            if not os.path.samestat(os.fstat(lock), os.lstat(partial)):
                return
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink()
    except OSError:  # already removed, or without permission
        pass
    finally:
        if lock is not None:
            os.close(lock)


def _stem(path: Path) -> str:
    """Prefix of the names of partial files of `path`."""
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
    """Create and lock a partial file or folder, so that no other process takes it for a leftover."""
    while True:
        partial = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}{_SUFFIX}")
        try:
            handle = make(partial)
        except FileExistsError:
            continue
        if handle is None or (_lock(handle, without_locks=True) and _is_there(handle, partial)):
            return partial, handle
        os.close(handle)  # another process found it before it was locked and has removed it


def _lock(handle: int, without_locks: bool = False) -> bool:
    """Lock an open file. Return False if another process has it, and `without_locks` on file systems without locks."""
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
    """Remove a partial file. It may already have its final name, or the disk may be full."""
    with suppress(OSError):
        os.unlink(partial)
    with suppress(OSError):
        file.close()


@contextmanager
def _name_in_errors(path: Path, error: type[Exception] | None) -> Iterator[None]:
    """Replace the partial file's name in errors by the user's file name."""
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
        The operating system's reason.
    """
    if reason == _NO_FILE:
        return f"cannot write {path}: {reason}. Give the name of a file."
    return (f"cannot write {path}: {reason}. Choose a folder that exists, is writable and has space; nothing was "
            "left half-written.")
