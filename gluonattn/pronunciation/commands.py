"""The command `pronounce`, and the group `pronunciation` for a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from ..console import command_line, print_json, rich_console
from ..errors import LARGEST_SEED, OptionError, choose
from ..options import (
    AsJson,
    Device,
    LabelColumn,
    Log,
    TextColumn,
    draw_without_a_screen,
    list_examples,
)
from ..progress import Bar

if TYPE_CHECKING:
    from .pronounce import Pronunciation
    from .state import Change

app = typer.Typer(help="Train and study a Transformer that pronounces Korean words.",
                  no_args_is_help=True, rich_markup_mode=None)


def pronounce(
    texts: Optional[list[str]] = typer.Argument(None, help="One text, or several."),
    source: Optional[Path] = typer.Option(None, "--from", help="Pronounce the texts of a text (one per line), TSV, CSV or "
                                                               "JSONL file."),
    linked: bool = typer.Option(False, help="Pronounce words without a pause if only a space separates them."),
    why: bool = typer.Option(False, help="Show the rule for every changed sound, and the letters that cause the change."),
    text_column: Optional[str] = TextColumn,
    as_json: bool = AsJson,
) -> None:
    """Show how Korean is pronounced according to the standard (표준 발음법), and why."""
    from .. import early
    from .pronounce import pronounce as say

    early.require_source_of_columns("--text-column", text_column, source)
    given = [*(texts or []), *(early.read_sentences(source, text_column) if source else [])]
    if not given:
        raise OptionError('give a text to pronounce, as in gluonattn pronounce "알 수 없는", or --from FILE.')
    found = [say(text, linked=linked) for text in given]
    if as_json:
        values = [_as_json(said) for said in found]
        print_json(values[0] if len(values) == 1 and not source else values)
        return
    for said in found:
        others = f"  also {', '.join(f'[{reading}]' for reading in said.also)}" if said.also else ""
        typer.echo(f"{said.text}  [{said.sounds}]{others}")
        for line in _reasons(said) if why else ():
            typer.echo(f"  {line}")


def _reasons(said: Pronunciation) -> list[str]:
    """One line for each change of a sound and each letter that is not spoken."""
    from .pronounce import RULES

    def spell(letters: Iterable[int]) -> str:
        return "".join(said.letters[number].jamo for number in letters)

    def row(at: int, what: str, name: str, cause: Sequence[int]) -> tuple[int, str]:
        rule = RULES[name]
        reason = f" because of {spell(cause)}" if cause else ""
        return at, f"{said.read[at]}: {what}{reason} (article {rule.article}, {rule.korean}: {rule.english})"

    rows = [row(said.letters[sound.source[0]].syllable, _step(change), change.rule, change.cause)
            for sound in said.jamo for change in sound.changes]
    rows += [row(said.letters[one.letter].syllable, f"{said.letters[one.letter].jamo} is silent", one.rule, one.cause)
             for one in said.silent if said.letters[one.letter].jamo != "ㅇ"]
    return [line for _, line in sorted(rows, key=lambda item: item[0])]


def _step(change: Change) -> str:
    return f"{change.before} > {change.after}" if change.before != change.after else f"{change.before} is carried over"


def _as_json(said: Pronunciation) -> dict[str, Any]:
    from .pronounce import RULES

    changes = [
        {"rule": change.rule, "article": change.article, "before": change.before, "after": change.after,
         "syllable": sound.syllable, "place": sound.place, "letters": list(sound.source), "cause": list(change.cause)}
        for sound in said.jamo for change in sound.changes
    ]
    silent = [{"letter": one.letter, "rule": one.rule, "article": RULES[one.rule].article, "cause": list(one.cause)}
              for one in said.silent]
    return {"text": said.text, "read": said.read, "sounds": said.sounds, "also": list(said.also),
            "letters": [list(letter) for letter in said.letters], "changes": changes, "silent": silent}


@app.command(epilog=list_examples(
    "pronunciation train --data nsmc --out runs/pronunciation",
    "pronunciation train --data my.csv --text-column review --out runs/mine",
    "pronunciation train --data nsmc --out runs/pronunciation --resume"))
def train(
    data: str = typer.Option("sample", help="sample, nsmc, a folder with NSMC, or a TSV, CSV or JSONL file, whose words "
                                           "are learned."),
    out: Path = typer.Option("runs/pronunciation", help="Checkpoint folder to write."),
    snapshots: str = typer.Option("0,1,10", help="Epochs whose weights are kept. 0 is before training."),
    epochs: Optional[int] = typer.Option(None, help="Default: 12, or 60 for fewer than 20,000 words."),
    batch_size: Optional[int] = typer.Option(None, help="Default 64."),
    learning_rate: Optional[float] = typer.Option(None, help="Adam's learning rate. Default: 0.002."),
    schedule: Optional[str] = typer.Option(None, help="linear, cosine (default) or constant."),
    min_count: Optional[int] = typer.Option(None, help="Minimum occurrences of a word to learn. Default: 3, or 1 in a small "
                                                       "corpus."),
    patience: Optional[int] = typer.Option(None, help="Stop after this many epochs without a better loss."),
    seed: int = typer.Option(0, help="Seed of the initial weights, the batches and dropout."),
    device: str = Device,
    workers: Optional[int] = typer.Option(None, help="Processes on the CPU. Default: one for each "
                                                     "core, 1 for fewer than 20,000 words."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    resume: bool = typer.Option(False, help="Continue a stopped or killed run."),
    save_every: float = typer.Option(60.0, help="Seconds between resume files."),
    log: list[str] = Log,
    as_json: bool = AsJson,
) -> None:
    """Train a Transformer to pronounce the words of a corpus. Ctrl-C saves the run, --resume continues it."""
    from .. import early

    early.require_reviews(data, text_column, label_column)
    from ..training.callbacks import Progress
    from ..training.loggers import make_loggers
    from .settings import PronunciationSettings
    from .training import train_pronunciation

    try:
        kept = [int(epoch) for epoch in snapshots.split(",") if epoch.strip()]
    except ValueError:
        raise OptionError(f"--snapshots takes epochs separated by commas, as in 0,1,10; got {snapshots!r}.") from None
    settings = PronunciationSettings(
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule, min_count=min_count,
        patience=patience, seed=seed, device=device, workers=workers,
    )
    shown = rich_console(stderr=as_json)
    folder = train_pronunciation(
        data, out, settings=settings, snapshots=kept, text_column=text_column, label_column=label_column,
        resume=resume, callbacks=[Progress(shown), *make_loggers(log, out, asdict(settings))], save_every=save_every,
        reading=Bar("reading words"), report=shown.print,
    )
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        print_json({"model": str(folder), "best": best, "history": json.loads((folder / "history.json").read_text())})
        return
    shown.print(f"saved {folder}: epoch {best['epoch']}, {best['valid_accuracy']:.4f} of the validation words correct\n"
                f"next: {command_line('pronunciation evaluate', model=folder)}")


@app.command(epilog=list_examples("pronunciation evaluate --model runs/pronunciation",
                                  "pronunciation evaluate --model runs/pronunciation --json"))
def evaluate(
    model: Path = typer.Option(..., "--model", "-m", help="Checkpoint folder of `gluonattn pronunciation train`."),
    as_json: bool = AsJson,
) -> None:
    """Measure how many held-out words the model pronounces correctly, by rule."""
    from .accuracy import accuracy
    from .pronouncer import load_pronouncer

    pronouncer = load_pronouncer(model)
    pairs = pronouncer.pairs("test")
    result = accuracy(pairs, pronouncer.say([pair.spelling for pair in pairs]))
    if as_json:
        print_json(result)
        return
    typer.echo(f"{len(pairs):,} words of which no form was trained on, exactly correct:")
    for name, row in {"all": result["all"], **result["kinds"]}.items():
        typer.echo(f"  {name:34} {_figures(row)}")
    typer.echo("by rule in the word:")
    for name, row in sorted(result["rules"].items(), key=lambda item: -item[1]["words"]):
        typer.echo(f"  {name:34} {_figures(row)}")
    typer.echo("consonants that an article might make tense (held-out words):")
    for article, found in result["tensification"].items():
        if found["accuracy"] is None:
            continue
        typer.echo(f"  article {article}: tense {_figures(found['tense'])}, plain {_figures(found['plain'])}")
        typer.echo(f"    all {found['accuracy']:.3f}; always tense {found['always']:.3f}, never {found['never']:.3f}")
        if found["balanced"] is not None:
            typer.echo(f"    mean of tense and plain {found['balanced']:.3f}; always or never 0.500")


@app.command(epilog=list_examples("pronunciation report runs/pronunciation --out report.html",
                                  "pronunciation report runs/pronunciation --lang en --word 독립문"))
def report(
    model: Path = typer.Argument(..., help="Checkpoint folder of `gluonattn pronunciation train`."),
    out: Path = typer.Option("runs/report.html", help="Page to write (.html), or a folder. Figures go beside it (.json)."),
    lang: str = typer.Option("ko", help="Language of the page: ko or en."),
    words: int = typer.Option(800, help="Number of held-out words whose attention is measured."),
    edited: int = typer.Option(120, help="Number of words per rule in which letters are replaced."),
    word: list[str] = typer.Option([], help="Word whose heads are drawn, instead of the three built-in "
                                            "ones. Can be given several times."),
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the draw of words."),
    as_json: bool = AsJson,
) -> None:
    """Report which letters the heads attend to, and what replacing them changes."""
    from .. import early
    from .report_text import LANGUAGES

    choose("language", lang, LANGUAGES)
    early.require_writable_folder(out.parent if out.suffix.lower() == ".html" else out)
    from .report import write_report
    from .report_sentences import in_brief
    from .study import EXAMPLES, study_of
    from .summary import summarise

    draw_without_a_screen()
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


def _figures(row: dict[str, Any]) -> str:
    return f"{row['right']:,} of {row['words']:,}" + (f" ({row['accuracy']:.1%})" if row["words"] else "")


COMMANDS = [(pronounce, (  # outside the group: `gluonattn pronounce`
    'pronounce "알 수 없는"', "pronounce 국물 신촌역 --why", 'pronounce "옷 한 벌" --linked',
    'pronounce "2024년에 3개" --json', "pronounce --from reviews.csv --json"))]
