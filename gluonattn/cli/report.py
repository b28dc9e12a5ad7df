"""The command `report`: parses, calls the public API, prints."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from ..bars import Bar
from ..errors import choose
from .console import print_json

SUBJECTS = ("pronunciation",)


def report(
    subject: str = typer.Argument(..., help="pronunciation: heads against causes, and what replacing letters does."),
    model: Path = typer.Argument(..., help="Checkpoint folder of `gluonattn train --task pronunciation`."),
    out: Path = typer.Option("runs/report.html", help="Page to write (.html), or a folder; figures go beside it (.json)."),
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    words: int = typer.Option(800, help="Held-out words whose attention is read."),
    edited: int = typer.Option(120, help="Words of each rule whose letters are replaced."),
    word: list[str] = typer.Option([], help="Word whose heads are drawn, instead of three usual ones; can be given "
                                            "several times."),
    seed: int = typer.Option(0, help="Of drawing the words."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, for a program to read."),
) -> None:
    """Write a self-contained page on what a model looks at."""
    from ..pronunciation.report_text import LANGUAGES
    from . import early

    choose("subject of a report", subject, dict.fromkeys(SUBJECTS))
    choose("language", lang, LANGUAGES)
    early.require_writable_folder(out.parent if out.suffix.lower() == ".html" else out)
    from ..pronunciation.report import write_report
    from ..pronunciation.report_sentences import in_brief
    from ..pronunciation.study import EXAMPLES, study_of
    from ..pronunciation.summary import summarise

    os.environ.setdefault("MPLBACKEND", "agg")
    bar = Bar("reading")
    found = study_of(model, words=words, edited=edited, examples=word or EXAMPLES, seed=seed, progress=bar)
    summary = summarise(found)
    files = write_report(summary, found.examples, out, lang=lang)
    if as_json:
        print_json({name: str(path) for name, path in files.items()})
        return
    for line in in_brief(summary, lang):
        typer.echo(line)
    typer.echo(f"wrote {files['html']}, {files['json']}")
