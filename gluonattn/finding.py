"""Find files that each add one entry, by the ending of their names. No other file lists them.

``bigram_tokenizer.py`` in ``text/`` adds a tokenizer, ``deviation_method.py`` in ``classifier/`` an attribution method.
``docs/adding/`` has a page for each kind.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any


def find_entries(file: str, package: str, ending: str) -> list[Any]:
    """Find the entries of a room's files, in the order of their names.

    Parameters
    ----------
    file : str
        ``__file__`` of the calling module. Its folder is searched.
    package : str
        ``__package__`` of that module.
    ending : str
        "tokenizer" finds ``NAME_tokenizer.py``, each with a ``TOKENIZER``.

    Returns
    -------
    list
        From each file, the object whose name is the ending in capitals.

    Raises
    ------
    AttributeError
        If a file with that ending has no such entry.
    """
    names = [module.name for module in iter_modules([str(Path(file).parent)]) if module.name.endswith(f"_{ending}")]
    return [getattr(import_module(f".{name}", package), ending.upper()) for name in names]
