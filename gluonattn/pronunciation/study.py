"""The measurements for the report on a pronunciation model: heads compared with causes, and causes with edits.

Stays whole: `study` has one plan of draws, the same for every figure. Half of it is its signature and
docstring.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, OptionError, require_seed
from ..metrics import tie_close
from ..record import AttentionRecord
from ..statistics import draws
from . import head_reading
from .causes import Pattern, Site, changed_sites, letter_keys, locate_sites, unchanged_sites
from .intervention import Effects, Speaker, effects
from .pronounce import Pronunciation, pronounce

KINDS = ("encoder", "decoder", "cross")
OBSTRUENT, SINO = "tensification_after_obstruent", "tensification_sino_korean"
PLAIN = "plain_after_l"  # no rule: ㄷ, ㅅ, ㅈ that stay plain after ㄹ, the contrast to SINO
_AFTER_CODA = Pattern("onset", -1, "coda")
EXAMPLES = ("국물", "국밥", "갈등")
LEVEL = 0.05

Progress = Optional[Callable[[int, int], None]]


class Model(Speaker, Protocol):
    """A pronunciation model at one epoch, such as a `Pronouncer`."""

    def all_records(self, words: Sequence[str], sounds: Sequence[str]) -> list[dict[str, AttentionRecord]]:
        """Each word's teacher-forced records by kind.

        Parameters
        ----------
        words : sequence of str
        sounds : sequence of str
            Given sounds of each word.
        """


@dataclass(frozen=True)
class Study:
    """The measurements. `summary.summarise` computes figures from them.

    Attributes
    ----------
    about : dict
        Facts about the model and the words, for the top of the report.
    said : list of Pronunciation
        Held-out words in which a letter changed the sound of another.
    counts : dict from kind to dict from epoch to Counts
    drift : dict from kind to dict from (epoch, next epoch) to numpy.ndarray, shape (words, layers, heads)
    drawn : numpy.ndarray
        Bootstrap draws of the words.
    chosen : dict from rule to dict from kind to (layer, head)
        The head that finds the cause of that rule most often on validation words.
    effects : dict from rule to list of Effects
        Also for `PLAIN`, where no rule acts and the "cause" is the ㄹ before the consonant.
    looked : dict from rule to list of dict from kind to numpy.ndarray, shape (layers, heads, letters)
        Weights on the letters of each of these words, at the deciding row, for encoder and cross.
    examples : dict from word to dict from kind to dict from epoch to AttentionRecord
    """

    about: dict[str, Any]
    said: list[Pronunciation]
    counts: dict[str, dict[int, head_reading.Counts]]
    drift: dict[str, dict[tuple[int, int], NDArray[Any]]]
    drawn: NDArray[Any]
    chosen: dict[str, dict[str, tuple[int, int]]]
    effects: dict[str, list[Effects]]
    looked: dict[str, list[dict[str, NDArray[Any]]]]
    examples: dict[str, dict[str, dict[int, AttentionRecord]]]


def study_of(folder: str | os.PathLike[str], **options: Any) -> Study:
    """Run `study` on a checkpoint folder: its snapshots, with the best epoch as the last.

    Parameters
    ----------
    folder : path
    **options
        Options of `study`.

    Raises
    ------
    CheckpointError
        If the folder has no pronunciation model.
    """
    from .pronouncer import load_pronouncer

    last = load_pronouncer(folder)
    models = {epoch: load_pronouncer(folder, epoch) for epoch in last.epochs if epoch < last.epoch}
    valid, test = ([pair.said for pair in last.pairs(split)] for split in ("valid", "test"))
    about = {"model": last.folder.name, "data": last.config["training"]["data"]}
    return study({**models, last.epoch: last}, valid, test, about=about, **options)


def study(
    models: Mapping[int, Model],
    valid: Sequence[Pronunciation],
    test: Sequence[Pronunciation],
    *,
    about: Mapping[str, Any] | None = None,
    words: int = 800,
    edited: int = 120,
    examples: Iterable[str] = EXAMPLES,
    seed: int = 0,
    progress: Progress = None,
) -> Study:
    """Measure every head on held-out words at every epoch, and replace letters of some words.

    Parameters
    ----------
    models : mapping of epoch to Model
        Models from before training (0) to the last epoch, which is used for the questions.
    valid, test : sequence of Pronunciation
        Held-out words with their causes. Heads are chosen on `valid`. All figures are from `test`.
    about : mapping or None
        Added to the report unchanged.
    words : int, default 800
        Number of test words whose attention is measured, drawn with `seed` from those with a cause.
    edited : int, default 120
        Number of words of each rule whose letters are replaced, drawn in the same way. Article 26 has four times as many,
        and words in which it does not act after ㄹ twice as many.
    examples : iterable of str
        Words whose heads are drawn.
    seed : int, default 0
        Seed of the draw of words.
    progress : callable or None
        Called with (steps done, all steps).

    Raises
    ------
    DataError
        If no test word has a sound that another letter changed.
    OptionError
        If `words` or `edited` is below 1.
    """
    if words < 1 or edited < 1:
        raise OptionError(f"words and edited must be at least 1; got {words} and {edited}.")
    require_seed(seed)
    epochs = sorted(models)
    last = models[epochs[-1]]
    caused = [said for said in test if changed_sites(said)]
    if not caused:
        raise DataError("expected held-out words in which a letter changes another's sound; got none. Use a model "
                        "that was trained with more word pairs.")
    said = random.Random(seed).sample(caused, min(words, len(caused)))
    asked = {rule: _draw_sites(test, rule, 4 * edited if rule == SINO else edited, seed) for rule in _rules_of(test)}
    asked[PLAIN] = _draw_plain_after_l(test, 2 * edited, seed)
    tuned = {rule: _draw_sites(valid, rule, edited, seed) for rule in (OBSTRUENT, SINO)}
    drawn_words = [pronounce(word) for word in examples]
    step = _Steps(progress, len(epochs) * len(said) + 2 * sum(map(len, asked.values())) + sum(map(len, tuned.values())))

    counts: dict[str, dict[int, head_reading.Counts]] = {kind: {} for kind in KINDS}
    moved: dict[str, dict[tuple[int, int], NDArray[Any]]] = {kind: {} for kind in KINDS}
    shown: dict[str, dict[str, dict[int, AttentionRecord]]] = {
        word.text: {kind: {} for kind in KINDS} for word in drawn_words}
    before: list[dict[str, AttentionRecord]] = []
    for number, epoch in enumerate(epochs):
        read = _records(models[epoch], said)
        for kind in KINDS:
            counts[kind][epoch] = head_reading.count(said, [one[kind] for one in read])
            if before:
                moved[kind][epochs[number - 1], epoch] = head_reading.drift([one[kind] for one in before],
                                                                            [one[kind] for one in read])
        for word, found in zip(drawn_words, _records(models[epoch], drawn_words)):
            for kind in KINDS:
                shown[word.text][kind][epoch] = found[kind]
        before = read
        step(len(said))
    done: dict[str, list[Effects]] = {}
    looked: dict[str, list[dict[str, NDArray[Any]]]] = {}
    for rule, sites in asked.items():
        done[rule] = effects(last, sites, seed=seed)
        looked[rule] = _letter_weights(last, sites)
        step(2 * len(sites))
    chosen = {}
    for rule, sites in tuned.items():
        if sites and asked.get(rule):
            chosen[rule] = _choose_heads(_letter_weights(last, sites), [site for _, site in sites])
        step(len(sites))
    return Study({**(about or {}), "test_words": len(test), "caused_words": len(caused), "seed": seed,
                  "examples": {word.text: word.sounds for word in drawn_words}},
                 said, counts, moved, draws(len(said), seed=seed), chosen, done, looked, shown)


def _draw_plain_after_l(words: Sequence[Pronunciation], most: int, seed: int) -> list[tuple[Pronunciation, Site]]:
    """Draw places where ㄷ, ㅅ, ㅈ stay plain after ㄹ (월드, 말도), one in a word."""
    found = []
    for said in words:
        sites = [site for site in unchanged_sites(said, [_AFTER_CODA])
                 if said.letters[site.cause[0]].jamo == "ㄹ" and said.jamo[site.sound].jamo in "ㄷㅅㅈ"]
        found += [(said, site) for site in sites[:1]]
    return random.Random(seed).sample(found, min(most, len(found)))


def _records(model: Model, said: Sequence[Pronunciation]) -> list[dict[str, AttentionRecord]]:
    return model.all_records([word.text for word in said], [word.sounds for word in said])


def _rules_of(test: Sequence[Pronunciation]) -> list[str]:
    """Rules that a letter caused to act somewhere, most frequent first."""
    number: dict[str, int] = {}
    for said in test:
        for site in changed_sites(said):
            number[site.rule] = number.get(site.rule, 0) + 1
    return sorted(number, key=lambda rule: -number[rule])


def _draw_sites(words: Sequence[Pronunciation], rule: str, most: int, seed: int) -> list[tuple[Pronunciation, Site]]:
    """Draw the first site of a rule in each word that has one, in at most `most` words."""
    found = [(said, next(site for site in changed_sites(said) if site.rule == rule))
             for said in words if any(site.rule == rule for site in changed_sites(said))]
    return random.Random(seed).sample(found, min(most, len(found)))


def _letter_weights(model: Model, sites: Sequence[tuple[Pronunciation, Site]]) -> list[dict[str, NDArray[Any]]]:
    """Weights on each letter at the deciding row, of encoder and cross-attention, shape (layers, heads, letters)."""
    found = []
    for (said, site), records in zip(sites, _records(model, [said for said, _ in sites])):
        one = {}
        for kind in ("encoder", "cross"):
            (look,) = locate_sites(said, records[kind], [site])
            assert look is not None
            one[kind] = records[kind].weights[:, :, look.row, letter_keys(said, records[kind])]
        found.append(one)
    return found


def _choose_heads(looked: list[dict[str, NDArray[Any]]], sites: list[Site]) -> dict[str, tuple[int, int]]:
    """The head of each kind that puts most weight on the cause."""
    found = {}
    for kind in ("encoder", "cross"):
        on_cause = np.mean([one[kind][:, :, list(site.cause)].sum(-1) for one, site in zip(looked, sites)], axis=0)
        layer, head = np.unravel_index(tie_close(on_cause, 0).argmax(), on_cause.shape)
        found[kind] = int(layer), int(head)
    return found


class _Steps:
    """Count finished steps."""

    def __init__(self, progress: Progress, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, steps: int) -> None:
        self.done += steps
        if self.progress:
            self.progress(self.done, self.total)
