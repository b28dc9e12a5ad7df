"""Reports on what a model does."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from ..console import print_json
from ..errors import OptionError, choose
from ..options import AsJson, Device, Engine, MaxLength, Model, TextColumn, TrueLabels, list_examples
from ..progress import Bar
from .explaining import attribution_method, true_labels
from .registry import GROUPS

report_app = typer.Typer(help="Report on what a model does.", no_args_is_help=True, rich_markup_mode=None)
GROUPS.append(("Predict and explain", "report", report_app))


@report_app.command(epilog=list_examples("report corpus reviews.tsv --out corpus.html",
                                         "report corpus reviews.csv --model my-koelectra-folder --method rollout --lang en"))
def corpus(
    source: Path = typer.Argument(..., help="TSV, CSV, JSONL or text file."),
    model: Optional[Path] = Model,
    out: Path = typer.Option("corpus.html", help="Page to write; its figures go beside it (.json)."),
    method: str = typer.Option("default", help="Attribution, as for explain."),
    words: int = typer.Option(20, help="Most words for each class and each kind of error."),
    min_count: int = typer.Option(3, help="Fewest texts of a group that a word must occur in."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = TrueLabels,
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Report which words drive a model over a corpus, by class and kind of error, with sentences."""
    from .. import early
    from ..classifier.corpus_text import LANGUAGES

    choose("language", lang, LANGUAGES)
    if out.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"--out {out} is a page: give a name that ends in .html.")
    if words < 1 or min_count < 1:
        raise OptionError(f"--words and --min-count are at least 1; got {words} and {min_count}.")
    early.require_writable([out, out.with_suffix(".json")], inputs=[source, model])
    texts = early.read_sentences(source, text_column)
    from ..classifier.corpus import read_corpus
    from ..classifier.corpus_report import summarise, to_figures, write_report
    from ..classifier.opened.loading import load_any

    asked = attribution_method(method)
    if asked is None:
        raise OptionError("--method none explains nothing: name a method, or leave it out.")
    predictor = load_any(model, device, engine, max_length)
    truths = true_labels(predictor, source, text_column, label_column)
    bar = Bar("explaining")
    decisions = read_corpus(predictor, texts, truths, asked, bar)
    bar.hide()
    summary = summarise(decisions, words=words, min_count=min_count)
    files = write_report(summary, out, name=source.name, lang=lang, label_names=predictor.label_names,
                         method=predictor.default_method if asked == "default" else asked)
    if as_json:
        print_json(to_figures(summary))
        return
    typer.echo(f"wrote {files['html']} and {files['json']} ({len(decisions):,} texts)")
