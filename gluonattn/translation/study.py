"""Study a translation model: what its heads do at each epoch, and what it loses without each of them.

Stays whole: `study_of` names every figure of the report once. Half of it is its docstring and the list of figures.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError, DependencyError, OptionError, require_seed
from ..models.checkpoint import load_checkpoint
from ..statistics import draws, interval, intervals
from . import heads
from .alignment import align_words, count_links, error_rate, head_links
from .pairs import SentencePair, by_source, read_pairs
from .scores import resampled_scores
from .training import LOSSES
from .translator import KINDS, Translator, load_translator

RESAMPLES = 1000
Progress = Callable[[int, int], None]


def study_of(folder: str | os.PathLike[str], *, sentences: int = 200, examples: Sequence[str] = (),
             pairs: str | os.PathLike[str] | None = None, seed: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """Measure a model at every epoch that has a snapshot.

    Parameters
    ----------
    folder : path
        A checkpoint folder of `gluonattn translation train`.
    sentences : int, default 200
        Number of held-out sources to read, to translate, and to translate again without each head.
    examples : sequence of str
        Sentences whose heads are drawn. If empty, two of medium length.
    pairs : path or None
        Pairs from which the word aligner learns. None is the file that the model was trained on, if it still exists.
    seed : int, default 0
        Seed of the draw of sentences and of the intervals.
    progress : callable or None
        Called with (steps done, all steps).

    Returns
    -------
    dict
        Figures by name. Those with intervals are `gluonattn.statistics.Figure`. "records" has the examples' records by
        sentence, kind and epoch.

    Raises
    ------
    CheckpointError
        As for `load_translator`, and if the folder has no snapshots.
    """
    folder = Path(folder)
    best = load_translator(folder)
    if not best.epochs:
        raise CheckpointError(f"{folder} has no snapshots to compare: train again with --snapshots 0,1,10.")
    if sentences < 2:
        raise OptionError(f"a study needs at least 2 sentences; got {sentences}.")
    chosen = _draw(best, sentences, seed)
    read = [SentencePair(source, targets[0]) for source, targets in chosen.items()]
    shown = list(examples) or _examples(read)
    layers, count = best.config["model"]["num_layers"], best.config["model"]["num_heads"]
    tick = _Steps(progress, len(best.epochs) + len(KINDS) * layers * count)
    drawn = draws(len(read), resamples=RESAMPLES, seed=seed)
    links, why_not = _align(best, read, pairs)
    counted: dict[int, dict[str, Any]] = {}
    aligned, translated, records, judged = {}, {}, {}, {}
    for epoch in best.epochs:
        at = load_translator(folder, epoch)
        forced = at.all_records([pair.source for pair in read], [pair.target for pair in read])
        counted[epoch] = {kind: heads.count([one[kind] for one in forced]) for kind in KINDS}
        if links is not None:
            counts = np.stack([count_links(link, head_links(one["cross"])) for link, one in zip(links, forced)])
            aligned[epoch] = error_rate(np.tensordot(drawn, counts, (1, 0)))
        own = [one.text for one in at.translate([*shown, *chosen], beam=1)]
        translated[epoch] = own[: len(shown)]
        judged[epoch] = resampled_scores(own[len(shown) :], list(chosen.values()), drawn)
        records[epoch] = at.all_records(shown, [_reference(best, text) for text in shown])
        tick()
    last, first = max(best.epochs), min(best.epochs)
    figures = {epoch: {kind: heads.figures_of(of[kind], drawn) for kind in KINDS} for epoch, of in counted.items()}
    change = {kind: heads.compare(counted[last][kind], counted[first][kind], drawn) for kind in KINDS}
    return {
        "about": {"model": folder.name, "data": best.config["training"]["data"], "seed": seed, "sentences": len(read),
                  "layers": layers, "heads": count, "positions": best.config["model"]["positions"], "alignment": why_not},
        "epochs": list(best.epochs), "history": load_checkpoint(folder).history, "losses": _losses(folder),
        "scores": {epoch: {name: interval(values) for name, values in of.items()} for epoch, of in judged.items()},
        "examples": {text: {epoch: own[i] for epoch, own in translated.items()} for i, text in enumerate(shown)},
        "figures": figures, "change": change,
        "layers": {epoch: {kind: heads.by_layer(of[kind], drawn) for kind in KINDS} for epoch, of in counted.items()},
        "alignment": {epoch: intervals(values) for epoch, values in aligned.items()},
        "better_aligned": intervals(aligned[first] - aligned[last]) if aligned else None,
        "ablation": _ablate(load_translator(folder, last), chosen, judged[last], drawn, tick),
        "records": {text: {kind: {epoch: records[epoch][i][kind] for epoch in best.epochs} for kind in KINDS}
                    for i, text in enumerate(shown)},
    }


def _draw(translator: Translator, sentences: int, seed: int) -> dict[str, list[str]]:
    """Held-out sources that are short enough for the model, with their targets, in an order that depends on the seed."""
    every = by_source(translator.held_out("test"))
    fitting = [(source, targets) for source, targets in every.items() if all(
        len(translator.subwords.ids([text])[0]) <= translator.max_length for text in (source, *targets))]
    if len(fitting) < 2:
        raise CheckpointError(f"{translator.folder} has {len(fitting)} held-out sentences that its model can read: train "
                              "with a larger --test.")
    order = np.random.default_rng(require_seed(seed)).permutation(len(fitting))[:sentences]
    return dict(fitting[i] for i in sorted(order))


def _examples(read: Sequence[SentencePair]) -> list[str]:
    """Choose two sentences of medium length, whose heads fit on a page."""
    by_length = sorted((pair.source for pair in read), key=lambda text: (len(text.split()), len(text), text))
    return [by_length[len(by_length) // 2], by_length[3 * len(by_length) // 4]]


def _reference(translator: Translator, text: str) -> str:
    """The best epoch's translation. The heads of every epoch are drawn with it as the target."""
    return translator.translate([text], beam=5)[0].text or "."


def _align(translator: Translator, read: Sequence[SentencePair], pairs: Any) -> tuple[Any, str | None]:
    """The aligner's links, or None and the reason why there are none."""
    path = Path(pairs or translator.config["training"]["data"])
    if pairs is None and not path.is_file():
        return None, f"{path} does not exist: give the pairs with --pairs"
    try:
        corpus = read_pairs(path).pairs
        return align_words(read, corpus), None
    except DependencyError as error:
        return None, str(error)


def _ablate(translator: Translator, chosen: dict[str, list[str]], whole: dict[str, NDArray[Any]], drawn: NDArray[Any],
            tick: Callable[[], None]) -> dict[str, dict[str, NDArray[Any]]]:
    """Change of BLEU and chrF without each head: object arrays of Figure, by kind and score."""
    layers, count = translator.config["model"]["num_layers"], translator.config["model"]["num_heads"]
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for kind in KINDS:
        found[kind] = {name: np.empty((layers, count), dtype=object) for name in whole}
        for layer, head in np.ndindex(layers, count):
            with translator.without_head(kind, layer, head):
                said = [one.text for one in translator.translate(list(chosen), beam=1)]
            for name, values in resampled_scores(said, list(chosen.values()), drawn).items():
                found[kind][name][layer, head] = interval(values - whole[name])
            tick()
    return found


def _losses(folder: Path) -> list[tuple[int, float]]:
    try:
        with open(folder / LOSSES, encoding="utf-8", newline="") as file:
            return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # an older or incompletely copied folder: only the curve by epoch is drawn


class _Steps:
    """Count steps for a progress bar."""

    def __init__(self, progress: Progress | None, steps: int):
        self.progress, self.steps, self.done = progress, steps, 0

    def __call__(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.steps)


