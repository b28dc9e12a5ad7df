"""Score explanations against human rationales."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

import typer

from ..console import print_json, rich_console
from ..errors import DataError, OptionError
from ..options import AsJson, Device, Engine, MaxLength, Model, Target
from ..progress import Bar
from .registry import command

if TYPE_CHECKING:
    from ..classifier.opened.classifier import OpenedClassifier
    from ..classifier.plausibility import Scored
    from ..classifier.predictor import Predictor
    from ..data.rationales import Rationale


@command("Predict and explain", "faithfulness --rationales kold_v1.json",
    "faithfulness --model my-koelectra-folder --rationales khaters.jsonl --methods leave-one-out,rollout --part target",
    "faithfulness --rationales marked.jsonl --scores lime.jsonl --methods none --json")
def faithfulness(
    rationales: Path = typer.Option(..., help="Texts with marked spans: a file of K-HATERS or KOLD, or .jsonl with text "
                                              "and spans."),
    model: Optional[Path] = Model,
    methods: Optional[str] = typer.Option(None, help="Attribution methods, separated by commas. Default: all "
                                                     "that the model has. With none, no model runs."),
    part: str = typer.Option("offensiveness", help="Kind of spans in K-HATERS and KOLD: offensiveness or target."),
    scores: Optional[Path] = typer.Option(None, help="Scores of another program, to compare with the model's: JSON "
                                                     "lines with text, spans and scores."),
    target: Optional[str] = Target,
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Score explanations against spans that people marked."""
    from ..classifier.plausibility import Scored, score_texts
    from ..data.handed_scores import read_handed_scores
    from ..data.rationales import read_rationales, visible

    read = read_rationales(rationales, part)
    marked = visible(read)
    handed = read_handed_scores(scores) if scores else {}
    found: dict[str, list[Scored]] = {}
    if methods != "none":
        from ..classifier.opened.loading import load_any

        predictor = load_any(model, device, engine, max_length)
        bar = Bar("explaining")
        found = score_texts(predictor, [one.text for one in marked], _methods_of(predictor, methods),
                            _number(predictor, target), bar)
        bar.hide()
    elif not handed:
        raise OptionError("--methods none runs no model: give --scores FILE with scores of another program.")
    for name, own in handed.items():
        label = name if name not in found else f"{name} ({scores.name})" if scores else name
        missing = [one.text for one in marked if one.text not in own]
        if missing:
            raise DataError(f"{scores} has no scores of {name} for {len(missing):,} of {len(marked):,} marked texts, the "
                            f"first being {missing[0][:20]!r}: add them, in the format of {rationales}.")
        found[label] = [Scored(*own[one.text]) for one in marked]
        if further := len(own) - len({one.text for one in marked}):
            print(f"{further:,} texts of {scores} with scores of {name} have no marks in {rationales}",
                  file=sys.stderr)
    _show(marked, found, len(read), as_json)


def _methods_of(predictor: Union[Predictor, OpenedClassifier], named: Optional[str]) -> list[str]:
    """The requested methods, including random."""
    from ..classifier.fitted import choose_method
    from ..classifier.kinds import methods_of

    known = methods_of(predictor)
    names = [name.strip() for name in named.split(",") if name.strip()] if named else list(known)
    for name in names:
        choose_method(name, known)
    return list(dict.fromkeys([*names, "random"]))


def _number(predictor: Union[Predictor, OpenedClassifier], target: Optional[str]) -> Optional[int]:
    from ..classifier.choosing import find_class

    return None if target is None else find_class(target, predictor.labels, predictor.label_names)


def _show(marked: list[Rationale], found: dict[str, list[Scored]], texts: int, as_json: bool) -> None:
    """Print each method's figures with intervals, and their difference from random on the same texts, as a table or JSON."""
    import numpy as np
    from rich import box
    from rich.table import Table

    from ..classifier.plausibility import FIGURES, agreement
    from ..statistics import Figure, figure

    values = {name: agreement(marked, own) for name, own in found.items()}
    figures: dict[str, dict[str, Figure]] = {
        name: {kind: figure(own[kind]) for kind in FIGURES} for name, own in values.items()}
    if "random" in values:
        for name, own in values.items():
            figures[name]["auprc_less_random"] = figure(np.subtract(own["auprc"], values["random"]["auprc"]))
    if as_json:
        print_json({"texts": texts, "marked": len(marked), "methods": {
            name: {kind: [None if x != x else round(x, 6) for x in one] for kind, one in own.items()}
            for name, own in figures.items()}})
        return
    names = {"token_f1": "token F1", "iou": "IoU", "auprc": "AUPRC", "auprc_less_random": "AUPRC less random"}
    table = Table(title=f"{len(marked):,} texts with marked words, mean and 95 % interval", box=box.SIMPLE_HEAD)
    for i, name in enumerate(("method", *names.values())):
        table.add_column(name, justify="right" if i else "left")
    for name, found_of in figures.items():
        cells = [(found_of.get(kind), "+" * kind.endswith("random")) for kind in names]
        table.add_row(name, *("" if one is None or one.mean != one.mean else "{} ({}, {})".format(*one.spell(sign=sign))
                              for one, sign in cells))
    rich_console().print(table)
    if texts > len(marked):
        print(f"{texts - len(marked):,} of {texts:,} texts have no marks and are left out", file=sys.stderr)
