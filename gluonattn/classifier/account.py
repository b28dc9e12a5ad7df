"""An account of a decision that adds up: what entered at each token, and through which attention it was read.

The logit of a class less the mean of the others is taken apart twice, and each time the parts sum to it.

**Read.** Given the attention weights and which token each pooled maximum comes from, the head is linear in the states
that are read: every pair of a looking and a looked-at token has its part, and the rest is the head's bias. This is what
the network computes, in another order of summation; nothing is estimated.

**Entered.** A state is no sum over tokens, so a rule has to say what each brought. It is the difference to the same
network over as many unknown words without evidence, read with the same weights. Through the Bi-GRU the difference is
followed back step by step: a function of one variable hands on the quotient of the two differences (the Rescale rule of
DeepLIFT: Shrikumar et al. 2017), and of a product each factor gets its difference times the other's mean. Each rule hands
on exactly what it was given, so the sum holds for every text; another rule would share it out otherwise. What is not
taken apart is where attention looks: the weights are as they were.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..data.evidence import ORDERS
from ..errors import choose
from ..models.cells import CELLS
from .engines.forward import DIRECTIONS, mask_of, values_of, weights_of, words_of
from .engines.recurrence import Recurrence, by_step
from .forward_steps import EncodedText, ForwardSteps

MOST_PATHS = 64  # tokens of a text whose paths are told apart; of a longer one the tokens are
_SMALL = 1e-6  # a smaller difference is handed on by the derivative between the two


class Account(NamedTuple):
    """Where a difference of logits comes from. T is the number of tokens.

    Attributes
    ----------
    difference : float
        The logit of the class less the mean of the others'; with two classes the log-odds.
    bias : float
        The head's.
    read : numpy.ndarray, float64, shape (heads, T, T)
        What each query reads of each key: with `bias`, `padding` and the sum of `beside` it sums to `difference`.
    padding : float
        What is read from and by padding, in the post's recipe; else 0.
    nothing : float
        What the network says where nothing entered.
    words : numpy.ndarray, float64, shape (T,)
        What entered with each word (its vector and, in older models, its n-grams).
    evidence : numpy.ndarray, float64, shape (T, 6)
        What entered as evidence, by n-gram order; 0 where the model reads none.
    beside : numpy.ndarray, float64, shape (T,)
        What the n-grams of an older model add past the attention, shared out by characters; else 0. With `nothing` the
        sums of `words`, `evidence` and `beside` are `difference`.
    paths : numpy.ndarray, float64, shape (T, T), or None
        What entered at each token (row) and was read at each (column): rows sum to `words` plus `evidence`. None where
        there are more than `MOST_PATHS` tokens, and in the post's recipe, where padding is read too.
    """

    difference: float
    bias: float
    read: np.ndarray
    padding: float
    nothing: float
    words: np.ndarray
    evidence: np.ndarray
    beside: np.ndarray
    paths: np.ndarray | None

    @property
    def entered(self) -> np.ndarray:
        """All that came with each token, shape (T,)."""
        return self.words + self.evidence.sum(axis=1) + self.beside

    def to_json(self) -> dict[str, Any]:
        """Plain numbers for ``record.source``, to seven digits behind the point.

        ``read_at`` is what is read at each key; ``read`` and ``paths`` are there up to `MOST_PATHS` tokens.
        """
        values = {name: value for name, value in self._asdict().items() if value is not None}
        if self.read.shape[-1] > MOST_PATHS:
            del values["read"]
        values["read_at"] = self.read.sum(axis=(0, 1))
        return {name: np.round(value, 7).tolist() for name, value in values.items()}


def account_of(steps: ForwardSteps, encoded: EncodedText, target: int) -> Account:
    """Take the decision about a text apart.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    target : int
        Number of the class.
    """
    F, size, prefixes = steps.gradient, len(encoded.tokens), DIRECTIONS[steps.recipe]
    # The text as it is, and where nothing entered.
    ids, lengths, *more = steps.predictor.pad([encoded.example, steps.unknown_words(encoded)])
    words = np.asarray(words_of(F, steps.model, ids, *more))  # (2, T, E)
    mask = mask_of(F, steps.recipe, ids, lengths)
    gates = F.input_gates(words, prefixes).transpose(1, 2, 0, 3)  # (T, 2, 2, 3H)
    recurrence = F.recurrence(mask, prefixes)
    states, origin = recurrence.forth(gates)  # (T, C) each
    weights = np.asarray(weights_of(F, steps.model, states[None], mask[:1]))[0]  # (heads, T, T)
    direction = np.where(np.arange(steps.classes) == target, 1.0, -1 / (steps.classes - 1))
    values = np.asarray(values_of(F, steps.model, states[None]))[0]  # (heads, T, D)
    wanted, bias = _wanted(steps, weights, values, direction)  # (heads, T, D)
    read = weights * (wanted @ values.swapaxes(1, 2))
    slope, constant = _by_state(steps, weights.swapaxes(1, 2) @ wanted)  # (T, C)
    several = steps.recipe != "post" and size <= MOST_PATHS
    by_gates, paths = _hand_back(recurrence, gates, slope, several)
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


def _wanted(steps: ForwardSteps, weights: np.ndarray, values: np.ndarray,
            direction: np.ndarray) -> tuple[np.ndarray, float]:
    """What the head wants of each context, given where its maxima are: (heads, T, D), and its bias."""
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


def _by_state(steps: ForwardSteps, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """From what is asked of each key's values (heads, T, D) to what is asked of its state (T, C), and a constant.

    Values are the states or linear in them, whatever the cell: its own function says how.
    """
    F, width = steps.gradient, 2 * steps.model["hidden_size"]
    values = choose("attention cell", steps.model["cell"], CELLS).values
    zero = np.asarray(values(F, steps.model, np.zeros((1, 1, width))))[0]  # (heads, 1, D)
    turned = np.asarray(values(F, steps.model, np.eye(width)[None]))[0] - zero  # (heads, C, D)
    return sum(own @ each.T for own, each in zip(asked, turned)), float((zero * asked).sum())


def _beside(steps: ForwardSteps, encoded: EncodedText) -> np.ndarray:
    """Logits of an older model's linear branch by token, (T, classes)."""
    logits = steps.ngram_logits(encoded)
    return np.stack([share_out(encoded, logits[:, c]) for c in range(steps.classes)], axis=1)


def share_out(encoded: EncodedText, scores: np.ndarray) -> np.ndarray:
    """Scores of a text's n-grams as scores of its tokens, by the characters they have in common.

    What belongs to no token (a space by itself) goes to all alike, so the sum stays.

    Parameters
    ----------
    encoded : EncodedText
    scores : numpy.ndarray, shape (places,)
        Of `EncodedText.numbers`.

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
    return scores @ (common / common.sum(axis=1, keepdims=True))


def _hand_back(recurrence: Recurrence, gates: np.ndarray, slope: np.ndarray,
               several: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """From what is asked of the states to multipliers of what inputs bring into the gates.

    With reset r, update z, f = U h + b and the new state n = tanh(a_n + r f), a step is h' = (1 - z) n + z h. What is
    asked of h' reaches the three gates by factors of each unit, and h by them and U: one matrix a step.

    Parameters
    ----------
    recurrence : Recurrence
        After its way forth over two inputs: as they are, and where nothing entered.
    gates : numpy.ndarray, shape (T, 2, 2, 3H)
        What these bring into the gates: places, directions, inputs.
    slope : numpy.ndarray, shape (T, 2H)
        What is asked of each state.
    several : bool
        Whether to tell apart where what entered was read.

    Returns
    -------
    multipliers : numpy.ndarray, shape (T, 2, 3H)
    paths : numpy.ndarray, shape (T, T), or None
        What entered at each place (row) and was read at each (column), if told apart.
    """
    length, hidden = len(slope), slope.shape[1] // 2
    change = by_step(gates[:, :, 0] - gates[:, :, 1])  # (T, 2, 3H)
    slope = by_step(slope.reshape(length, 2, hidden))
    factors, kept = _factors(recurrence, by_step(gates))
    mean_reset = recurrence.shares[..., :hidden].mean(axis=2)
    fed = factors.copy()
    fed[:, :, 2] *= mean_reset  # the new state's part of U goes through the reset gate
    weights = recurrence.weights.reshape(2, 3, hidden, hidden)
    diagonal = np.arange(hidden)
    totals = np.empty((length, 2, hidden))
    read = np.zeros((2, length, length)) if several else None  # [direction, step that reads, step that enters]
    # Of several, each step's own row: what is read at a step reaches this one and those before, so rows below wait.
    asked = np.zeros((2, length if several else 1, hidden))
    for step in range(length - 1, -1, -1):
        rows = slice(step, None) if several else slice(None)
        asked[:, step if several else 0] += slope[step]
        totals[step] = asked[:, rows].sum(axis=1)
        if read is not None:
            entering = (factors[step] * change[step].reshape(2, 3, hidden)).sum(axis=1)  # (2, H)
            read[:, rows, step] = (asked[:, rows] @ entering[:, :, None])[..., 0]
        back = (fed[step, :, :, :, None] * weights).sum(axis=1)  # (2, H, H)
        back[:, diagonal, diagonal] += kept[step]
        asked[:, rows] = asked[:, rows] @ back
    multipliers = by_step((totals[:, :, None] * factors).reshape(length, 2, 3 * hidden))
    return multipliers, None if read is None else (read[0] + read[1, ::-1, ::-1]).T


def _factors(recurrence: Recurrence, gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each gate hands on of what is asked of a step's new state, and what the state before gets as it is.

    Parameters
    ----------
    recurrence : Recurrence
    gates : numpy.ndarray, shape (T, 2, 2, 3H)
        In the order of steps.

    Returns
    -------
    factors : numpy.ndarray, shape (T, 2, 3, H)
        Of the reset gate, the update gate and the new state.
    kept : numpy.ndarray, shape (T, 2, H)
    """
    hidden = recurrence.fed.shape[-1]
    before, fed = recurrence.states[:-1], recurrence.fed
    shares, new = recurrence.shares[..., : 2 * hidden], recurrence.shares[..., 2 * hidden :]
    both = slice(0, 2 * hidden)
    early = gates[..., both] + before @ recurrence.weights[:, both].swapaxes(1, 2) + recurrence.biases[..., both]
    late = gates[..., 2 * hidden :] + shares[..., :hidden] * fed
    quotient = _quotient(early, shares, _sigmoid_slope)
    kept = shares[..., hidden:].mean(axis=2)
    by_new = (1 - kept) * _quotient(late, new, lambda x: 1 - np.tanh(x) ** 2)
    by_reset = by_new * fed.mean(axis=2) * quotient[..., :hidden]
    by_update = (before.mean(axis=2) - new.mean(axis=2)) * quotient[..., hidden:]
    return np.stack([by_reset, by_update, by_new], axis=2), kept


def _quotient(inputs: np.ndarray, outputs: np.ndarray, slope) -> np.ndarray:
    """Difference of two outputs (..., 2, H) over that of the inputs; where that is next to nothing, the slope between."""
    change = inputs[..., 0, :] - inputs[..., 1, :]
    small = np.abs(change) < _SMALL
    quotient = (outputs[..., 0, :] - outputs[..., 1, :]) / np.where(small, 1.0, change)
    return np.where(small, slope(inputs.mean(axis=-2)), quotient)


def _sigmoid_slope(values: np.ndarray) -> np.ndarray:
    share = 1 / (1 + np.exp(-values))
    return share * (1 - share)
