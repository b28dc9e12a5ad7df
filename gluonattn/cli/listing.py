"""List the choices, and get data to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from ..console import command_line, print_json
from ..errors import GluonAttnError
from ..options import SENTENCE, AsJson, list_examples
from ..progress import Bar
from .registry import GROUPS, command

data_app = typer.Typer(help="Get data to train on.", no_args_is_help=True, rich_markup_mode=None)
GROUPS.append(("Look up", "data", data_app))


@command("Look up", "cells", "cells --json")
def cells(as_json: bool = AsJson) -> None:
    """List the attention cells."""
    from ..models.cells import CELLS

    if as_json:
        print_json({name: {"formula": c.formula, "source": c.source} for name, c in CELLS.items()})
        return
    for name, kind in CELLS.items():
        typer.echo(f"{name:15} {kind.formula:32} {kind.source}")


@command("Look up", "methods", "methods --json")
def methods(as_json: bool = AsJson) -> None:
    """List the attribution methods for --method, and the models that each works with."""
    from ..classifier.kinds import KINDS

    names = dict.fromkeys(name for table in KINDS.values() for name in table)
    having = {name: {kind: table[name] for kind, table in KINDS.items() if name in table} for name in names}
    if as_json:
        print_json({name: {"sign": (own := next(iter(kinds.values()))).sign, "signed": own.signed,
                           "models": {kind: {"sign": method.sign, "signed": method.signed}
                                      for kind, method in kinds.items()}}
                    for name, kinds in having.items()})
        return
    for name, kinds in having.items():
        for sign in dict.fromkeys(method.sign for method in kinds.values()):
            having_it = [kind for kind, method in kinds.items() if method.sign == sign]
            only = "" if len(having_it) == len(KINDS) else f" ({' and '.join(having_it)} models)"
            typer.echo(f"{name:22} {sign}{only}")


@command("Look up", "tokenizers", "tokenizers --check", f'tokenizers --text "{SENTENCE}"')
def tokenizers(
    text: Optional[str] = typer.Option(None, help="Show how each tokenizer splits this text (starts Java: 30 s)."),
    check: bool = typer.Option(False, help="Start each tokenizer, instead of only checking its requirements."),
    as_json: bool = AsJson,
) -> None:
    """List the tokenizers, which of them work here, and how each splits a text."""
    from ..text import KNOWN

    rows: dict[str, dict[str, Any]] = {}
    for name, kind in KNOWN.items():
        rows[name] = _state_of(name, kind, text, start=check or text is not None)
        if not as_json:  # each row is printed as soon as it is known
            typer.echo(f"{name:11} {'ready  ' if rows[name]['ready'] else 'missing'} needs {kind.needs}")
            if "tokens" in rows[name]:
                typer.echo("            " + " ".join(token[0] for token in rows[name]["tokens"]))
    if as_json:
        print_json(rows)


def _state_of(name: str, kind: Any, text: Optional[str], start: bool) -> dict[str, Any]:
    from ..text import tokenizer

    row = {"ready": True, "needs": kind.needs}
    try:
        why = None if start else kind.lacking()
        split = tokenizer(name) if start else None
        if split and text is not None:
            row["tokens"] = [list(token) for token in split(text)]
    except GluonAttnError as error:
        why = str(error)
    return row if why is None else {"ready": False, "needs": kind.needs, "why": why}


@data_app.command(epilog=list_examples("data nsmc", "data nsmc --out ~/nsmc"))
def nsmc(
    out: Optional[Path] = typer.Option(None, help="Folder to write. Default: the cache that --data nsmc reads."),
) -> None:
    """Download the Naver movie reviews (19 MB) from their public repository and check them."""
    from ..data.sources import download_nsmc

    bars: dict[str, Bar] = {}

    def show(name: str, done: int, total: int) -> None:
        bars.setdefault(name, Bar(name))(done, total)

    folder = download_nsmc(out, progress=show)
    training = command_line("train", data="nsmc" if out is None else folder)
    typer.echo(f"NSMC is in {folder}, checksums correct. To train on it: {training}")


@data_app.command(epilog=list_examples("data sample"))
def sample() -> None:
    """Show where the bundled sample is."""
    from ..data.sources import locate

    source = locate("sample")
    typer.echo(f"{source.train}\n{source.test}")
