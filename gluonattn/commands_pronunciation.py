"""The commands of a model of pronunciation, behind `train` and `evaluate`: call the public API, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Optional

import typer

from .console import command_line, print_json, rich_console
from .errors import OptionError


def is_pronunciation(model: Path) -> bool:
    """Whether a folder holds a model of pronunciation; one that cannot be read is left to `load` to complain of."""
    try:
        return json.loads((model / "config.json").read_bytes())["recipe"] == "pronunciation"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def train(data: str, out: Path, settings, snapshots: str, *, text_column: Optional[str], label_column: Optional[str],
          resume: bool, save_every: float, as_json: bool, reading: Callable) -> None:
    """Train a model of pronunciation."""
    from .training.callbacks import Progress
    from .training.pronunciation import train_pronunciation

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
    from .explain.pronouncer import load_pronouncer
    from .explain.pronunciation_accuracy import accuracy

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
