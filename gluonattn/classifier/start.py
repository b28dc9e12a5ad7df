"""What every process of a classifier's run begins with: vocabulary, packed texts, and what n-grams say of them."""

from __future__ import annotations

import inspect

import numpy as np

from ..data.ngrams import texts_ngrams
from ..errors import OptionError
from ..training.settings import SMALL
from .evidence import fit_evidence
from .linear import fit_linear
from .settings import ClassifierSettings

_CHUNK = 2048  # texts whose n-grams are read at once


def start_of(settings: ClassifierSettings, texts, tokens, targets, split, more, fitting, words: str | None = None,
             aims: np.ndarray | None = None):
    """What every process of the run begins with; the vocabulary, the linear branch and the evidence, or None for each.

    `texts` are the labelled reviews, of which `split` has the positions, and behind them the extra ones; `more` are
    the tokens of the stage before. `words` is the vocabulary to begin with, as JSON; None makes one.
    The network learns `aims` where there are some, and n-grams `targets`.
    """
    from ..data.packed import pack
    from ..data.vocabulary import Vocabulary, build_vocabulary
    from ..runtime import nlp
    from ..training.loop import Part

    labelled = len(split[0])
    order = [*split[0], *range(labelled + len(split[1]), len(texts)), *split[1]]
    train, valid = slice(len(order) - len(split[1])), slice(len(order) - len(split[1]), None)
    aims, targets = (targets if aims is None else aims)[order], targets[order]
    if words is None:
        vocabulary = build_vocabulary(more if len(more) else (tokens[i] for i in order[train]), settings.min_count or 1)
    else:
        vocabulary = nlp.Vocab.from_json(words)
    branch = offsets = evidence = shares = None
    least = 2 if labelled < SMALL else 6 if settings.extra else 3
    if settings.ngrams:
        found: list[np.ndarray] = []
        for first in range(0, len(order), _CHUNK):
            part = order[first : first + _CHUNK]
            found += texts_ngrams([texts[i] for i in part], [tokens[i] for i in part])
        branch = fit_linear(found, targets[train], labelled, least, settings.seed, fitting)
        offsets = branch.offsets
        del found
    if settings.evidence:
        evidence, shares = fit_evidence(settings, texts, tokens, targets, order, labelled, fitting)
    arguments = _model_arguments(settings, vocabulary, targets.shape[1])
    if evidence:
        arguments["evidence"] = len(evidence.spread)
    packed = pack(tokens, order, Vocabulary(vocabulary.to_json()), settings.max_length,
                  subword_buckets=arguments.get("subword_buckets", 0),
                  fixed=settings.max_length if settings.recipe == "post" else None, evidence=shares)
    parts = [Part(packed.take(part), aims[part], offsets if offsets is None else offsets[part])
             for part in (train, valid)]
    start = {"settings": settings, "model": arguments, "train": parts[0], "valid": parts[1], "labelled": labelled}
    return start, vocabulary, branch, evidence


def _model_arguments(settings: ClassifierSettings, vocabulary, classes: int) -> dict:
    """Every argument of the network, defaults too: they may differ in a later version."""
    from .network import RECIPES

    signature = inspect.signature(RECIPES[settings.recipe]).parameters.values()
    arguments = {p.name: p.default for p in signature if p.default is not p.empty}
    if settings.recipe == "post":
        arguments["length"] = settings.max_length
    elif settings.ngrams:
        arguments["subword_buckets"] = 2**13 if len(vocabulary) < 10_000 else 2**16
    free = [name for name in arguments if name not in ("classes", "cell", "length", "ngrams", "evidence")]
    odd = sorted(set(settings.model) - set(free))
    if odd:
        raise OptionError(f"the {settings.recipe} recipe's model takes {', '.join(free)}; got {odd[0]!r}.")
    return {**arguments, "vocab_size": len(vocabulary), "classes": classes, "cell": settings.cell,
            **settings.model}
