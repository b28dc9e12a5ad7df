"""Compare attention cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import typer

from .. import console
from ..console import print_json
from ..errors import choose
from ..options import AsJson, LabelColumn, TextColumn, draw_without_a_screen
from ..progress import Bar
from .registry import command


@command("Compare", "compare --data sample --cells mlp,none --seeds 2 --out runs/compare",
    "compare --data nsmc --seeds 5 --workers 1 --out runs/compare")
def compare(
    cells: Optional[str] = typer.Option(None, help="Attention cells, separated by commas. Default: all."),
    seeds: int = typer.Option(5, help="Number of models to train for each cell."),
    data: str = typer.Option("sample", help="As for train. A fifth of a single file is held out as a test set."),
    out: Path = typer.Option("runs/compare", help="Folder for checkpoints and the report. Run it again to continue."),
    epochs: Optional[int] = typer.Option(None, help="As for train."),
    evidence: bool = typer.Option(False, help="As for train."),
    ngrams: bool = typer.Option(False, help="As for train."),
    tokenizer: str = typer.Option("mecab", help="See `gluonattn tokenizers`."),
    workers: Optional[int] = typer.Option(None, help="As for train."),
    explained: int = typer.Option(300, help="Number of test reviews on which explanations are measured."),
    sentence: list[str] = typer.Option([], help="Sentence to show in each cell, instead of the five built-in "
                                                "ones. Can be given several times."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    lang: str = typer.Option("en", help="Language of the report: en or ko."),
    as_json: bool = AsJson,
) -> None:
    """Train attention cells with the same settings and several seeds, and report which differences are significant."""
    from .. import early

    early.require_reviews(data, text_column, label_column)
    early.require_writable_folder(out)
    from ..classifier.compare import SENTENCES
    from ..classifier.compare import compare as run_comparison
    from ..classifier.compare_report import to_table, write_report
    from ..classifier.compare_summary import summarise
    from ..classifier.compare_text import LANGUAGES
    from ..classifier.compare_words import headline, in_words
    from ..classifier.settings import ClassifierSettings
    from ..models.cells import CELLS
    from ..training.callbacks import Progress

    choose("language", lang, LANGUAGES)
    shown = console.rich_console(stderr=as_json)
    comparison = run_comparison(
        _names(cells) if cells else tuple(CELLS), seeds, data, out,
        settings=ClassifierSettings(epochs=epochs, evidence=evidence, ngrams=ngrams, tokenizer=tokenizer, workers=workers),
        explained=explained,
        sentences=sentence or SENTENCES, text_column=text_column, label_column=label_column,
        report=shown.print, callbacks=lambda: [Progress(shown)], progress=Bar("explaining"),
    )
    shown.print("counting")
    summary = summarise(comparison)
    draw_without_a_screen()
    files = write_report(summary, out, lang=lang)
    if as_json:
        print_json(json.loads(files["json"].read_text(encoding="utf-8")))
        return
    shown.print(to_table(summary), soft_wrap=False)
    for paragraph in (headline(summary, lang), *in_words(summary, lang)):
        shown.print(paragraph)
    shown.print(f"wrote {', '.join(str(files[name]) for name in ('html', 'csv', 'json'))}")


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
