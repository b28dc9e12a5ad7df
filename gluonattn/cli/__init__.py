"""The command line. Each group of commands is one file."""

from __future__ import annotations

import json
import sys


def main(arguments: list[str] | None = None) -> None:
    """Run a command. If a package that all commands need is missing or broken, print its name and how to install it.

    Parameters
    ----------
    arguments : list of str or None
        The command line without the program's name. None takes that of the process.
    """
    try:
        from .app import main as run
    except Exception as error:  # a broken library may raise anything when it is imported
        asked = sys.argv[1:] if arguments is None else arguments
        if "--debug" in asked:
            raise
        name = (getattr(error, "name", None) or "a package").partition(".")[0]
        cure = f'"{sys.executable}" -m pip install --force-reinstall gluonattn'
        if "doctor" in asked and "--json" in asked:
            print(json.dumps({"The main job": [{"name": name, "works": False, "note": f"{type(error).__name__}: {error}",
                                                "cure": cure, "needed": True}]}, ensure_ascii=False))
        else:
            print(f"error: no command can run, because {name} cannot be imported ({type(error).__name__}: {error}). "
                  f"Run {cure}", file=sys.stderr)
        sys.exit(1)
    run(arguments)
