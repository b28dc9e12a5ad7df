"""Reports on a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from ..console import print_json
from ..errors import LARGEST_SEED, DataError, OptionError, choose
from ..options import (
    SENTENCE,
    AsJson,
    Device,
    Engine,
    MaxLength,
    Model,
    TextColumn,
    TrueLabels,
    draw_without_a_screen,
    list_examples,
)
from ..progress import Bar
from .explaining import attribution_method, true_labels
from .registry import GROUPS

if TYPE_CHECKING:
    from ..classifier.opened.heads import HeadChanges
    from ..record import AttentionRecord

_DRAWN = (".html", ".png", ".svg", ".pdf", ".json")
report_app = typer.Typer(help="Report on what a model does.", no_args_is_help=True, rich_markup_mode=None)
GROUPS.append(("Predict and explain", "report", report_app))


@report_app.command(epilog=list_examples("report corpus reviews.tsv --out corpus.html",
                                         "report corpus reviews.csv --model my-koelectra-folder --method rollout --lang en"))
def corpus(
    source: Path = typer.Argument(..., help="TSV, CSV, JSONL or text file."),
    model: Optional[Path] = Model,
    out: Path = typer.Option("corpus.html", help="Page to write. Its figures are written beside it (.json)."),
    method: str = typer.Option("default", help="Attribution, as for explain."),
    words: int = typer.Option(20, help="Largest number of words for each class and each kind of error."),
    min_count: int = typer.Option(3, help="Minimum number of a group's texts in which a word occurs."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = TrueLabels,
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Report which words drive a model's decisions in a corpus, by class and kind of error, with example sentences."""
    from .. import early
    from ..classifier.corpus_text import LANGUAGES

    choose("language", lang, LANGUAGES)
    if out.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"cannot write {out}: expected a name that ends in .html.")
    if words < 1 or min_count < 1:
        raise OptionError(f"--words and --min-count must be at least 1; got {words} and {min_count}.")
    early.require_writable([out, out.with_suffix(".json")], inputs=[source, model])
    texts = early.read_sentences(source, text_column)
    from ..classifier.corpus import read_corpus
    from ..classifier.corpus_report import summarise, to_figures, write_report
    from ..classifier.opened.loading import load_any

    asked = attribution_method(method)
    if asked is None:
        raise OptionError("a report needs an attribution method: name one, or leave --method out.")
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


@report_app.command(epilog=list_examples("report heads reviews.tsv --model my-koelectra-folder --out heads.html",
                                         "report heads reviews.tsv --model my-koelectra-folder --out heads.png --lang en"))
def heads(
    source: Path = typer.Argument(..., help="TSV, CSV, JSONL or text file."),
    model: Path = typer.Option(..., "--model", "-m", help="Transformers folder."),
    out: list[Path] = typer.Option([Path("heads.html")], help="File to write: .html, .png, .svg, .pdf or .json. Can be "
                                                              "given several times."),
    texts: int = typer.Option(200, help="Number of texts drawn from the file."),
    text_column: Optional[str] = TextColumn,
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the random draws."),
    lang: str = typer.Option("ko", help="Language of the page or picture: ko or en."),
    device: str = Device,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Report which heads decisions depend on: the change without each head, over a file of texts, with intervals."""
    import numpy as np

    from .. import early
    from ..views.head_changes import LANGUAGES

    choose("language", lang, LANGUAGES)
    for path in out:
        if path.suffix.lower() not in _DRAWN:
            raise OptionError(f"cannot write {path.name}: expected a name that ends in {', '.join(_DRAWN)}.")
    if texts < 1:
        raise OptionError(f"--texts, the number of texts to draw, must be at least 1; got {texts}.")
    early.require_writable(out, inputs=[source, model])
    read = early.read_sentences(source, text_column)
    drawn = np.random.default_rng(seed).permutation(len(read))[:texts]
    from ..classifier.opened.heads import measure_heads
    from ..classifier.opened.loading import load_any
    from ..classifier.opened.opening import is_transformers_folder

    if not is_transformers_folder(model):
        raise OptionError(f"{model} is not a folder that save_pretrained of transformers wrote (config.json, weights and "
                          "tokenizer files): report heads works only with these.")
    opened = load_any(model, device, "auto", max_length)
    bar = Bar("leaving out heads")
    found = measure_heads(opened, [read[i] for i in sorted(drawn)], bar)  # type: ignore[arg-type]
    bar.hide()
    for path in out:
        _write_heads(path, found, opened.name, lang)  # type: ignore[union-attr]
    if as_json:
        print_json(found.to_figures())
        return
    for path in out:
        typer.echo(f"wrote {path}")
    for layer, head in found.strongest(5):
        mean, low, high = found.figure(layer, head).spell(1, factor=100, sign="+")
        typer.echo(f"  layer {layer} head {head}: {mean} points ({low}, {high}), "
                   f"{int(found.flipped[:, layer, head].sum())} of {len(found.lost):,} decisions changed")


def _write_heads(path: Path, found: HeadChanges, name: str, lang: str) -> None:
    import json

    from ..files import replace_file
    from ..views.head_changes import changes_page, draw_changes

    ending = path.suffix.lower()
    if ending == ".json":
        replace_file(path, json.dumps(found.to_figures(), indent=1).encode(), DataError)
        return
    if ending == ".html":
        replace_file(path, changes_page(found.figures(), found.flipped.sum(axis=0), name=name, texts=len(found.lost),
                                        lang=lang), DataError)
        return
    draw_without_a_screen()
    import matplotlib.pyplot as plt

    from ..views.fonts import named, save_figure
    from ..views.heatmap import shown

    ax = draw_changes(found.figures(), title=shown(named(name), 80), lang=lang)
    save_figure(ax, path)
    plt.close(ax.figure)


@report_app.command(epilog=list_examples(f'report epochs "{SENTENCE}" --model runs/mlp --out epochs.html',
                                         f'report epochs "{SENTENCE}" --model runs/bert --out epochs.png --lang en'))
def epochs(
    text: str = typer.Argument(..., help="The sentence whose attention is shown."),
    model: Path = typer.Option(..., "--model", "-m", help="Folder that `train --keep-epochs` wrote, or a folder with "
                                                          "transformers folders named 1, 2, 3 ..."),
    out: list[Path] = typer.Option([Path("epochs.html")], help="File to write: .html (a slider over the epochs), .png, .svg "
                                                               "or .pdf (one column for each). Can be given several times."),
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
) -> None:
    """Show how attention develops during training: the same sentence in the model of each epoch."""
    from .. import early
    from ..models.checkpoint import no_folder_error
    from ..models.epochs import epoch_folders
    from ..views.page import LANGUAGES

    choose("language", lang, LANGUAGES)
    for path in out:
        if path.suffix.lower() not in (".html", ".png", ".svg", ".pdf"):
            raise OptionError(f"cannot write {path.name}: expected a name that ends in .html, .png, .svg or .pdf.")
    early.require_writable(out, inputs=[model])
    folders = epoch_folders(model)
    if not model.is_dir():
        raise no_folder_error(model)
    if not folders:
        raise OptionError(f"{model} has no models of single epochs: train it with --keep-epochs.")
    from ..classifier.opened.loading import load_any
    from ..files import replace_file
    from ..views.grid_page import grid_page

    said = "epoch {}" if lang == "en" else "{}회 학습"
    records: dict[str, AttentionRecord] = {}
    for number, folder in folders.items():
        record = load_any(folder, device, engine, max_length).explain(text)
        records[said.format(number)] = record
        given = record.prediction
        assert given is not None
        typer.echo(f"epoch {number}: {given.label} ({max(given.probabilities.values()):.3f})")
    for path in out:
        if path.suffix.lower() == ".html":
            replace_file(path, grid_page(list(records.values()), names=list(records), lang=lang, title=text, steps=True),
                         DataError)
        else:
            _draw_epochs(path, records)
        typer.echo(f"wrote {path}")


def _draw_epochs(path: Path, records: dict[str, AttentionRecord]) -> None:
    draw_without_a_screen()
    import matplotlib.pyplot as plt

    from ..views import grid
    from ..views.fonts import save_figure

    ax: Any = grid.epochs(records)
    save_figure(ax, path)
    plt.close(ax.figure)
