"""Decompose a decision into parts that sum to it: what each token contributed, and which attention read it.

The logit of a class minus the mean of the others is decomposed in two ways. In both, the parts sum to it.

**Read.** Given the attention weights and which token each pooled maximum comes from, the head is linear in
the states. Each pair of a query token and a key token has a part, and the rest is the head's bias. This is the
network's own sum in another order. Nothing is estimated.

**Entered.** A state is not a sum over tokens, so a rule must say what each token contributed. The baseline is the same
network, with the same attention weights, on as many unknown words without evidence. The difference from the baseline
is propagated back through the Bi-GRU step by step. A function of one variable multiplies by the quotient of the two
differences (the Rescale rule of DeepLIFT: Shrikumar et al. 2017). In a product, each factor gets its own difference
times the mean of the other. Each rule conserves what it receives, so the parts sum to the whole for every text.
Another rule would divide it differently. The attention weights themselves are not decomposed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.evidence import ORDERS
from ..errors import choose
from ..models.cells import CELLS
from .engines.forward import DIRECTIONS, mask_of, values_of, weights_of, words_of
from .forward_steps import ForwardSteps
from .reader import EncodedText
from .rescale import follow_back

MOST_PATHS = 64  # tokens of a text whose paths are told apart; of a longer one the tokens are


class Account(NamedTuple):
    """The parts of a difference of logits. T is the number of tokens.

    Attributes
    ----------
    difference : float
        The logit of the class minus the mean of the other logits. With two classes, the log-odds.
    bias : float
        The head's.
    read : numpy.ndarray, float64, shape (heads, T, T)
        What each query reads from each key. With `bias`, `padding` and the sum of `beside` it sums to `difference`.
    padding : float
        What is read from padding and by padding in the post's recipe; otherwise 0.
    nothing : float
        The same difference for the baseline: unknown words without evidence.
    words : numpy.ndarray, float64, shape (T,)
        Contribution of each word (its vector and, in older models, its n-grams).
    evidence : numpy.ndarray, float64, shape (T, 6)
        Contribution of the evidence, by n-gram order; 0 if the model reads none.
    beside : numpy.ndarray, float64, shape (T,)
        What the n-grams of an older model add beside the attention, divided among tokens by characters; otherwise 0.
        `nothing` and the sums of `words`, `evidence` and `beside` add up to `difference`.
    paths : numpy.ndarray, float64, shape (T, T), or None
        What entered at each token (row) and was read at each token (column). Rows sum to `words` plus `evidence`. None
        for more than `MOST_PATHS` tokens, and in the post's recipe, which also reads padding.
    """

    difference: float
    bias: float
    read: NDArray[Any]
    padding: float
    nothing: float
    words: NDArray[Any]
    evidence: NDArray[Any]
    beside: NDArray[Any]
    paths: NDArray[Any] | None

    @property
    def entered(self) -> NDArray[Any]:
        """The whole contribution of each token, shape (T,)."""
        result: NDArray[Any] = self.words + self.evidence.sum(axis=1) + self.beside
        return result

    def to_json(self) -> dict[str, Any]:
        """Plain numbers for ``record.source``, rounded to seven decimal places.

        ``read_at`` is what is read at each key. ``read`` and ``paths`` are included for up to `MOST_PATHS` tokens.
        """
        values = {name: value for name, value in self._asdict().items() if value is not None}
        if self.read.shape[-1] > MOST_PATHS:
            del values["read"]
        values["read_at"] = self.read.sum(axis=(0, 1))
        return {name: np.round(value, 7).tolist() for name, value in values.items()}


def direction_of(classes: int, target: int) -> NDArray[Any]:
    """Factors of the logits that give a class's logit minus the mean of the others; with two classes, the log-odds.

    Parameters
    ----------
    classes : int
    target : int
        Number of the class.
    """
    return np.where(np.arange(classes) == target, 1.0, -1 / (classes - 1))


def account_of(steps: ForwardSteps, encoded: EncodedText, target: int) -> Account:
    """Decompose the decision about a text.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    target : int
        Number of the class.
    """
    F, size, prefixes = steps.gradient, len(encoded.tokens), DIRECTIONS[steps.recipe]
    # The unchanged text and the baseline.
    ids, lengths, *more = steps.predictor.pad([encoded.example, steps.unknown_words(encoded)])
    words = np.asarray(words_of(F, steps.model, ids, *more))  # (2, T, E)
    mask = mask_of(F, steps.recipe, ids, lengths)
    gates = F.input_gates(words, prefixes).transpose(1, 2, 0, 3)  # (T, 2, 2, 3H)
    recurrence = F.recurrence(mask, prefixes)
    states, origin = recurrence.forth(gates)  # (T, C) each
    weights = np.asarray(weights_of(F, steps.model, states[None], mask[:1]))[0]  # (heads, T, T)
    direction = direction_of(steps.classes, target)
    values = np.asarray(values_of(F, steps.model, states[None]))[0]  # (heads, T, D)
    wanted, bias = _wanted(steps, weights, values, direction)  # (heads, T, D)
    read = weights * (wanted @ values.swapaxes(1, 2))
    slope, constant = _by_state(steps, weights.swapaxes(1, 2) @ wanted)  # (T, C)
    several = steps.recipe != "post" and size <= MOST_PATHS
    by_gates, paths = follow_back(recurrence, gates, slope, several)
    per_input = sum(by_gates[:, way] @ F.weight(f"{prefix}i2h_weight") for way, prefix in enumerate(prefixes))
    parts = (per_input * (words[0] - words[1]))[:size]  # (T, E)
    channels = steps.model.get("evidence", 0)
    evidence = np.zeros((size, len(ORDERS)))
    if channels:
        evidence = parts[:, -channels:].reshape(size, len(ORDERS), -1).sum(axis=2)
    beside = _beside(steps, encoded) @ direction
    difference = bias + read.sum() + beside.sum()
    return Account(float(difference), float(bias), read[:, :size, :size],
                   float(read.sum() - read[:, :size, :size].sum()), float(bias + constant + (slope * origin).sum()),
                   parts[:, : parts.shape[1] - channels].sum(axis=1), evidence, beside, paths)


def evidence_for(steps: ForwardSteps, encoded: EncodedText, target: int) -> NDArray[Any] | None:
    """The linear n-gram model's score of each token for a class, (T,), before any context.

    These are the scores that the network reads, or those of an older model's branch beside the attention. None if the
    model has neither.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    target : int
        Number of the class.
    """
    direction = direction_of(steps.classes, target)
    evidence = steps.predictor.evidence
    if evidence is None:
        return _beside(steps, encoded) @ direction if steps.model.get("ngrams") else None
    shares = encoded.example.evidence * evidence.spread  # (T, 6 K)
    summed = shares.reshape(len(shares), len(ORDERS), -1).sum(axis=1)[: len(encoded.tokens)]  # (T, K)
    if summed.shape[1] == 1:
        result: NDArray[Any] | None = summed[:, 0] * direction[1]
        return result
    result = summed @ direction
    return result


def _wanted(steps: ForwardSteps, weights: NDArray[Any], values: NDArray[Any],
            direction: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """The head's coefficients for each context, given where its maxima are: (heads, T, D), and its bias."""
    F = steps.gradient
    context = np.concatenate(list(weights @ values), axis=-1)  # (T, C)
    head, bias = direction @ F.weight("head.weight"), direction @ F.weight("head.bias")
    length, width = context.shape
    if steps.recipe == "post":
        wanted = head.reshape(length, width)
    else:
        wanted = np.repeat(head[None, :width] / length, length, axis=0)
        wanted[context.argmax(axis=0), np.arange(width)] += head[width:]
    return wanted.reshape(length, len(weights), -1).swapaxes(0, 1), bias


def _by_state(steps: ForwardSteps, asked: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Turn coefficients of each key's values (heads, T, D) into coefficients of its state (T, C), and a constant.

    Values are the states or linear in them. The cell's own function defines them.
    """
    F, width = steps.gradient, 2 * steps.model["hidden_size"]
    values = choose("attention cell", steps.model["cell"], CELLS).values
    zero = np.asarray(values(F, steps.model, np.zeros((1, 1, width))))[0]  # (heads, 1, D)
    turned = np.asarray(values(F, steps.model, np.eye(width)[None]))[0] - zero  # (heads, C, D)
    return sum(own @ each.T for own, each in zip(asked, turned)), float((zero * asked).sum())


def _beside(steps: ForwardSteps, encoded: EncodedText) -> NDArray[Any]:
    """Logits of an older model's linear branch by token, (T, classes)."""
    logits = steps.ngram_logits(encoded)
    return np.stack([share_out(encoded, logits[:, c]) for c in range(steps.classes)], axis=1)


def share_out(encoded: EncodedText, scores: NDArray[Any]) -> NDArray[Any]:
    """Scores of a text's n-grams as scores of its tokens, by the characters they have in common.

    What belongs to no token (a space by itself) is divided equally among all tokens, so the sum is kept.

    Parameters
    ----------
    encoded : EncodedText
    scores : numpy.ndarray, shape (places,)
        One score for each entry of `EncodedText.numbers`.

    Returns
    -------
    numpy.ndarray, shape (tokens,)
    """
    count = len(encoded.tokens)
    if not len(scores):
        return np.zeros(count)
    starts, ends = encoded.token_spans.T
    common = np.minimum(encoded.spans[:, 1:], ends) - np.maximum(encoded.spans[:, :1], starts)
    common = np.maximum(common, 0).astype(np.float64)  # (places, tokens)
    common[common.sum(axis=1) == 0] = 1
    result: NDArray[Any] = scores @ (common / common.sum(axis=1, keepdims=True))
    return result
