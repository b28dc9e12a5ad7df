"""The command group `translation`: train on sentence pairs, translate, evaluate, and study the heads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import typer

from ..console import command_line, print_json, rich_console
from ..errors import LARGEST_SEED, OptionError, choose
from ..options import AsJson, Device, Log, draw_without_a_screen, list_examples
from ..progress import Bar

app = typer.Typer(help="Train and study a Transformer that translates sentences.", no_args_is_help=True,
                  rich_markup_mode=None)
COMMANDS = ()  # commands outside the group

Folder = typer.Option(..., "--model", "-m", help="Checkpoint folder of `gluonattn translation train`.")


@app.callback()
def group() -> None:
    pass


@app.command(epilog=list_examples(
    "translation train --data pairs.tsv --out runs/en-fr",
    "translation train --data train.en --target-file train.fr --out runs/en-fr",
    "translation train --data pairs.csv --source-column english --target-column 한국어 --no-positions",
    "translation train --data pairs.tsv --out runs/en-fr --resume"))
def train(
    data: Path = typer.Option(..., help="TSV, CSV or JSONL file with a column for each language. Or, with --target-file, "
                                        "a text file with one sentence per line."),
    target_file: Optional[Path] = typer.Option(None, help="Text file whose line n translates line n of --data."),
    source_column: Optional[str] = typer.Option(None, help="Column of the sentences. Usual names are found automatically."),
    target_column: Optional[str] = typer.Option(None, help="Column of translations. Usual names are found automatically."),
    out: Path = typer.Option("runs/translation", help="Checkpoint folder to write."),
    snapshots: str = typer.Option("0,1,3,10", help="Epochs whose weights are kept. 0 is before training."),
    layers: int = typer.Option(2, help="Layers of the encoder and of the decoder."),
    heads: int = typer.Option(8, help="Attention heads of each layer."),
    units: int = typer.Option(256, help="Width of all states."),
    hidden_size: int = typer.Option(1024, help="Width inside the feed-forward layers."),
    dropout: float = typer.Option(0.1, help="Dropout of states and of attention weights in training."),
    positions: bool = typer.Option(True, help="Whether the network reads the positions of the subwords."),
    subwords: Optional[int] = typer.Option(None, help="Size of the vocabulary. Default: 8000, or 2000 for fewer than 20,000 "
                                                      "pairs."),
    max_length: int = typer.Option(64, help="Number of subwords of the longest sentence."),
    validation: Optional[int] = typer.Option(None, help="Number of sources to validate on. Default: 1,000, at most 5 %."),
    test: Optional[int] = typer.Option(None, help="Number of sources to hold out. Default: 1,000, at most 5 %."),
    epochs: Optional[int] = typer.Option(None, help="Default: 20, or 60 for fewer than 20,000 pairs."),
    batch_size: Optional[int] = typer.Option(None, help="Default: 128, or 64 for fewer than 20,000 pairs."),
    learning_rate: Optional[float] = typer.Option(None, help="Adam's learning rate. Default: 0.001."),
    schedule: Optional[str] = typer.Option(None, help="linear, cosine (default) or constant."),
    patience: Optional[int] = typer.Option(None, help="Stop after this many epochs without a better loss."),
    seed: int = typer.Option(0, help="Seed of the split, the initial weights, the batches and dropout."),
    device: str = Device,
    workers: Optional[int] = typer.Option(None, help="Processes on CPU. Default: one for each core, 1 for < 20,000 pairs."),
    resume: bool = typer.Option(False, help="Continue a stopped or killed run."),
    save_every: float = typer.Option(60.0, help="Seconds between resume files."),
    log: list[str] = Log,
    as_json: bool = AsJson,
) -> None:
    """Train a Transformer to translate. Ctrl-C saves the run, --resume continues it."""
    from ..training.callbacks import Progress
    from ..training.loggers import make_loggers
    from .settings import TranslationSettings
    from .training import train_translation

    try:
        kept = [int(epoch) for epoch in snapshots.split(",") if epoch.strip()]
    except ValueError:
        raise OptionError(f"--snapshots takes epochs separated by commas, as in 0,1,10; got {snapshots!r}.") from None
    settings = TranslationSettings(
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule, patience=patience, seed=seed,
        device=device, workers=workers, subwords=subwords, max_length=max_length, validation=validation, test=test,
        model=dict(units=units, hidden_size=hidden_size, num_layers=layers, num_heads=heads, dropout=dropout,
                   positions=positions))
    shown = rich_console(stderr=as_json)
    folder = train_translation(
        data, out, target_file=target_file, source_column=source_column, target_column=target_column, settings=settings,
        snapshots=kept, resume=resume, callbacks=[Progress(shown), *make_loggers(log, out, asdict(settings))],
        save_every=save_every, report=shown.print)
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        print_json({"model": str(folder), "best": best, "history": json.loads((folder / "history.json").read_text())})
        return
    shown.print(f"saved {folder}: epoch {best['epoch']}, BLEU {best['valid_bleu']:.1f} on validation\n"
                f"next: {command_line('translation evaluate', model=folder)}")


@app.command(epilog=list_examples('translation translate --model runs/en-fr "I am happy."',
                                  'translation translate --model runs/en-fr "I am happy." --view cross --out cross.png',
                                  "translation translate --model runs/en-fr --from sentences.txt --beam 1 --json"))
def translate(
    texts: Optional[list[str]] = typer.Argument(None, help="One sentence, or several."),
    model: Path = Folder,
    source: Optional[Path] = typer.Option(None, "--from", help="Translate the texts of a text (one per line), TSV, CSV or "
                                                               "JSONL file."),
    beam: int = typer.Option(5, help="Number of translations that the search keeps. 1 is greedy."),
    alpha: float = typer.Option(1.0, help="Length penalty of the search. 0 prefers short translations."),
    view: Optional[str] = typer.Option(None, help="Kind of attention to save for one sentence: encoder, decoder or cross."),
    layer: int = typer.Option(-1, help="Layer of the picture, from 0. -1 is the last."),
    head: Optional[int] = typer.Option(None, help="Head of the picture, from 0. Default: the mean of all."),
    out: Optional[Path] = typer.Option(None, help="File to write with --view: a picture (.png, .svg), a page (.html) or "
                                                  "a record (.npz)."),
    as_json: bool = AsJson,
) -> None:
    """Translate sentences. --view also saves where the heads attend."""
    from .. import early
    from .translator import KINDS, load_translator

    given = [*(texts or []), *(early.read_sentences(source) if source else [])]
    if not given:
        raise OptionError('give a sentence to translate, as in gluonattn translation translate -m runs/en-fr "I am happy.", '
                          "or --from FILE.")
    if (view is None) != (out is None) or (view is not None and len(given) != 1):
        raise OptionError("--view and --out go together with one sentence: give both and one sentence, or neither.")
    if view is not None and out is not None:
        choose("view", view, dict.fromkeys(KINDS))
        early.require_writable([out], inputs=[model])
    translator = load_translator(model)
    found = translator.translate(given, beam=beam, alpha=alpha, progress=Bar("translating") if len(given) > 50 else None)
    if view is not None and out is not None:
        _save(translator.records(given[0], beam=beam)[view], layer, head, out)
    if as_json:
        rows = [{"source": one.source, "translation": one.text, "score": one.score, "ended": one.ended,
                 "unknown": list(one.unknown)} for one in found]
        print_json(rows[0] if len(rows) == 1 and not source else rows)
        return
    for one in found:
        typer.echo(one.text)
        for line in _doubts(one):
            typer.echo(f"note: {line}", err=True)
    if out is not None:
        typer.echo(f"wrote {out}", err=True)


def _doubts(one: Any) -> list[str]:
    """Warnings about a translation."""
    doubts = []
    if one.unknown:
        doubts.append(f"{', '.join(map(repr, one.unknown))} in {one.source[:40]!r} occurred in no training text; the model "
                      "reads a placeholder instead")
    if not one.ended:
        doubts.append(f"the translation of {one.source[:40]!r} was cut at the model's maximum length")
    return doubts


def _save(record: Any, layer: int, head: Optional[int], out: Path) -> None:
    from ..views.save import save_view

    draw_without_a_screen()
    layers, heads = record.weights.shape[:2]
    if not -layers <= layer < layers:
        raise OptionError(f"--layer must be from {-layers} to {layers - 1}; got {layer}.")
    if head is not None and not 0 <= head < heads:
        raise OptionError(f"--head must be from 0 to {heads - 1}; got {head}.")
    save_view(record, out, view="heatmap" if out.suffix.lower() in (".png", ".svg", ".pdf") else None, layer=layer % layers,
              head=head)


@app.command(epilog=list_examples("translation evaluate --model runs/en-fr",
                                  "translation evaluate --model runs/en-fr --beam 1 --json",
                                  "translation evaluate --model runs/en-fr --data other.tsv"))
def evaluate(
    model: Path = Folder,
    data: Optional[Path] = typer.Option(None, help="Pairs to evaluate on. Default: those that training held out."),
    source_column: Optional[str] = typer.Option(None, help="Column of the sentences in --data."),
    target_column: Optional[str] = typer.Option(None, help="Column of their translations."),
    beam: int = typer.Option(5, help="Number of translations that the search keeps. 1 is greedy."),
    limit: Optional[int] = typer.Option(None, help="Evaluate only this many sources, the first ones."),
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the intervals."),
    as_json: bool = AsJson,
) -> None:
    """BLEU and chrF on pairs held out in training, with intervals. Any translation of a source counts."""
    from .evaluation import evaluate_translator

    result = evaluate_translator(model, data=data, source_column=source_column, target_column=target_column, beam=beam,
                                 limit=limit, seed=seed, progress=Bar("translating"))
    if as_json:
        print_json({**result, **{name: list(result[name]) for name in ("bleu", "chrf")}})
        return
    typer.echo(f"{result['sources']:,} sources, beam {beam}: BLEU {'{} [{}, {}]'.format(*result['bleu'].spell(2))}, "
               f"chrF {'{} [{}, {}]'.format(*result['chrf'].spell(2))}")
    if result["too_long"]:
        typer.echo(f"{result['too_long']:,} sources have more subwords than the model reads: these count as not translated")
    for example in result["examples"]:
        typer.echo(f"  {example['source']}\n    model: {example['translation']}")
        typer.echo(f"    given: {' / '.join(example['targets'])}")


@app.command(epilog=list_examples("translation report runs/en-fr --out report.html",
                                  'translation report runs/en-fr --lang en --sentence "I am not as old as you."'))
def report(
    model: Path = typer.Argument(..., help="Checkpoint folder of `gluonattn translation train`."),
    out: Path = typer.Option("runs/translation.html", help="Page to write (.html), or a folder; figures go beside it "
                                                           "(.json)."),
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    sentences: int = typer.Option(200, help="Number of held-out sentences to read, and to translate without each head."),
    sentence: list[str] = typer.Option([], help="Sentence whose heads are drawn, instead of two of medium length. Can be "
                                                "given several times."),
    pairs: Optional[Path] = typer.Option(None, help="Pairs from which the word aligner learns. Default: those of the "
                                                    "training."),
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the draw of sentences."),
    as_json: bool = AsJson,
) -> None:
    """Write a self-contained page: what each head learnt from epoch to epoch, and what is lost without it."""
    from .. import early
    from .report import LANGUAGES, in_brief, write_report
    from .study import study_of

    choose("language", lang, LANGUAGES)
    early.require_writable_folder(out.parent if out.suffix.lower() == ".html" else out)
    draw_without_a_screen()
    found = study_of(model, sentences=sentences, examples=sentence, pairs=pairs, seed=seed, progress=Bar("reading"))
    files = write_report(found, out, lang=lang)
    if as_json:
        print_json({name: str(path) for name, path in files.items()})
        return
    for line in in_brief(found, lang):
        typer.echo(line)
    typer.echo(f"wrote {files['html']}, {files['json']}")
