"""The commands of a model of pronunciation, behind `train` and `evaluate`: call the public API, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Optional

import typer

from .errors import CheckpointError, OptionError


def is_pronunciation(model: Path) -> bool:
    """Whether a folder holds a model of pronunciation; one that cannot be read is left to `load` to complain of."""
    from .models.checkpoint import read_config

    try:
        return read_config(model)["recipe"] == "pronunciation"
    except CheckpointError:
        return False


def train(data: str, out: Path, settings, snapshots: str, *, text_column: Optional[str], label_column: Optional[str],
          resume: bool, save_every: float, as_json: bool, reading: Callable) -> None:
    """Train a model of pronunciation."""
    from rich.console import Console

    from .training.callbacks import Progress
    from .training.pronunciation import train_pronunciation

    try:
        epochs = [int(epoch) for epoch in snapshots.split(",") if epoch.strip()]
    except ValueError:
        raise OptionError(f"--snapshots takes epochs with commas, as in 0,1,10; got {snapshots!r}.") from None
    console = Console(stderr=as_json)
    folder = train_pronunciation(
        data, out, settings=settings, snapshots=epochs, text_column=text_column, label_column=label_column,
        resume=resume, callbacks=[Progress(console)], save_every=save_every, reading=reading,
        report=lambda line: console.print(line, highlight=False, soft_wrap=True),
    )
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        _print_json({"model": str(folder), "best": best, "history": json.loads((folder / "history.json").read_text())})
        return
    console.print(f"saved {folder}: epoch {best['epoch']}, {best['valid_accuracy']:.4f} of the validation words right\n"
                  f"next: gluonattn evaluate --model {folder}", highlight=False, soft_wrap=True)


def evaluate(model: Path, as_json: bool) -> None:
    """Words held out when the model was trained: how many it says right."""
    from .explain.pronouncer import load_pronouncer
    from .explain.pronunciation_accuracy import accuracy

    pronouncer = load_pronouncer(model)
    pairs = pronouncer.pairs("test")
    result = accuracy(pairs, pronouncer.say([pair.spelling for pair in pairs]))
    if as_json:
        _print_json(result)
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


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
