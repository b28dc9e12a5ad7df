"""How much each token of a text had to do with a decision: eight answers, one signature.

``method(batch, targets) -> list of Attribution``, one for each text of a `Batch`. Scores are for the class
`target` against all others; where they have a sign, a positive score speaks for `target`. "Log-odds" below
is log p / (1 - p) of that class.

Stays whole: the methods differ in a few lines each and are read side by side. A new one has a file of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..errors import choose
from ..finding import find_entries
from ..metrics import tie_close
from ..threads import ONE_THREAD, ahead
from .account import account_of, share_out
from .asking import Asked
from .batch import Batch
from .engines.forward import DIRECTIONS, mask_of
from .inside import EncodedText, ForwardPass, ForwardSteps

COMPLETE = 0.01  # largest gap integrated gradients may leave, as a share of what is to be explained
_LEAST = 1e-4  # and a gap below this is none
_STEPS = (8, 16, 32, 64, 128, 256, 512)
_MOST_PAIRS = 1 << 23  # steps x query-key pairs of one text; more steps are not taken
_KEPT = 64  # tokens; as many unknown words are asked about once for all texts
_TOKENS = 2048  # steps x tokens that are derived at once; bounds memory, as _PAIRS does
_PAIRS = 1 << 21


class Attribution(NamedTuple):
    """What a method says.

    Attributes
    ----------
    scores : numpy.ndarray, float64, shape (tokens,)
    notes : dict
        What the method reports of itself, as JSON values.
    """

    scores: np.ndarray
    notes: dict[str, Any]


@dataclass(frozen=True)
class Method:
    """What a name in the table of methods means.

    Attributes
    ----------
    run : callable
        ``run(batch, targets)``: an `Attribution` for each text.
    sign : str
        What the sign of a score says.
    signed : bool
        Whether scores can be negative.
    scale : float or None
        The largest number its arithmetic subtracts, see `gluonattn.metrics.tie_close`; None: the scores themselves.
    name : str
        Its name, of a method in a file of its own, ``NAME_method.py``; see docs/adding/attribution-method.md.
    """

    run: Callable[[Any, Sequence[int]], list[Attribution]]
    sign: str
    signed: bool = field(default=True)
    scale: float | None = None
    name: str = ""


def attribute(inside: ForwardSteps, reading: EncodedText, method: str, target: int | None = None) -> Attribution:
    """Scores of a text's tokens by a method's name; scores that float32 cannot tell apart are equal.

    Parameters
    ----------
    inside : ForwardSteps
    reading : EncodedText
    method : str
        A key of `METHODS`.
    target : int or None
        Number of a class; None is the predicted one.

    Raises
    ------
    OptionError
        If the method is unknown.
    """
    batch = Batch(inside, [reading])
    return attribute_batch(batch, method, [int(batch.passes[0].probabilities.argmax()) if target is None else target])[0]


def attribute_batch(batch: Any, method: str, targets: Sequence[int], methods: Mapping[str, Method] | None = None
                    ) -> list[Attribution]:
    """`attribute` of the texts of a batch, each for its class.

    Parameters
    ----------
    batch : Asked
    method : str
        A key of `methods`.
    targets : sequence of int
    methods : mapping of str to Method, or None
        Those that the batch's kind of model has; None is `METHODS`.
    """
    chosen = choose("attribution method", method, METHODS if methods is None else methods)
    return [found._replace(scores=tie_close(found.scores, chosen.scale)) for found in chosen.run(batch, targets)]


def attention_received(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """The attention each token receives, each query counted by its share in what is pooled.

    Of the pooled features half are means, in which every token has the share
    1/T, and half are maxima, in which a token has the share of the channels
    it is the maximum of. (In the post's recipe every position has 1/length.)
    Never negative; sums to 1, less what padding takes in the post's recipe.
    """
    return [Attribution(received(batch.inside, passed)[: len(reading.tokens)], {})
            for reading, passed in zip(batch.readings, batch.passes)]


def received(inside: ForwardSteps, passed: ForwardPass) -> np.ndarray:
    """Attention received by each position, shape (T,); see `attention_received`."""
    shares = pooling_shares(inside, passed)
    return (shares[:, :, None] * passed.weights[0]).sum(axis=1).mean(axis=0)


def pooling_shares(inside: ForwardSteps, passed: ForwardPass) -> np.ndarray:
    """Share of each query in the pooled features, (heads, T); rows sum to 1."""
    weights, values = passed.weights[0].astype(np.float64), passed.values[0]
    heads, length, _ = weights.shape
    even = np.full((heads, length), 1 / length)
    if inside.recipe == "post":
        return even
    largest = (weights @ values).argmax(axis=1)  # (heads, C / heads)
    return (even + np.stack([np.bincount(row, minlength=length) for row in largest]) / largest.shape[1]) / 2


def attention_gradient(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Attention weight times the derivative of the log-odds by it, summed over heads and queries.

    Serrano and Smith, Is Attention Interpretable?, ACL 2019. States are held
    fixed: it sees the decision through the weights alone.
    """
    import autograd

    found = []
    for reading, passed, target in zip(batch.readings, batch.passes, targets):
        weights, logits_of = passed.weights.astype(np.float64), batch.inside.from_weights(passed)
        slope = autograd.grad(lambda given, of=logits_of, own=target: log_odds(of(given), own).sum())(weights)
        found.append(Attribution((weights * slope).sum(axis=(0, 1, 2))[: len(reading.tokens)], {}))
    return found


def gradient_input(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Word vector times the derivative of the log-odds by it (Denil et al. 2014).

    With n-grams, what those of the text add to the log-odds is derived
    likewise and shared out by characters, see `share_out`.
    """
    inside = batch.inside
    zeros = inside.gradient.gate_biases(DIRECTIONS[inside.recipe])[None]
    paths = [Path(zeros, inside.input_gates(reading.example), inside.ngram_logits(reading))
             for reading in batch.readings]
    sums = slopes(inside, paths, targets, np.ones(1), np.ones(1), batch.workers)
    return [Attribution(words[: len(reading.tokens)] + share_out(reading, by_ngram), {})
            for reading, (words, by_ngram) in zip(batch.readings, sums)]


def integrated_gradients(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Derivatives of the log-odds added up on the straight way from unknown words to these words.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML
    2017. At its beginning every word is the unknown one and there are no
    n-grams. Scores sum to the difference in log-odds between the two ends
    ("completeness"): steps (Gauss-Legendre) are doubled until what is missing
    is 1 % of it or less than 1e-4. Notes hold ``steps``, ``difference`` and
    ``missing`` (in log-odds); where more is missing, for the steps a text is
    given are bounded, also ``approximated``: steps, missing, and of how much.
    """
    inside = batch.inside
    starts, origins = _origins(inside, batch.readings)
    paths = [Path(start, inside.input_gates(reading.example), inside.ngram_logits(reading))
             for start, reading in zip(starts, batch.readings)]
    ends = [float(log_odds(np.asarray(logits, np.float64), target)[0]) - float(log_odds(origin, target)[0])
            for logits, origin, target in zip((passed.logits for passed in batch.passes), origins, targets)]
    found: list[Any] = [None] * len(paths)
    unsettled = list(range(len(paths)))
    for steps in _STEPS:
        places, parts = np.polynomial.legendre.leggauss(steps)
        sums = slopes(inside, [paths[i] for i in unsettled], [targets[i] for i in unsettled], (places + 1) / 2,
                      parts / 2, batch.workers)
        rest = []
        for i, (words, by_ngram) in zip(unsettled, sums):
            missing = ends[i] - words.sum() - by_ngram.sum()
            complete = abs(missing) <= max(COMPLETE * abs(ends[i]), _LEAST)
            notes: dict[str, Any] = {"steps": steps, "difference": round(ends[i], 6),
                                     "missing": round(float(missing), 6)}
            if not complete:
                notes["approximated"] = {"steps": steps, "missing": round(float(abs(missing)), 6),
                                         "of": round(abs(ends[i]), 6)}
                if 2 * steps in _STEPS and 2 * steps * len(words) ** 2 <= _MOST_PAIRS:
                    rest.append(i)
            reading = batch.readings[i]
            found[i] = Attribution(words[: len(reading.tokens)] + share_out(reading, by_ngram), notes)
        unsettled = rest
        if not unsettled:
            break
    return found


def leave_one_out(batch: Asked, targets: Sequence[int]) -> list[Attribution]:
    """Probability lost when the token alone is removed: p(text) - p(text without it).

    Removed by number, with every n-gram it has a part in; see `ForwardSteps.without`.
    """
    return [Attribution(passed.probabilities[target] - without[:, target], {})
            for passed, without, target in zip(batch.passes, batch.without_each(), targets)]


def norm(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Length of what a token brings into the contexts: ||alpha f(x)||, summed over queries.

    Kobayashi et al., Attention is Not Only a Weight, EMNLP 2020. f(x) is the
    state, or in multi-head its projections side by side, for these cells
    project no further; queries count as in `attention_received`. Never negative.
    """
    found = []
    for reading, passed in zip(batch.readings, batch.passes):
        lengths = (passed.values[0].astype(np.float64) ** 2).sum(axis=-1)  # (heads, T), squared
        brought = np.sqrt((passed.weights[0].astype(np.float64) ** 2 * lengths[:, None]).sum(axis=0))  # (Tq, Tk)
        shares = pooling_shares(batch.inside, passed).mean(axis=0)
        found.append(Attribution((shares @ brought)[: len(reading.tokens)], {}))
    return found


def account(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """What entered with each token, of an account that adds up; see `gluonattn.classifier.account`.

    Scores are parts of a difference of logits. Notes hold all of the account (``account``).
    """
    with ONE_THREAD:
        found = [account_of(batch.inside, reading, target) for reading, target in zip(batch.readings, targets)]
    return [Attribution(own.entered, {"account": own.to_json()}) for own in found]


def random(batch: Asked, targets: Sequence[int]) -> list[Attribution]:
    """The floor: numbers from 0 to 1 that know the text's letters but not its meaning."""
    return [Attribution(np.random.default_rng(reading.seed).random(len(reading.tokens)), {})
            for reading in batch.readings]


def log_odds(logits: Any, target: Any) -> Any:
    """log p / (1 - p) of a class, or of one class a row: (B, classes) -> (B,). Can be derived."""
    import autograd.numpy as anp

    own = np.arange(logits.shape[-1]) == np.reshape(target, (-1, 1))
    others = anp.where(own, -np.inf, logits)
    top = anp.max(others, axis=-1, keepdims=True)
    return anp.sum(anp.where(own, logits, 0.0), axis=-1) - (top[:, 0] + anp.log(anp.sum(anp.exp(others - top), axis=-1)))


class Path(NamedTuple):
    """The straight way derivatives of one text are taken on.

    Attributes
    ----------
    start, end : numpy.ndarray, shape (T or 1, 2, 3H)
        What words bring into the gates of the Bi-GRU: these are linear in the word vectors, and so are derivatives.
    ngrams : numpy.ndarray, shape (places, classes)
        Logits of n-grams at the end; at the start there are none.
    """

    start: np.ndarray
    end: np.ndarray
    ngrams: np.ndarray


def slopes(inside: ForwardSteps, paths: Sequence[Path], targets: Sequence[int], shares: np.ndarray,
           parts: np.ndarray, workers: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    """The way times the derivatives of the log-odds on it.

    Parameters
    ----------
    inside : ForwardSteps
    paths : sequence of Path
        Of one text each.
    targets : sequence of int
    shares : numpy.ndarray, shape (steps,)
        How far along the way derivatives are taken.
    parts : numpy.ndarray, shape (steps,)
        What each counts in the sum.
    workers : int, default 1
        Threads that may compute at once.

    Returns
    -------
    list of (words, ngrams)
        Of each text, shapes (T,) and (places,).
    """
    order, jobs = sorted(range(len(paths)), key=lambda i: len(paths[i].end)), []
    while order:
        longest = len(paths[order[-1]].end)
        most = max(1, min(_TOKENS // longest, _PAIRS // longest**2))  # texts x steps
        texts = order[-max(1, most // len(shares)) :]
        del order[-len(texts) :]
        jobs += [(texts, slice(first, first + most)) for first in range(0, len(shares), most)]

    def compute(texts, steps):
        return texts, _slopes(inside, [paths[i] for i in texts], [targets[i] for i in texts], shares[steps], parts[steps])

    by_gates, by_logits = [0.0] * len(paths), [0.0] * len(paths)
    for texts, sums in ahead(compute, jobs, workers):
        for i, (gates, logits) in zip(texts, sums):
            by_gates[i], by_logits[i] = by_gates[i] + gates, by_logits[i] + logits
    return [(((path.end - path.start) * gates).sum(axis=(1, 2)), path.ngrams @ logits)
            for path, gates, logits in zip(paths, by_gates, by_logits)]


def _slopes(inside, paths, targets, shares, parts) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weighted sums over the steps of derivatives by gates (T, 2, 3H) and by logits (classes,), of each text."""
    import autograd

    F, lengths = inside.gradient, np.array([len(path.end) for path in paths])
    start, way = np.zeros((2, lengths.max(), 2, len(paths), paths[0].end.shape[-1]))
    for i, path in enumerate(paths):
        start[: lengths[i], :, i], way[: lengths[i], :, i] = path.start, path.end - path.start
    rows, owners = np.repeat(lengths, len(shares)), np.repeat(targets, len(shares))
    mask = mask_of(F, inside.recipe, np.zeros((len(rows), len(start))), rows)
    totals = np.stack([path.ngrams.sum(axis=0) for path in paths])
    known = (totals[:, None] * shares[:, None]).reshape(-1, inside.classes)
    counts = np.tile(parts, len(paths))

    def value(states, added):
        return (log_odds(inside.from_states(states, mask) + added + known, owners) * counts).sum()

    with ONE_THREAD:
        steps = F.steps(mask, DIRECTIONS[inside.recipe])
        states = steps.forth(start, way, shares)
        by_states, by_logits = autograd.grad(value, (0, 1))(states, np.zeros_like(known))
        by_gates = steps.back(by_states, len(shares)).transpose(2, 0, 1, 3)  # (texts, T, 2, 3H)
    by_logits = by_logits.reshape(len(paths), len(shares), -1).sum(axis=1)
    return [(own[:length], logits) for own, length, logits in zip(by_gates, lengths, by_logits)]


def _origins(inside: ForwardSteps, readings: Sequence[EncodedText]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Gates and logits (1, classes) of as many unknown words as each text has; once a length, short ones kept."""
    known = dict(inside.origins)
    for reading in readings:
        size = len(reading.tokens)
        if size not in known:
            F, gates = inside.gradient, inside.input_gates(inside.unknown_words(reading))
            mask = mask_of(F, inside.recipe, np.zeros((1, len(gates))), np.array([len(gates)]))
            with ONE_THREAD:
                states = F.steps(mask, DIRECTIONS[inside.recipe]).forth(gates[:, :, None])
                known[size] = gates, inside.from_states(states, mask)
            if size <= _KEPT:
                inside.origins[size] = known[size]
    gates, logits = zip(*(known[len(reading.tokens)] for reading in readings))
    return list(gates), list(logits)


_FOR = "positive speaks for the class that is explained, negative against it"
_NEVER = "never negative: how much, not which way"

METHODS: dict[str, Method] = {
    "leave-one-out": Method(leave_one_out, _FOR, scale=1.0),
    "integrated-gradients": Method(integrated_gradients, _FOR),
    "gradient-input": Method(gradient_input, _FOR),
    "account": Method(account, _FOR),
    "attention-gradient": Method(attention_gradient, _FOR),
    "attention": Method(attention_received, _NEVER, signed=False),
    "norm": Method(norm, _NEVER, signed=False),
    "random": Method(random, "none: it knows nothing", signed=False),
}
METHODS.update((method.name, method) for method in find_entries(__file__, __package__, "method"))
