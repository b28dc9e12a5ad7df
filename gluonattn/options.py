"""Options that several commands share, and the examples in their help."""

from __future__ import annotations

import os
import re
from typing import Optional

import typer

from .errors import OptionError

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"

Device = typer.Option("auto", help="auto, cpu, gpu or gpu:N.")
Engine = typer.Option("auto", help="auto (the fastest that is installed), numpy, onnx, torch or mxnet.")
AsJson = typer.Option(False, "--json", help="Print JSON, for a program to read.")
TextColumn = typer.Option(None, help="Column with the text. Usual names are found automatically.")
LabelColumn = typer.Option(None, help="Column with the label.")
Target = typer.Option(None, help="Class whose attribution is shown, by its label or its name. Default: the predicted class.")
Model = typer.Option(None, "--model", "-m", help="Checkpoint folder that train wrote. Default: the bundled model.")
Log = typer.Option([], help="Also log the run for another program, into OUT.logs: tensorboard, wandb (offline) or mlflow. "
                           "Can be given several times.")
MaxLength = typer.Option(
    None, help="For a transformers folder, the number of tokens to read of each text. By default a longer text is refused.")
Layers = typer.Option(None, help="Only these layers: 0,3 or 0-5. With --heads, --queries and --top long texts fit in "
                                 "memory: nothing else is computed or kept.")
Heads = typer.Option(None, help="Only these heads: 0,3 or 0-5.")
Queries = typer.Option(None, help="Only the attention from these tokens, counted from 0: 0,3 or 0-5.")
Top = typer.Option(None, help="Keep this many tokens, those that receive the most attention.")
TrueLabels = typer.Option(None, help="Column with the true labels. A page's list then marks right and wrong "
                                     "predictions. Usual names are found automatically.")


def read_numbers(option: str, given: Optional[str]) -> Optional[list[int]]:
    """Parse the numbers of an option, as in 0,3 or 0-5. None stays None.

    Parameters
    ----------
    option : str
        The option's name, for the message.
    given : str or None

    Raises
    ------
    OptionError
        If the value has another form.
    """
    if given is None:
        return None
    found: list[int] = []
    for part in given.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise OptionError(f"{option} takes numbers counted from 0, as in 0,3 or 0-5; got {given!r:.60}.")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(found))


def list_examples(*lines: str) -> str:
    """Format examples for a command's help."""
    return "Examples:\n\n\b\n" + "\n".join(f"  gluonattn {line}" for line in lines)


def draw_without_a_screen() -> None:
    os.environ.setdefault("MPLBACKEND", "agg")
