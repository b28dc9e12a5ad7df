"""How much each token of a text had to do with a decision: seven answers, one signature.

``method(inside, reading, target) -> Attribution``. Scores are for the class `target` against all
others; where they have a sign, a positive score speaks for `target`. "Log-odds" below is
log p / (1 - p) of that class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..errors import choose
from ..metrics import tie_close
from .inside import Inside, Passed, Reading

COMPLETE = 0.01  # largest gap integrated gradients may leave, as a share of what is to be explained
_STEPS = (16, 32, 64, 128, 256, 512)
_PAIRS = 100_000  # steps x query-key pairs that are derived at once; bounds memory


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
    sign : str
        What the sign of a score says.
    signed : bool
        Whether scores can be negative.
    scale : float or None
        The largest number its arithmetic subtracts, see `gluonattn.metrics.tie_close`; None: the scores themselves.
    """

    run: Callable[[Inside, Reading, int], Attribution]
    sign: str
    signed: bool = field(default=True)
    scale: float | None = None


def attribute(inside: Inside, reading: Reading, method: str, target: int | None = None) -> Attribution:
    """Scores of a text's tokens by a method's name; scores that float32 cannot tell apart are equal.

    Parameters
    ----------
    inside : Inside
    reading : Reading
    method : str
        A key of `METHODS`.
    target : int or None
        Number of a class; None is the predicted one.

    Raises
    ------
    OptionError
        If the method is unknown.
    """
    chosen = choose("attribution method", method, METHODS)
    if target is None:
        target = int(inside.probabilities([reading.example])[0].argmax())
    found = chosen.run(inside, reading, target)
    return found._replace(scores=tie_close(found.scores, chosen.scale))


def attention_received(inside: Inside, reading: Reading, target: int) -> Attribution:
    """The attention each token receives, each query counted by its share in what is pooled.

    Of the pooled features half are means, in which every token has the share
    1/T, and half are maxima, in which a token has the share of the channels
    it is the maximum of. (In the post's recipe every position has 1/length.)
    Never negative; sums to 1, less what padding takes in the post's recipe.
    """
    passed = inside.run(reading)
    return Attribution(received(inside, passed)[: len(reading.tokens)], {})


def received(inside: Inside, passed: Passed) -> np.ndarray:
    """Attention received by each position, shape (T,); see `attention_received`."""
    shares = pooling_shares(inside, passed)
    return (shares[:, :, None] * passed.weights[0]).sum(axis=1).mean(axis=0)


def pooling_shares(inside: Inside, passed: Passed) -> np.ndarray:
    """Share of each query in the pooled features, (heads, T); rows sum to 1."""
    weights, values = passed.weights[0].astype(np.float64), passed.values[0]
    heads, length, _ = weights.shape
    even = np.full((heads, length), 1 / length)
    if inside.recipe == "post":
        return even
    largest = (weights @ values).argmax(axis=1)  # (heads, C / heads)
    return (even + np.stack([np.bincount(row, minlength=length) for row in largest]) / largest.shape[1]) / 2


def attention_gradient(inside: Inside, reading: Reading, target: int) -> Attribution:
    """Attention weight times the derivative of the log-odds by it, summed over heads and queries.

    Serrano and Smith, Is Attention Interpretable?, ACL 2019. States are held
    fixed: it sees the decision through the weights alone.
    """
    import autograd

    passed = inside.run(reading)
    weights, logits_of = passed.weights.astype(np.float64), inside.from_weights(passed)
    slope = autograd.grad(lambda given: log_odds(logits_of(given), target).sum())(weights)
    return Attribution((weights * slope).sum(axis=(0, 1, 2))[: len(reading.tokens)], {})


def gradient_input(inside: Inside, reading: Reading, target: int) -> Attribution:
    """Word vector times the derivative of the log-odds by it (Denil et al. 2014).

    With n-grams, what those of the text add to the log-odds is derived
    likewise and shared out by characters, see `share_out`.
    """
    words = inside.words(reading.example)
    more = inside.ngram_logits(reading)
    slope, by_logits = _slopes(inside, reading, target, words, np.ones(1), more)
    scores = (words[0] * slope[0]).sum(axis=-1)[: len(reading.tokens)]
    return Attribution(scores + share_out(reading, more @ by_logits[0]), {})


def integrated_gradients(inside: Inside, reading: Reading, target: int) -> Attribution:
    """Derivatives of the log-odds added up on the straight way from unknown words to these words.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML
    2017. At its beginning every word is the unknown one and there are no
    n-grams. Scores sum to the difference in log-odds between the two ends
    ("completeness"): steps (Gauss-Legendre) are doubled until what is missing
    is 1 % of it or less than 1e-4. Notes hold ``steps``, ``difference`` and
    ``missing`` (in log-odds).
    """
    words, more = inside.words(reading.example), inside.ngram_logits(reading)
    everything = range(len(reading.tokens))
    start = inside.words(inside.masked(reading, everything))
    logits_of = inside.from_words(reading)
    ends = [log_odds(logits_of(start), target)[0],
            log_odds(logits_of(words) + more.sum(axis=0), target)[0]]
    difference = float(ends[1] - ends[0])
    for steps in _STEPS:
        places, parts = np.polynomial.legendre.leggauss(steps)
        places, parts = (places + 1) / 2, parts / 2
        slope, by_logits = _slopes(inside, reading, target,
                                   start + places[:, None, None] * (words - start), places, more)
        scores = ((words - start)[0] * np.tensordot(parts, slope, 1)).sum(axis=-1)
        gram_scores = more @ (parts @ by_logits)
        missing = difference - scores.sum() - gram_scores.sum()
        if abs(missing) <= max(COMPLETE * abs(difference), 1e-4):
            break
    scores = scores[: len(reading.tokens)] + share_out(reading, gram_scores)
    return Attribution(scores, {"steps": steps, "difference": round(difference, 6),
                                "missing": round(float(missing), 6)})


def leave_one_out(inside: Inside, reading: Reading, target: int) -> Attribution:
    """Probability lost when the token alone is removed: p(text) - p(text without it).

    Removed by number, with every n-gram it has a part in; see `Inside.without`.
    """
    examples = [reading.example, *(inside.without(reading, {i}) for i in range(len(reading.tokens)))]
    found = inside.probabilities(examples)[:, target]
    return Attribution(found[0] - found[1:], {})


def norm(inside: Inside, reading: Reading, target: int) -> Attribution:
    """Length of what a token brings into the contexts: ||alpha f(x)||, summed over queries.

    Kobayashi et al., Attention is Not Only a Weight, EMNLP 2020. f(x) is the
    state, or in multi-head its projections side by side, for these cells
    project no further; queries count as in `attention_received`. Never negative.
    """
    passed = inside.run(reading)
    lengths = (passed.values[0].astype(np.float64) ** 2).sum(axis=-1)  # (heads, T), squared
    brought = np.sqrt((passed.weights[0].astype(np.float64) ** 2 * lengths[:, None]).sum(axis=0))  # (Tq, Tk)
    shares = pooling_shares(inside, passed).mean(axis=0)
    return Attribution((shares @ brought)[: len(reading.tokens)], {})


def random(inside: Inside, reading: Reading, target: int) -> Attribution:
    """The floor: numbers from 0 to 1 that know the text's letters but not its meaning."""
    return Attribution(np.random.default_rng(reading.seed).random(len(reading.tokens)), {})


def log_odds(logits: Any, target: int) -> Any:
    """log p / (1 - p) of a class: (B, classes) -> (B,). Can be derived."""
    import autograd.numpy as anp

    others = anp.concatenate([logits[:, :target], logits[:, target + 1 :]], axis=-1)
    top = anp.max(others, axis=-1, keepdims=True)
    return logits[:, target] - (top[:, 0] + anp.log(anp.sum(anp.exp(others - top), axis=-1)))


def share_out(reading: Reading, scores: np.ndarray) -> np.ndarray:
    """Scores of a text's n-grams as scores of its tokens, by the characters they have in common.

    What belongs to no token (a space by itself) goes to all alike, so the sum stays.

    Parameters
    ----------
    reading : Reading
    scores : numpy.ndarray, shape (places,)
        Of `Reading.numbers`.

    Returns
    -------
    numpy.ndarray, shape (tokens,)
    """
    count = len(reading.tokens)
    if not len(scores):
        return np.zeros(count)
    starts, ends = np.array([(token.start, token.end) for token in reading.tokens]).T
    common = np.minimum(reading.spans[:, 1:], ends) - np.maximum(reading.spans[:, :1], starts)
    common = np.maximum(common, 0).astype(np.float64)  # (places, tokens)
    common[common.sum(axis=1) == 0] = 1
    return scores @ (common / common.sum(axis=1, keepdims=True))


def _slopes(inside, reading, target, words, shares, more) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the log-odds by word vectors (B, T, E) and by logits (B, classes).

    `shares` (B,) is how much of the n-grams' logits `more` (n-grams, classes) is there.
    """
    import autograd

    logits_of, total = inside.from_words(reading), more.sum(axis=0)
    most = max(1, _PAIRS // words.shape[1] ** 2)
    found = []
    for first in range(0, len(words), most):
        part, share = words[first : first + most], shares[first : first + most, None]

        def value(given, added, share=share):
            return log_odds(logits_of(given) + added + share * total, target).sum()

        found.append(autograd.grad(value, (0, 1))(part, np.zeros((len(part), inside.classes))))
    by_words, by_logits = zip(*found)
    return np.concatenate(by_words), np.concatenate(by_logits)


_FOR = "positive speaks for the predicted class, negative against it"
_NEVER = "never negative: how much, not which way"

METHODS: dict[str, Method] = {
    "leave-one-out": Method(leave_one_out, _FOR, scale=1.0),
    "integrated-gradients": Method(integrated_gradients, _FOR),
    "gradient-input": Method(gradient_input, _FOR),
    "attention-gradient": Method(attention_gradient, _FOR),
    "attention": Method(attention_received, _NEVER, signed=False),
    "norm": Method(norm, _NEVER, signed=False),
    "random": Method(random, "none: it knows nothing", signed=False),
}
