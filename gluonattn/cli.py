"""The command line: parses, calls the public API, prints."""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Optional

import typer

from . import __version__, commands_capture, commands_pronunciation, commands_report, console
from .bars import Bar
from .console import command_line, print_json
from .errors import GluonAttnError, Interrupted, OptionError, choose

_SHARED = 0.1  # of reviews; a few short ones ("최고") stand in every file
MANY = 1000  # texts; of more, each explanation is tested with fewer random draws, and asked less in advance
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"

app = typer.Typer(
    help="Attention classifiers for Korean text, and pictures of where they looked.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
data_app = typer.Typer(help="Get data to train on.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")


def _examples(*lines: str) -> str:
    return "Examples:\n\n\b\n" + "\n".join(f"  gluonattn {line}" for line in lines)


# Shared by several commands.
Device = typer.Option("auto", help="auto, cpu, gpu or gpu:N.")
Engine = typer.Option("auto", help="auto (the fastest one installed), numpy, onnx, torch or mxnet.")
AsJson = typer.Option(False, "--json", help="Print JSON, for a program to read.")
TextColumn = typer.Option(None, help="Column with the text; the usual names are found by themselves.")
LabelColumn = typer.Option(None, help="Column with the label.")
Target = typer.Option(None, help="Class whose attribution is shown, by its label or its name; the predicted one without it.")
Model = typer.Option(None, "--model", "-m", help="Checkpoint folder, as train wrote it; the model in the box "
                     "without it.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gluonattn {__version__}")
        raise typer.Exit


@app.callback(epilog="Add --debug to any command to see the full traceback of an error.")
def main_options(
    version: bool = typer.Option(False, "--version", help="Print the version and leave.", is_eager=True,
                                 callback=_print_version),
) -> None:
    pass


@app.command(epilog=_examples(
    "train --out runs/sample",
    "train --data nsmc --cell mlp --out runs/mlp",
    "train --data nsmc --cell mlp --out runs/mlp --resume",
    "train --data nsmc --ngrams --extra crawl.tsv.gz --out runs/best",
    "train --data my.csv --text-column review --label-column stars --out runs/mine",
    "train --task pronunciation --data nsmc --out runs/pronunciation"))
def train(
    data: str = typer.Option("sample", help="sample, nsmc, a folder with NSMC, or a TSV, CSV or JSONL file."),
    out: Path = typer.Option("runs/model", help="Checkpoint folder to write."),
    task: str = typer.Option("reviews", help="reviews, or pronunciation: a Transformer that says the words of the data."),
    snapshots: str = typer.Option("0,1,10", help="Epochs whose weights pronunciation keeps; 0 is before training."),
    cell: str = typer.Option("mlp", help="Attention cell; see `gluonattn cells`."),
    recipe: str = typer.Option("default", help="default, or post: the GluonNLP post's model to the letter."),
    ngrams: bool = typer.Option(False, help="Read n-grams of characters and words too: more accurate."),
    extra: Optional[str] = typer.Option(
        None, help="More reviews with stars, read first: a file of scripts/gather_crawl.py."),
    extra_epochs: Optional[int] = typer.Option(None, help="Epochs that read them; default 2."),
    tokenizer: str = typer.Option("mecab", help="See `gluonattn tokenizers`."),
    epochs: Optional[int] = typer.Option(None, help="Default 4, 3 with n-grams; 15 for fewer than 20,000 reviews. "
                                        "Pronunciation: 12, or 60 for fewer than 20,000 words."),
    batch_size: Optional[int] = typer.Option(None, help="Default 256; 32 for fewer than 20,000 reviews; "
                                                            "post 128, pronunciation 64."),
    learning_rate: Optional[float] = typer.Option(None, help="Adam's; default 0.008, less for batches below 256; "
                                                                 "post 0.001, pronunciation 0.002."),
    schedule: Optional[str] = typer.Option(None, help="linear (default), cosine or constant."),
    min_count: Optional[int] = typer.Option(None, help="Fewest occurrences of a word in the vocabulary; for "
                                                                      "pronunciation, of a word to learn."),
    max_length: int = typer.Option(48, help="Longest training text in tokens."),
    validation: float = typer.Option(0.1, help="Share of the training reviews kept for validation."),
    patience: Optional[int] = typer.Option(None, help="Stop after so many epochs without a better loss."),
    seed: int = typer.Option(0),
    device: str = Device,
    workers: Optional[int] = typer.Option(
        None, help="Processes on CPU; default one a core, 1 for fewer than 20,000 reviews."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    resume: bool = typer.Option(False, help="Go on where a stopped or killed run was."),
    save_every: float = typer.Option(60.0, help="Seconds between resume files."),
    as_json: bool = AsJson,
) -> None:
    """Train a classifier, or a model of pronunciation. Ctrl-C saves; --resume goes on."""
    from . import early

    early.require_reviews(data, text_column, label_column)
    if extra is not None:
        early.require_readable(Path(extra), "Check the path, or gather it: python scripts/gather_crawl.py.")
    from .explain.trained import train as run_training
    from .training.callbacks import Progress
    from .training.settings import Settings

    choose("task", task, dict.fromkeys(("reviews", "pronunciation")))
    if task == "reviews":
        choose("recipe", recipe, {"default": 0, "post": 0})
        console.refuse_given("weights of epochs are kept for --task pronunciation", "snapshots")
    if extra is None:
        console.refuse_given("there are no other reviews without --extra FILE", "extra_epochs")
    settings = Settings(
        recipe=task if task == "pronunciation" and recipe == "default" else recipe, cell=cell, ngrams=ngrams, extra=extra,
        extra_epochs=extra_epochs, tokenizer=tokenizer,
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule,
        min_count=min_count, max_length=max_length,
        validation=validation, patience=patience, seed=seed, device=device, workers=workers,
    )
    if task == "pronunciation":
        commands_pronunciation.train(data, out, settings, snapshots, text_column=text_column, label_column=label_column,
                                     resume=resume, save_every=save_every, as_json=as_json, reading=_Bar("reading words"))
        return
    shown = console.rich_console(stderr=as_json)
    folder = run_training(
        data, out, settings=settings, text_column=text_column, label_column=label_column, resume=resume,
        callbacks=[Progress(shown)], save_every=save_every, tokenizing=_Bar("tokenizing"),
        fitting=_Bar("fitting n-grams"), report=shown.print,
    )
    history = json.loads((folder / "history.json").read_text())
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        print_json({"model": str(folder), "best": best, "history": history})
        return
    shown.print(f"saved {folder}: epoch {best['epoch']}, validation accuracy {best['valid_accuracy']:.4f}")
    evaluating = command_line("evaluate", model=folder, data=data, text_column=text_column, label_column=label_column)
    shown.print(f"next: {evaluating}\n      {command_line('explain', SENTENCE, model=folder)}")


@app.command(epilog=_examples(
    "evaluate --data nsmc", "evaluate --model runs/mlp --data held_out.csv --json"))
def evaluate(
    model: Optional[Path] = Model,
    data: str = typer.Option("sample", help="As for train; the test file of sample and nsmc is taken."),
    device: str = Device,
    engine: str = Engine,
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    as_json: bool = AsJson,
) -> None:
    """Accuracy, F1 and confusion matrix on labelled reviews; of a model of pronunciation, held-out words right."""
    from .models.checkpoint import is_pronunciation

    if model and is_pronunciation(model):
        console.refuse_given("a model of pronunciation is asked for the words held out when it was trained",
                             "data", "device", "engine", "text_column", "label_column")
        commands_pronunciation.evaluate(model, as_json)
        return
    from . import early
    from .data.reviews import read_reviews
    from .data.seen import share_seen
    from .data.sources import locate

    early.require_reviews(data, text_column, label_column)
    source = locate(data)
    from .explain.predictor import load

    predictor = load(model, device, engine)
    reviews = read_reviews(source.test or source.train, text_column=text_column, label_column=label_column,
                           known_labels=predictor.labels)
    result = predictor.evaluate(reviews)
    learnt = share_seen(predictor.folder, reviews.texts, predictor.config.get("fingerprint"))
    if learnt is not None:
        result["trained_on"] = {"share": round(learnt[0], 3), "sampled": learnt[1]}
    if as_json:
        print_json(result)
        return
    typer.echo(str(reviews))
    typer.echo(f"accuracy {result['accuracy']:.4f}   macro F1 {result['macro_f1']:.4f}   "
               f"log loss {result['log_loss']:.4f}")
    typer.echo("true label -> predicted: " + ", ".join(predictor.labels))
    for label, row in zip(predictor.labels, result["confusion"]):
        typer.echo(f"  {label}: " + "  ".join(f"{n:,}" for n in row))
    if learnt and learnt[0] > _SHARED and learnt[0] * learnt[1] > 2.5:  # three of them: one or two say nothing
        typer.echo(f"about {learnt[0]:.0%} of these reviews are among those it was trained on: it has learnt them, so "
                   "expect less of it on others")


@app.command(epilog=_examples(
    "predict reviews.csv --out scored.csv",
    "predict --model runs/mlp reviews.tsv --out scored.tsv --weights weights.jsonl"))
def predict(
    model: Optional[Path] = Model,
    source: Path = typer.Argument(..., help="TSV, CSV or JSONL file, of any size."),
    out: Path = typer.Option(..., help="File to write; every row and column of the source is kept."),
    weights: Optional[Path] = typer.Option(None, help="Also write attention weights there, as JSONL."),
    method: Optional[str] = typer.Option(None, help="Also put an attribution into --weights; as for explain."),
    target: Optional[str] = Target,
    text_column: Optional[str] = TextColumn,
    device: str = Device,
    engine: str = Engine,
    as_json: bool = AsJson,
) -> None:
    """Label a file of reviews."""
    from . import early

    early.require_columns(source, text_column)
    early.require_writable([out, *([weights] if weights else [])], inputs=[model])
    from .explain.predictor import load
    from .explain.scoring import score_file

    predictor = load(model, device, engine)
    total = source.stat().st_size if source.exists() else 0
    bar = _Bar("predicting")
    counts = score_file(predictor, source, out, text_column=text_column, weights=weights, method=_method(method),
                        target=target, on_bytes=lambda n: bar.add(n, total))
    bar.close()
    if as_json:
        print_json({"out": str(out), **counts})
        return
    blank = counts["without_text"]
    note = f" ({blank:,} without text, left without a label)" if blank else ""
    typer.echo(f"{counts['rows']:,} rows{note} -> {out}")


@app.command(epilog=_examples(
    f'explain "{SENTENCE}"',
    f'explain --model runs/mlp "{SENTENCE}"',
    'explain --model runs/mlp "재밌다ㅋㅋ" --out overlay.png --out page.html --open',
    'explain --model runs/mlp "재밌다ㅋㅋ" --view heatmap --out heatmap.svg',
    "explain --model runs/mlp --from reviews.csv --out page.html",
    'explain --model runs/mlp "재밌다ㅋㅋ" --method integrated-gradients --target 부정',
    'explain --model runs/mlp "재밌다ㅋㅋ" --json'))
def explain(
    model: Optional[Path] = Model,
    texts: Optional[list[str]] = typer.Argument(None, help="One sentence, or several."),
    source: Optional[Path] = typer.Option(None, "--from", help="Also the texts of a text file (one a line), TSV, CSV or "
                                                              "JSONL file."),
    view: Optional[str] = typer.Option(None, help="overlay, heatmap, page, terminal or record; "
                                                  "the ending of --out picks one without it."),
    out: list[Path] = typer.Option([], help="File to write: .png, .svg, .pdf, .html, .txt, .npz or .json. "
                                            "Can be given several times."),
    show: bool = typer.Option(False, "--open", help="Open what was written."),
    lang: str = typer.Option("ko", help="Labels of a page: ko or en."),
    layer: Optional[int] = typer.Option(None, help="One layer; the mean of all without it."),
    head: Optional[int] = typer.Option(None, help="One head; the mean of all without it."),
    method: str = typer.Option("default", help="Attribution shown beside the attention: leave-one-out, "
                               "integrated-gradients, gradient-input, attention-gradient, attention, norm, random, or "
                               "none; default is the most faithful on the model's validation reviews."),
    target: Optional[str] = Target,
    text_column: Optional[str] = TextColumn,
    colours: str = typer.Option("auto", help="auto, full, 16 or none."),
    device: str = Device,
    engine: str = Engine,
    as_json: bool = AsJson,
) -> None:
    """Predict sentences and show which words were looked at."""
    from . import early
    from .views.save import require_few, save_view, view_of
    from .views.terminal import COLOURS, to_terminal

    if show and not out:
        raise OptionError("--open opens what --out writes: give --out FILE too, page.html for one.")
    _require_view(view, out, lang)
    choose("colour mode", colours, {"auto": None, **COLOURS})
    views = [view_of(path, view) for path in out]
    early.require_source_of_columns("--text-column", text_column, source)
    early.require_writable(out, inputs=[source, model])
    sentences = [*(texts or []), *(early.read_sentences(source, text_column) if source else [])]
    if not sentences:
        raise OptionError("give a sentence to explain, or --from FILE.")
    for path, kind in zip(out, views):
        require_few(path, kind, len(sentences))
    from .explain.predictor import load

    wanted, draws, what_if = _method(method), 100, True
    if wanted and len(sentences) > MANY:
        draws, what_if = 25, "page" in views
        print(f"{len(sentences):,} texts: each explanation is held against {draws} random draws, not 100"
              + ("" if what_if else "; what if a word were missing is not asked in advance"), file=sys.stderr)
    bar = Bar("explaining")
    predictor = load(model, device, engine)
    each = predictor.explain_each(sentences, wanted, target, draws=draws, what_if=what_if, progress=bar)
    predictor.explain(sentences[0]).matrix(layer, head)  # whether these are there, before the work
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
    bar.close()
    if not (out or shown or as_json):
        typer.echo(f"{len(sentences):,} sentence{'s' * (len(sentences) > 1)}: " + ", ".join(
            f"{count:,} {name}" for name, count in labels.most_common())
            + "; --view terminal shows each, --out and --json give all of them")
    _draw_without_a_screen()
    for path, kind in zip(out, views):
        save_view(records, path, view=kind, layer=layer, head=head, lang=lang)
        typer.echo(f"wrote {path} ({kind} of {len(records)} sentence{'s' * (len(records) > 1)})", err=as_json)
        if show:
            typer.launch(str(path))


@app.command(epilog=_examples("export --model runs/mlp --to onnx --out model.onnx",
                              "export --model runs/mlp --to torch --out model.safetensors"))
def export(
    model: Optional[Path] = Model,
    to: str = typer.Option(..., help="onnx, for onnxruntime; or torch, for gluonattn.torch_module."),
    out: Path = typer.Option(..., help="File to write."),
    as_json: bool = AsJson,
) -> None:
    """Write a model for another framework: the same logits and weights there."""
    from . import early

    early.require_writable([out], inputs=[model])
    from .engines.export import export_model
    from .explain.predictor import shipped

    path = export_model(model or shipped(), to, out)
    if as_json:
        print_json({"out": str(path), "to": to, "bytes": path.stat().st_size})
        return
    typer.echo(f"wrote {path} ({to}, {path.stat().st_size / 1e6:.1f} MB)")


@app.command(epilog=_examples(
    "compare --data sample --cells mlp,none --seeds 2 --out runs/compare",
    "compare --data nsmc --seeds 5 --workers 1 --out runs/compare"))
def compare(
    cells: Optional[str] = typer.Option(None, help="Attention cells, with commas; all of them without it."),
    seeds: int = typer.Option(5, help="Models of each cell."),
    data: str = typer.Option("sample", help="As for train; a fifth of a single file is held out as a test."),
    out: Path = typer.Option("runs/compare", help="Folder for checkpoints and the report; run again to go on."),
    epochs: Optional[int] = typer.Option(None, help="As for train."),
    ngrams: bool = typer.Option(False, help="As for train."),
    tokenizer: str = typer.Option("mecab", help="See `gluonattn tokenizers`."),
    workers: Optional[int] = typer.Option(None, help="As for train."),
    explained: int = typer.Option(300, help="Test reviews on which explanations are measured."),
    sentence: list[str] = typer.Option([], help="Sentence to show side by side, instead of five usual ones; can be "
                                                "given several times."),
    lang: str = typer.Option("en", help="Language of the report: en or ko."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    as_json: bool = AsJson,
) -> None:
    """Train attention cells alike, several seeds each, and say what differs beyond chance."""
    from . import early

    early.require_reviews(data, text_column, label_column)
    early.require_writable_folder(out)
    from .explain.compare import SENTENCES
    from .explain.compare import compare as run_comparison
    from .explain.compare_report import to_table, write_report
    from .explain.compare_summary import summarise
    from .explain.compare_text import LANGUAGES
    from .explain.compare_words import headline, in_words
    from .models.cells import CELLS
    from .training.callbacks import Progress
    from .training.settings import Settings

    choose("language", lang, LANGUAGES)
    shown = console.rich_console(stderr=as_json)
    comparison = run_comparison(
        _names(cells) if cells else tuple(CELLS), seeds, data, out,
        settings=Settings(epochs=epochs, ngrams=ngrams, tokenizer=tokenizer, workers=workers), explained=explained,
        sentences=sentence or SENTENCES, text_column=text_column, label_column=label_column,
        report=shown.print, callbacks=lambda: [Progress(shown)], progress=_Bar("explaining"),
    )
    shown.print("counting")
    summary = summarise(comparison)
    _draw_without_a_screen()
    files = write_report(summary, out, lang=lang)
    if as_json:
        print_json(json.loads(files["json"].read_text(encoding="utf-8")))
        return
    shown.print(to_table(summary), soft_wrap=False)
    for paragraph in (headline(summary, lang), *in_words(summary, lang)):
        shown.print(paragraph)
    shown.print(f"wrote {', '.join(str(files[name]) for name in ('html', 'csv', 'json'))}")


app.command(epilog=_examples(
    f'capture --model ./my-bert --text "{SENTENCE}" --out heads.html',
    'capture --model ./my-gpt --text "옛날 옛적에" --generate 20 --unit eojeol --out heads.png'))(commands_capture.capture)
app.command(epilog=_examples("project ./my-bert --from sentences.txt --out map.html",
                             "project runs/dot --method tsne --out map.png"))(commands_capture.project)
app.command(epilog=_examples("report pronunciation runs/pronunciation --out report.html",
                             "report pronunciation runs/pronunciation --lang en --word 독립문"))(commands_report.report)
app.command(epilog=_examples(*commands_pronunciation.EXAMPLES))(commands_pronunciation.pronounce)


@app.command(epilog=_examples("cells", "cells --json"))
def cells(as_json: bool = AsJson) -> None:
    """List the attention cells."""
    from .models.cells import CELLS

    if as_json:
        print_json({name: {"formula": c.formula, "source": c.source} for name, c in CELLS.items()})
        return
    for name, kind in CELLS.items():
        typer.echo(f"{name:15} {kind.formula:32} {kind.source}")


@app.command(epilog=_examples("tokenizers", "tokenizers --check", f'tokenizers --text "{SENTENCE}"'))
def tokenizers(
    text: Optional[str] = typer.Option(None, help="Show how each splits this text (starts Java: half a minute)."),
    check: bool = typer.Option(False, help="Start each of them to be sure, instead of looking for what it needs."),
    as_json: bool = AsJson,
) -> None:
    """List the tokenizers, whether each can be used here, and how it splits a text."""
    from .text import KNOWN

    rows: dict[str, dict] = {}
    for name, kind in KNOWN.items():
        rows[name] = _state_of(name, kind, text, start=check or text is not None)
        if not as_json:  # each as soon as it is known
            typer.echo(f"{name:11} {'ready  ' if rows[name]['ready'] else 'missing'} needs {kind.needs}")
            if "tokens" in rows[name]:
                typer.echo("            " + " ".join(token[0] for token in rows[name]["tokens"]))
    if as_json:
        print_json(rows)


def _state_of(name: str, kind, text: Optional[str], start: bool) -> dict:
    from .text import tokenizer

    row = {"ready": True, "needs": kind.needs}
    try:
        why = None if start else kind.lacking()
        split = tokenizer(name) if start else None
        if split and text is not None:
            row["tokens"] = [list(token) for token in split(text)]
    except GluonAttnError as error:
        why = str(error)
    return row if why is None else {"ready": False, "needs": kind.needs, "why": why}


@data_app.command(epilog=_examples("data nsmc", "data nsmc --out ~/nsmc"))
def nsmc(
    out: Optional[Path] = typer.Option(None, help="Folder; default is the cache that --data nsmc reads."),
) -> None:
    """Download the Naver movie reviews (19 MB) from their public repository and check them."""
    from .data.sources import download_nsmc

    bars: dict[str, _Bar] = {}

    def progress(name: str, done: int, total: int) -> None:
        bars.setdefault(name, _Bar(name))(done, total)

    folder = download_nsmc(out, progress=progress)
    for bar in bars.values():
        bar.close()
    training = command_line("train", data="nsmc" if out is None else folder)
    typer.echo(f"NSMC is in {folder}, checksums right. Train on it: {training}")


@data_app.command(epilog=_examples("data sample"))
def sample() -> None:
    """Say where the bundled sample is."""
    from .data.sources import locate

    source = locate("sample")
    typer.echo(f"{source.train}\n{source.test}")


class _Bar:
    """A progress bar on stderr that shows itself when a terminal is there."""

    def __init__(self, name: str):
        self.name, self.done = name, 0
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(total=total, desc=self.name, unit_scale=True, leave=False)
        self.bar.update(done - self.bar.n)
        if total and done >= total:
            self.close()

    def add(self, n: int, total: int) -> None:
        self.done += n
        self(self.done, total)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _method(name: Optional[str]) -> Optional[str]:
    """An attribution method of the command line, where "none" is a name for none."""
    from .explain.attribution import METHODS

    if name is not None:
        choose("attribution method", name, {**METHODS, "default": None, "none": None})
    return None if name == "none" else name


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _require_view(view: Optional[str], out: list[Path], lang: str) -> None:
    """What `explain` would look at only where it writes a file, it refuses where it writes none."""
    from .views.page import LANGUAGES
    from .views.save import VIEWS

    choose("language", lang, LANGUAGES)
    if view is None:
        return
    endings = choose("view", view, VIEWS)
    if view != "terminal" and not out:
        raise OptionError(f"the view {view} is a file: give --out FILE too, with a name that ends in {' or '.join(endings)}"
                          f"{'; or --json to print the record' * (view == 'record')}.")


def _draw_without_a_screen() -> None:
    os.environ.setdefault("MPLBACKEND", "agg")


def _colours(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return "none"
    rich_terminal = "256" in os.environ.get("TERM", "") or os.environ.get("COLORTERM")
    return "full" if rich_terminal else "16"


class _JsonList:
    """Prints values as JSON as they come: a list, a value a line, that is closed also when the work is stopped."""

    def __init__(self, many: bool):
        self.many, self.count = many, 0

    def __enter__(self):
        return self.show

    def show(self, value) -> None:
        if not self.many:
            print_json(value)
            return
        print("," if self.count else "[")
        print_json(value, indent=None, end="")
        self.count += 1

    def __exit__(self, *_) -> None:
        if self.count:
            print("\n]")


def main(arguments: list[str] | None = None) -> None:
    """Entry point: user mistakes print one line and exit 2, Ctrl-C exits 130, output that is lost 1."""
    if arguments is None:
        console.restart_in_utf8()
    with console.streams() as (out, err):
        with console.terminable():
            code = _run(sys.argv[1:] if arguments is None else arguments)
        out.flush()
        code = console.exit_code(code, out, err)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if not debug:
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    # Help is as wide as what shows it, too.
    wide = {} if sys.stdout.isatty() else {"terminal_width": console.width(), "max_content_width": console.width()}
    try:
        app(console.read_arguments(arguments), prog_name="gluonattn", **wide)
    except GluonAttnError as error:
        if debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 2
    except SystemExit as leaving:
        if leaving.code in (130, console.TERMINATED):  # 130 is how typer answers Ctrl-C, without a word
            print("interrupted: nothing was left half-written", file=sys.stderr)
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    main()
