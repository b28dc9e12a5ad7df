"""Write notebooks/*.ipynb, which Jupyter and Colab open, from notebooks/*.py.

    python scripts/notebooks.py            # writes them, without outputs
    python scripts/notebooks.py --check    # writes nothing; exit code 1 if a file would change
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = []
    for source in sorted(FOLDER.glob("*.py")):
        notebook, path = convert(source), source.with_suffix(".ipynb")
        if not path.exists() or path.read_text(encoding="utf-8") != notebook:
            old.append(path.name)
            if not check:
                path.write_text(notebook, encoding="utf-8")
    if old:
        print(f"{'not what notebooks/*.py say' if check else 'wrote'}: {', '.join(old)}")
    sys.exit(bool(check and old))


def convert(source: Path) -> str:
    """The notebook of a file in the percent format; the same text each time."""
    notebook = jupytext.read(source)
    notebook.metadata.pop("jupytext", None)  # its version
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # else chance names them
    text: str = nbformat.writes(notebook, version=4)
    return text + "\n"


if __name__ == "__main__":
    main()
