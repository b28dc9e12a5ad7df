"""The commands of pronunciation: `pronounce`, and a model's behind `train` and `evaluate`. Call the public API, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Optional

import typer

from ..errors import OptionError
from .console import command_line, print_json, rich_console

EXAMPLES = ('pronounce "알 수 없는"', "pronounce 국물 신촌역 --why", 'pronounce "옷 한 벌" --linked',
            'pronounce "2024년에 3개" --json', "pronounce --from reviews.csv --json")


def pronounce(
    texts: Optional[list[str]] = typer.Argument(None, help="One text, or several."),
    source: Optional[Path] = typer.Option(None, "--from", help="Also the texts of a text file (one a line), TSV, CSV or "
                                                               "JSONL file."),
    linked: bool = typer.Option(False, help="Say words that only a space parts in one breath."),
    why: bool = typer.Option(False, help="Show the rule behind every sound that changes, and the letters that cause it."),
    text_column: Optional[str] = typer.Option(None, help="Column with the text; the usual names are found by themselves."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, for a program to read."),
) -> None:
    """Say how Korean is pronounced by the standard (표준 발음법), and why."""
    from ..pronunciation.pronounce import pronounce as say
    from . import early

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


def _reasons(said) -> list[str]:
    """One line for each change of a sound and each letter that is not spoken."""
    from ..pronunciation.pronounce import RULES

    def spell(letters) -> str:
        return "".join(said.letters[number].jamo for number in letters)

    def row(at: int, what: str, name: str, cause) -> tuple[int, str]:
        rule = RULES[name]
        reason = f" because of {spell(cause)}" if cause else ""
        return at, f"{said.read[at]}: {what}{reason} (article {rule.article}, {rule.korean}: {rule.english})"

    rows = [row(said.letters[sound.source[0]].syllable, _step(change), change.rule, change.cause)
            for sound in said.jamo for change in sound.changes]
    rows += [row(said.letters[one.letter].syllable, f"{said.letters[one.letter].jamo} is silent", one.rule, one.cause)
             for one in said.silent if said.letters[one.letter].jamo != "ㅇ"]
    return [line for _, line in sorted(rows, key=lambda item: item[0])]


def _step(change) -> str:
    return f"{change.before} > {change.after}" if change.before != change.after else f"{change.before} is carried over"


def _as_json(said) -> dict:
    from ..pronunciation.pronounce import RULES

    changes = [
        {"rule": change.rule, "article": change.article, "before": change.before, "after": change.after,
         "syllable": sound.syllable, "place": sound.place, "letters": list(sound.source), "cause": list(change.cause)}
        for sound in said.jamo for change in sound.changes
    ]
    silent = [{"letter": one.letter, "rule": one.rule, "article": RULES[one.rule].article, "cause": list(one.cause)}
              for one in said.silent]
    return {"text": said.text, "read": said.read, "sounds": said.sounds, "also": list(said.also),
            "letters": [list(letter) for letter in said.letters], "changes": changes, "silent": silent}


def train(data: str, out: Path, settings, snapshots: str, *, text_column: Optional[str], label_column: Optional[str],
          resume: bool, save_every: float, as_json: bool, reading: Callable) -> None:
    """Train a model of pronunciation."""
    from ..pronunciation.training import train_pronunciation
    from ..training.callbacks import Progress

    try:
        epochs = [int(epoch) for epoch in snapshots.split(",") if epoch.strip()]
    except ValueError:
        raise OptionError(f"--snapshots takes epochs with commas, as in 0,1,10; got {snapshots!r}.") from None
    shown = rich_console(stderr=as_json)
    folder = train_pronunciation(
        data, out, settings=settings, snapshots=epochs, text_column=text_column, label_column=label_column,
        resume=resume, callbacks=[Progress(shown)], save_every=save_every, reading=reading, report=shown.print,
    )
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        print_json({"model": str(folder), "best": best, "history": json.loads((folder / "history.json").read_text())})
        return
    shown.print(f"saved {folder}: epoch {best['epoch']}, {best['valid_accuracy']:.4f} of the validation words right\n"
                f"next: {command_line('evaluate', model=folder)}")


def evaluate(model: Path, as_json: bool) -> None:
    """Words held out when the model was trained: how many it says right."""
    from ..pronunciation.accuracy import accuracy
    from ..pronunciation.pronouncer import load_pronouncer

    pronouncer = load_pronouncer(model)
    pairs = pronouncer.pairs("test")
    result = accuracy(pairs, pronouncer.say([pair.spelling for pair in pairs]))
    if as_json:
        print_json(result)
        return
    typer.echo(f"{len(pairs):,} words of which no form was trained on, exactly right:")
    for name, row in {"all": result["all"], **result["kinds"]}.items():
        typer.echo(f"  {name:34} {_figures(row)}")
    typer.echo("by rule that acts in the word:")
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


def _figures(row: dict) -> str:
    return f"{row['right']:,} of {row['words']:,}" + (f" ({row['accuracy']:.1%})" if row["words"] else "")
