"""The start of every process of a classifier's run: vocabulary, packed texts, and their n-gram scores.

Stays whole: `start_of` is one list of things to make. Half of its lines describe its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from numpy.typing import NDArray

from ..data.ngrams import texts_ngrams
from ..errors import OptionError
from ..training.settings import SMALL
from .engines.forward import DEFAULTS
from .evidence import fit_evidence
from .linear import LinearBranch, fit_linear
from .settings import ClassifierSettings

if TYPE_CHECKING:
    from ..data.evidence import Evidence
    from ..data.vocabulary import Vocabulary
    from ..text.tokens import Tokens

_CHUNK = 2048  # texts whose n-grams are read at once


def start_of(settings: ClassifierSettings, texts: Sequence[str], tokens: Tokens, targets: NDArray[Any],
             split: Sequence[Sequence[int]], more: Tokens, fitting: Callable[[int, int], None] | None,
             words: str | None = None,
             aims: NDArray[Any] | None = None) -> tuple[dict[str, Any], Vocabulary, LinearBranch | None, Evidence | None]:
    """Gather what every process of the run needs at its start.

    Parameters
    ----------
    settings : ClassifierSettings
        Resolved.
    texts : sequence of str
        The labelled reviews, then the extra ones.
    tokens : Tokens
        Tokens of all texts.
    targets : numpy.ndarray, float32, shape (texts, classes)
        Rows of probabilities, the targets of the n-gram models.
    split : tuple of sequences of int
        Positions of the training and the validation reviews.
    more : Tokens
        Tokens of the texts of pretraining; empty if there is none.
    fitting : callable or None
        Called with (fits done, fits in all).
    words : str or None
        The vocabulary, as JSON; None makes one.
    aims : numpy.ndarray or None
        Targets of the network; None is `targets`.

    Returns
    -------
    start : dict
        Keyword arguments of `gluonattn.training.loop.new_run`.
    vocabulary : Vocabulary
    branch : LinearBranch or None
    evidence : Evidence or None
    """
    from ..data.packed import pack
    from ..data.vocabulary import Vocabulary, build_vocabulary
    from ..training.loop import Part

    labelled = len(split[0])
    order = [*split[0], *range(labelled + len(split[1]), len(texts)), *split[1]]
    train, valid = slice(len(order) - len(split[1])), slice(len(order) - len(split[1]), None)
    aims, targets = (targets if aims is None else aims)[order], targets[order]
    if words is None:
        vocabulary = build_vocabulary(more if len(more) else (tokens[i] for i in order[train]), settings.min_count or 1)
    else:
        vocabulary = Vocabulary(words)
    branch = offsets = evidence = shares = None
    least = 2 if labelled < SMALL else 6 if settings.extra else 3
    if settings.ngrams:
        found: list[NDArray[Any]] = []
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
    packed = pack(tokens, order, vocabulary, settings.max_length,
                  subword_buckets=arguments.get("subword_buckets", 0),
                  fixed=settings.max_length if settings.recipe == "post" else None, evidence=shares)
    parts = [Part(packed.take(part), aims[part], offsets if offsets is None else offsets[part])
             for part in (train, valid)]
    start = {"settings": settings, "model": arguments, "train": parts[0], "valid": parts[1], "labelled": labelled}
    return start, vocabulary, branch, evidence


def _model_arguments(settings: ClassifierSettings, vocabulary: Vocabulary, classes: int) -> dict[str, Any]:
    """Every argument of the network, including defaults, which may change in a later version."""
    arguments = {name: value for name, value in DEFAULTS[settings.recipe].items()}
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
