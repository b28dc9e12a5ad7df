"""Attribution methods that use derivatives of the decision; see `gluonattn.classifier.attribution`.

"Log-odds" is log p / (1 - p) of the explained class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..threads import ONE_THREAD, ahead
from .account import share_out
from .batch import Batch
from .engines.forward import DIRECTIONS, mask_of
from .forward_steps import ForwardSteps
from .methods import Attribution
from .reader import EncodedText

COMPLETE = 0.01  # largest completeness gap of integrated gradients, relative to the difference of log-odds
_LEAST = 1e-4  # gaps below this are accepted in any case
_STEPS = (8, 16, 32, 64, 128, 256, 512)
_MOST_PAIRS = 1 << 23  # limit of steps x query-key pairs of one text
_KEPT = 64  # tokens; up to this length the starting point is computed once for all texts
_TOKENS = 2048  # steps x tokens that are differentiated at once; bounds memory, as _PAIRS does
_PAIRS = 1 << 21


def attention_gradient(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Each attention weight times the derivative of the log-odds with respect to it, summed over heads and queries.

    Serrano and Smith, Is Attention Interpretable?, ACL 2019. States are held
    fixed, so the method sees the decision only through the weights.

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    import autograd

    found = []
    for encoded, passed, target in zip(batch.encoded_texts, batch.passes, targets):
        weights, logits_of = passed.weights.astype(np.float64), batch.steps.from_weights(passed)
        slope = autograd.grad(lambda given, of=logits_of, own=target: log_odds(of(given), own).sum())(weights)
        found.append(Attribution((weights * slope).sum(axis=(0, 1, 2))[: len(encoded.tokens)], {}))
    return found


def gradient_input(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Each word vector times the derivative of the log-odds with respect to it (Denil et al. 2014).

    If the model reads n-grams, their part of the log-odds is treated likewise
    and divided among tokens by characters; see `share_out`.

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    steps = batch.steps
    zeros = steps.gradient.gate_biases(DIRECTIONS[steps.recipe])[None]
    paths = [Path(zeros, steps.input_gates(encoded.example), steps.ngram_logits(encoded))
             for encoded in batch.encoded_texts]
    sums = slopes(steps, paths, targets, np.ones(1), np.ones(1), batch.workers)
    return [Attribution(words[: len(encoded.tokens)] + share_out(encoded, by_ngram), {})
            for encoded, (words, by_ngram) in zip(batch.encoded_texts, sums)]


def integrated_gradients(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Derivatives of the log-odds, integrated along the straight path from unknown words to the text's words.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML
    2017. At the start of the path every word is the unknown one and there are no
    n-grams. Scores sum to the difference in log-odds between the two ends
    ("completeness"). The number of steps (Gauss-Legendre) is doubled until the gap
    is 1 % of the difference or less than 1e-4. Notes have ``steps``,
    ``difference`` and ``missing`` (in log-odds). The steps of a long text are
    limited. If a larger gap remains, notes also have ``approximated``: the steps,
    the gap and the difference.

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    steps = batch.steps
    starts, origins = _origins(steps, batch.encoded_texts)
    paths = [Path(start, steps.input_gates(encoded.example), steps.ngram_logits(encoded))
             for start, encoded in zip(starts, batch.encoded_texts)]
    ends = [float(log_odds(np.asarray(logits, np.float64), target)[0]) - float(log_odds(origin, target)[0])
            for logits, origin, target in zip((passed.logits for passed in batch.passes), origins, targets)]
    found: list[Any] = [None] * len(paths)
    unsettled = list(range(len(paths)))
    for count in _STEPS:
        places, parts = np.polynomial.legendre.leggauss(count)
        sums = slopes(steps, [paths[i] for i in unsettled], [targets[i] for i in unsettled], (places + 1) / 2,
                      parts / 2, batch.workers)
        rest = []
        for i, (words, by_ngram) in zip(unsettled, sums):
            missing = ends[i] - words.sum() - by_ngram.sum()
            complete = abs(missing) <= max(COMPLETE * abs(ends[i]), _LEAST)
            notes: dict[str, Any] = {"steps": count, "difference": round(ends[i], 6),
                                     "missing": round(float(missing), 6)}
            if not complete:
                notes["approximated"] = {"steps": count, "missing": round(float(abs(missing)), 6),
                                         "of": round(abs(ends[i]), 6)}
                if 2 * count in _STEPS and 2 * count * len(words) ** 2 <= _MOST_PAIRS:
                    rest.append(i)
            encoded = batch.encoded_texts[i]
            found[i] = Attribution(words[: len(encoded.tokens)] + share_out(encoded, by_ngram), notes)
        unsettled = rest
        if not unsettled:
            break
    return found


def log_odds(logits: Any, target: Any) -> Any:
    """log p / (1 - p) of a class, shape (B,). It is differentiable.

    Parameters
    ----------
    logits : array, shape (B, classes)
    target : int or sequence of int
        Number of the class: one for all rows, or one for each row.
    """
    import autograd.numpy as anp

    own = np.arange(logits.shape[-1]) == np.reshape(target, (-1, 1))
    others = anp.where(own, -np.inf, logits)
    top = anp.max(others, axis=-1, keepdims=True)
    return anp.sum(anp.where(own, logits, 0.0), axis=-1) - (top[:, 0] + anp.log(anp.sum(anp.exp(others - top), axis=-1)))


class Path(NamedTuple):
    """The straight path along which the derivatives of one text are taken.

    Attributes
    ----------
    start, end : numpy.ndarray, shape (T or 1, 2, 3H)
        The words' part of the Bi-GRU's gates. It is linear in the word vectors, so the integral is the same.
    ngrams : numpy.ndarray, shape (places, classes)
        Logits of n-grams at the end; at the start there are none.
    """

    start: NDArray[Any]
    end: NDArray[Any]
    ngrams: NDArray[Any]


def slopes(steps: ForwardSteps, paths: Sequence[Path], targets: Sequence[int], shares: NDArray[Any],
           parts: NDArray[Any], workers: int = 1) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The path's difference times the weighted derivatives of the log-odds along it.

    Parameters
    ----------
    steps : ForwardSteps
    paths : sequence of Path
        One for each text.
    targets : sequence of int
    shares : numpy.ndarray, shape (steps,)
        Positions along the path, from 0 to 1.
    parts : numpy.ndarray, shape (steps,)
        Weight of each position in the sum.
    workers : int, default 1
        Threads that may compute at the same time.

    Returns
    -------
    list of (words, ngrams)
        For each text, shapes (T,) and (places,).
    """
    order, jobs = sorted(range(len(paths)), key=lambda i: len(paths[i].end)), []
    while order:
        longest = len(paths[order[-1]].end)
        most = max(1, min(_TOKENS // longest, _PAIRS // longest**2))  # texts x steps
        texts = order[-max(1, most // len(shares)) :]
        del order[-len(texts) :]
        jobs += [(texts, slice(first, first + most)) for first in range(0, len(shares), most)]

    def compute(texts: list[int], part: slice) -> tuple[list[int], list[tuple[NDArray[Any], NDArray[Any]]]]:
        return texts, _slopes(steps, [paths[i] for i in texts], [targets[i] for i in texts], shares[part], parts[part])

    by_gates, by_logits = [0.0] * len(paths), [0.0] * len(paths)
    for texts, sums in ahead(compute, jobs, workers):
        for i, (gates, logits) in zip(texts, sums):
            by_gates[i], by_logits[i] = by_gates[i] + gates, by_logits[i] + logits
    return [(((path.end - path.start) * gates).sum(axis=(1, 2)), path.ngrams @ logits)
            for path, gates, logits in zip(paths, by_gates, by_logits)]


def _slopes(steps: ForwardSteps, paths: Sequence[Path], targets: Sequence[int], shares: NDArray[Any],
            parts: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """For each text, derivatives with respect to gates (T, 2, 3H) and logits (classes,), summed over steps with weights."""
    import autograd

    F, lengths = steps.gradient, np.array([len(path.end) for path in paths])
    start, way = np.zeros((2, lengths.max(), 2, len(paths), paths[0].end.shape[-1]))
    for i, path in enumerate(paths):
        start[: lengths[i], :, i], way[: lengths[i], :, i] = path.start, path.end - path.start
    rows, owners = np.repeat(lengths, len(shares)), np.repeat(targets, len(shares))
    mask = mask_of(F, steps.recipe, np.zeros((len(rows), len(start))), rows)
    totals = np.stack([path.ngrams.sum(axis=0) for path in paths])
    known = (totals[:, None] * shares[:, None]).reshape(-1, steps.classes)
    counts = np.tile(parts, len(paths))

    def value(states: Any, added: Any) -> Any:
        return (log_odds(steps.from_states(states, mask) + added + known, owners) * counts).sum()

    with ONE_THREAD:
        recurrence = F.recurrence(mask, DIRECTIONS[steps.recipe])
        states = recurrence.forth(start, way, shares)
        by_states, by_logits = autograd.grad(value, (0, 1))(states, np.zeros_like(known))
        by_gates = recurrence.back(by_states, len(shares)).transpose(2, 0, 1, 3)  # (texts, T, 2, 3H)
    by_logits = by_logits.reshape(len(paths), len(shares), -1).sum(axis=1)
    return [(own[:length], logits) for own, length, logits in zip(by_gates, lengths, by_logits)]


def _origins(steps: ForwardSteps, encoded_texts: Sequence[EncodedText]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Gates and logits (1, classes) of as many unknown words as each text has tokens. Short ones are kept by length."""
    known = dict(steps.origins)
    for encoded in encoded_texts:
        size = len(encoded.tokens)
        if size not in known:
            F, gates = steps.gradient, steps.input_gates(steps.unknown_words(encoded))
            mask = mask_of(F, steps.recipe, np.zeros((1, len(gates))), np.array([len(gates)]))
            with ONE_THREAD:
                states = F.recurrence(mask, DIRECTIONS[steps.recipe]).forth(gates[:, :, None])
                known[size] = gates, steps.from_states(states, mask)
            if size <= _KEPT:
                steps.origins[size] = known[size]
    gates, logits = zip(*(known[len(encoded.tokens)] for encoded in encoded_texts))
    return list(gates), list(logits)
