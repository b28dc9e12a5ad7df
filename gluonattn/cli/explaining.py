"""Label texts and show the attention.

Stays whole: half of `explain` is options, from which its help is made. The rest parses, calls and prints, in that
order.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from .. import console
from ..console import print_json
from ..errors import DataError, OptionError, choose
from ..options import (
    SENTENCE,
    AsJson,
    Device,
    Engine,
    Heads,
    Layers,
    MaxLength,
    Model,
    Queries,
    Target,
    TextColumn,
    Top,
    TrueLabels,
    draw_without_a_screen,
    read_numbers,
)
from ..plain import is_blank
from ..progress import Bar
from ..record import AttentionRecord, Part
from ..views.save import VIEWS, require_few, save_view, view_of
from .registry import command

if TYPE_CHECKING:
    from ..classifier.opened.classifier import OpenedClassifier
    from ..classifier.predictor import Predictor

MANY = 1000  # texts; for more, explanations use fewer random draws and compute no what-if in advance


@command("Predict and explain", f'explain "{SENTENCE}"',
    f'explain --model runs/mlp "{SENTENCE}"',
    'explain --model runs/mlp "재밌다ㅋㅋ" --out overlay.png --out page.html --open',
    'explain --model runs/mlp "재밌다ㅋㅋ" --view heatmap --out heatmap.svg',
    "explain --model runs/mlp --from reviews.csv --out page.html",
    'explain --model runs/mlp "재밌다ㅋㅋ" --method integrated-gradients --target 부정',
    'explain --model runs/mlp "재밌다ㅋㅋ" --method leave-one-out --compare-method norm --out page.html',
    'explain --model runs/mlp "재밌다ㅋㅋ" --json',
    'explain --model my-koelectra-folder "재밌다ㅋㅋ" --method attention-gradient --out page.html',
    'explain --model my-longformer "$(cat long.txt)" --layers 11 --top 64 --method gradient-input --out page.html')
def explain(
    model: Optional[Path] = Model,
    texts: Optional[list[str]] = typer.Argument(None, help="One sentence, or several."),
    source: Optional[Path] = typer.Option(None, "--from", help="Explain the texts of a text (one per line), TSV, CSV or "
                                                              "JSONL file."),
    view: Optional[str] = typer.Option(None, help=f"One of {', '.join(VIEWS)}. Default: as the file ending of "
                                                   "--out requires."),
    out: list[Path] = typer.Option([], help="File to write: .png, .svg, .pdf, .html, .txt, .npz or .json. "
                                            "Can be given several times."),
    show: bool = typer.Option(False, "--open", help="Open the written files."),
    lang: str = typer.Option("ko", help="Labels of a page: ko or en."),
    layer: Optional[int] = typer.Option(None, help="One layer. Default: the mean of all."),
    head: Optional[int] = typer.Option(None, help="One head. Default: the mean of all."),
    layers: Optional[str] = Layers,
    heads: Optional[str] = Heads,
    queries: Optional[str] = Queries,
    top: Optional[int] = Top,
    method: str = typer.Option("default", help="Attribution to show beside the attention: one of `gluonattn methods`, or "
                               "none. default is the most faithful method on the model's validation reviews."),
    compare_method: Optional[str] = typer.Option(None, help="A second attribution: beside the first on a page, below "
                                                 "it in the terminal."),
    target: Optional[str] = Target,
    against: Optional[str] = typer.Option(None, help="Class to compare the target with. Default: all others "
                                                     "together. For transformers folders."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = TrueLabels,
    colours: str = typer.Option("auto", help="auto, full, 16 or none."),
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Classify sentences and show which words the model attended to."""
    from .. import early
    from ..views.terminal import COLOURS, to_terminal

    if show and not out:
        raise OptionError("--open opens the files of --out: give --out FILE too, for example page.html.")
    _require_view(view, out, lang)
    choose("colour mode", colours, {"auto": None, **COLOURS})
    views = [view_of(path, view) for path in out]
    early.require_source_of_columns("--text-column", text_column, source)
    early.require_source_of_columns("--label-column", label_column, source)
    early.require_writable(out, inputs=[source, model])
    sentences = [*(texts or []), *(early.read_sentences(source, text_column) if source else [])]
    if not sentences:
        raise OptionError("give a sentence to explain, or --from FILE.")
    for path, kind in zip(out, views):
        require_few(path, kind, len(sentences))
    from ..classifier.opened.loading import against_option, load_any

    wanted, draws, what_if = attribution_method(method), 100, True
    chosen = (read_numbers("--layers", layers), read_numbers("--heads", heads), read_numbers("--queries", queries), top)
    part = None if chosen == (None,) * 4 else Part(*chosen)
    for one, several, both in (("--layer", "--layers", (layer, layers)), ("--head", "--heads", (head, heads))):
        if None not in both:
            raise OptionError(f"{one} and {several} exclude each other: give the number only to {several}.")
    second = _second_method(compare_method, method)
    if wanted and len(sentences) > MANY:
        draws, what_if = 25, "page" in views
        print(f"{len(sentences):,} texts: each explanation is compared with {draws} random draws, not 100"
              + ("" if what_if else "; the effect of removing a word is not computed in advance"), file=sys.stderr)
    bar = Bar("explaining")
    predictor = load_any(model, device, engine, max_length)
    opposed = against_option(predictor, against)
    if second and second == (predictor.default_method if wanted == "default" else wanted):
        raise OptionError(f"--method and --compare-method are both {second}: name two different methods.")
    truths = [None] * len(texts or []) + true_labels(predictor, source, text_column, label_column) if source else []
    each: Iterable[AttentionRecord] = predictor.explain_each(sentences, wanted, target, **opposed, draws=draws,
                                                             what_if=what_if, part=part, progress=bar)
    if second:  # one random draw is enough, because only its scores are shown
        each = _beside(each, predictor.explain_each(sentences, second, target, **opposed, draws=1, what_if=False,
                                                      part=part))
    if any(truths):
        each = (record if truth is None else replace(record, source={**record.source, "true_label": truth})
                for record, truth in zip(each, truths))
    predictor.explain(sentences[0], part=part).matrix(layer, head)  # check layer and head before the work
    shown = view == "terminal" or not source  # a file of texts would fill the screen
    records, labels = [], Counter[str]()
    with _JsonList(as_json and (len(sentences) > 1 or bool(source))) as show_json:
        for record in each:
            if as_json or shown:
                bar.hide()
            if as_json:
                show_json(record.to_dict())
            elif shown:
                print(to_terminal(record, colours=_colours(colours), width=console.width(), layer=layer, head=head),
                      end="")
            if out:
                records.append(record)
            if record.prediction is not None and record.prediction.label is not None:
                labels[record.label_name(record.prediction.label)] += 1
    bar.hide()
    if not (out or shown or as_json):
        typer.echo(f"{len(sentences):,} sentence{'s' * (len(sentences) > 1)}: " + ", ".join(
            f"{count:,} {name}" for name, count in labels.most_common())
            + "; --view terminal shows each, --out and --json write all")
    draw_without_a_screen()
    for path, kind in zip(out, views):
        save_view(records, path, view=kind, layer=layer, head=head, lang=lang)
        typer.echo(f"wrote {path} ({kind} of {len(records)} sentence{'s' * (len(records) > 1)})", err=as_json)
        if show:
            typer.launch(str(path))


def _require_view(view: Optional[str], out: list[Path], lang: str) -> None:
    """Raise OptionError for options that only affect written files, if no file is written."""
    from ..views.page import LANGUAGES

    choose("language", lang, LANGUAGES)
    if view is None:
        return
    endings = choose("view", view, VIEWS)
    if view != "terminal" and not out:
        raise OptionError(f"the view {view} needs a file: give --out FILE, with a name that ends in {' or '.join(endings)}"
                          f"{'; or --json to print the record' * (view == 'record')}.")


def _second_method(name: Optional[str], first: str) -> Optional[str]:
    """The second attribution method."""
    if name is None:
        return None
    if first == "none":
        raise OptionError("--compare-method needs a --method other than none: give a --method, or leave "
                          "--compare-method out.")
    choose("attribution method", name, _known_methods())
    return name


def _beside(records: Iterable[AttentionRecord], others: Iterable[AttentionRecord]) -> Iterator[AttentionRecord]:
    """Merge two records' scores into one record each."""
    for record, other in zip(records, others):
        yield replace(record, attributions={**record.attributions, **other.attributions})


def true_labels(predictor: Predictor | OpenedClassifier, source: Path, text_column: Optional[str],
                 label_column: Optional[str]) -> list[Optional[str]]:
    """The true label of each sentence of a file. Empty if the file has no labels that the model knows.

    A column found by its name may have other values, such as stars. This is then reported on stderr.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    source : pathlib.Path
    text_column, label_column : str or None
        Column names. None takes the usual ones.
    """
    from ..data.reviews import read_sentences
    from ..data.true_labels import read_true_labels

    names = {label: predictor.label_names.get(label, label) for label in predictor.labels}
    try:
        labels = read_true_labels(source, names, text_column=text_column, label_column=label_column)
    except DataError as error:
        if label_column is not None:
            raise
        print(f"no true labels: {error}", file=sys.stderr)
        return []
    return [label for text, label in zip(read_sentences(source, text_column), labels) if not is_blank(text)]


def _colours(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return "none"
    rich_terminal = "256" in os.environ.get("TERM", "") or os.environ.get("COLORTERM")
    return "full" if rich_terminal else "16"


class _JsonList:
    """Print values as a JSON list, each on a line as soon as it is ready. The list is closed even after an error."""

    def __init__(self, many: bool) -> None:
        self.many, self.count = many, 0

    def __enter__(self) -> Any:
        return self.show

    def show(self, value: Any) -> None:
        if not self.many:
            print_json(value)
            return
        print("," if self.count else "[")
        print_json(value, indent=None, end="")
        self.count += 1

    def __exit__(self, *_: Any) -> None:
        if self.count:
            print("\n]")


def attribution_method(name: Optional[str]) -> Optional[str]:
    """Convert an attribution method of the command line. "none" becomes None."""
    if name is not None:
        choose("attribution method", name, {**_known_methods(), "default": None, "none": None})
    return None if name == "none" else name


def _known_methods() -> dict[str, None]:
    """The methods of all kinds of models, and the one that must be fitted first."""
    from ..classifier.fitted import NAME
    from ..classifier.kinds import KINDS

    return {NAME: None, **{own: None for methods in KINDS.values() for own in methods}}
