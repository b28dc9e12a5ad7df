"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_file(path: str | os.PathLike, content: bytes) -> None:
    """Write a file whole or not at all: it takes its name only when it is complete.

    Raises
    ------
    OSError
        If it cannot be written; an older file of that name is untouched.
    """
    path = Path(path)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)  # mkstemp's 0600 would keep colleagues out
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
