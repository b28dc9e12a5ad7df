"""How much each word contributed to a torch model's decision: the methods, with a common signature.

``method(batch, targets) -> list of Attribution``, as in `gluonattn.classifier.attribution`. Scores of pieces are summed
by words. Special tokens (``[CLS]``) have no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import metrics
from ...errors import OptionError
from ..attribution import Attribution, Method, leave_one_out, random
from ..gradients import COMPLETE
from .batch import WordBatch, row_of
from .network import Attended
from .relevance import follow_rules

_LEAST = 1e-4  # in log-odds; gaps below this are accepted
_STEPS = (8, 16, 32, 64, 128, 256, 512)


def attention_received(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Attention that each word receives in the last layer from the positions that the head reads (``[CLS]``, or all).

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    return [Attribution(encoded.sum_words(own.read @ own.weights[-1].mean(axis=0)), {})
            for encoded, own in _each(batch, "attention")]


def rollout(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Attention rollout over all layers, from the positions that the head reads.

    Abnar and Zuidema, Quantifying Attention Flow in Transformers, ACL 2020.

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    return [Attribution(encoded.sum_words(own.read @ metrics.rollouts(own.weights)[-1]), {})
            for encoded, own in _each(batch, "rollout")]


def norm(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Norm of a word's part of the last layer's contexts: ||alpha v||, at the positions that the head reads.

    Kobayashi et al., Attention is Not Only a Weight, EMNLP 2020; v are the concatenated values of all heads, before the
    output projection.

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    found = []
    for encoded, own in _each(batch, "norm"):
        if own.values is None:
            raise OptionError("norm needs the values that attention mixes, and this model does not return them: take "
                              "attention or rollout.")
        lengths = (own.values[-1] ** 2).sum(axis=-1)  # (heads, T), squared
        brought = np.sqrt((own.weights[-1] ** 2 * lengths[:, None]).sum(axis=0))
        found.append(Attribution(encoded.sum_words(own.read @ brought), {}))
    return found


def attention_gradient(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Attention times its gradient over all layers: R <- R + mean over heads of (A x dA)+ times R.

    Chefer, Gur and Wolf, Generic Attention-model Explainability, ICCV 2021, for self-attention. The
    result is read at the positions that the head reads, without the initial identity.

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    found = []
    for number, (encoded, target) in enumerate(zip(batch.encoded_texts, targets)):
        own = batch.attended(number, target, slopes=True)
        if own is None or own.slopes is None:
            raise OptionError("attention-gradient needs a model that returns the attention weights that it uses, as "
                              "transformers models do; take gradient-input or integrated-gradients.")
        start = np.eye(own.weights.shape[-1])
        relevance = start
        for weights, slopes in zip(own.weights, own.slopes):
            relevance = relevance + np.maximum(weights * slopes, 0).mean(axis=0) @ relevance
        found.append(Attribution(encoded.sum_words(own.read @ (relevance - start)), {}))
    return found


def gradient_input(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """The vector of each piece times the derivative of the log-odds with respect to it (Denil et al. 2014).

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    return _vectors_times_slopes(batch, targets)


def attnlrp(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Relevance of the log-odds, propagated back through all layers by AttnLRP's rules: one forward and one backward pass.

    Achtibat et al., AttnLRP, ICML 2024; see `gluonattn.classifier.opened.relevance`. The parts of
    biases, positions and the constant of the softmax's rule belong to no word, so scores do not sum to the log-odds.

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    with follow_rules(batch.network.model):
        return _vectors_times_slopes(batch, targets)


def _vectors_times_slopes(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    found = []
    for encoded, target in zip(batch.encoded_texts, targets):
        vectors = batch.network.vectors(encoded.ids)
        _, slopes = batch.network.derive(row_of(encoded), vectors[None], target)
        found.append(Attribution(encoded.sum_words(_sums(vectors * slopes[0])), {}))
    return found


def integrated_gradients(batch: WordBatch, targets: Sequence[int]) -> list[Attribution]:
    """Derivatives of the log-odds, integrated along the straight path from masked words to the text's words.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017. At the start of the path every piece
    of a word is the mask token (the unknown token if there is none). The number of steps (Gauss-Legendre) is doubled until
    the gap is 1 % of the difference in log-odds or less than 1e-4. Notes are those of the Bi-GRU's `integrated_gradients`.

    Parameters
    ----------
    batch : WordBatch
    targets : sequence of int
        The class of each text.
    """
    return [_integrated(batch, number, target) for number, target in enumerate(targets)]


def _integrated(batch: WordBatch, number: int, target: int, steps: Sequence[int] = _STEPS) -> Attribution:
    encoded, network = batch.encoded_texts[number], batch.network
    start = network.vectors(np.where(encoded.owner < 0, encoded.ids, batch.reader.stand_in))
    way = network.vectors(encoded.ids) - start
    ends, _ = network.derive(row_of(encoded), network.torch.stack([start, start + way]), target)
    difference, scores, notes = float(ends[1] - ends[0]), np.zeros(len(encoded.tokens)), {}
    for count in steps:
        places, parts = np.polynomial.legendre.leggauss(count)
        shares = network.torch.as_tensor((places + 1) / 2, dtype=way.dtype, device=way.device)[:, None, None]
        _, slopes = network.derive(row_of(encoded), start + shares * way, target)
        weighed = slopes.double() * network.torch.as_tensor(parts / 2, device=way.device)[:, None, None]
        scores = encoded.sum_words(_sums(way.double() * weighed.sum(0)))
        missing = difference - float(scores.sum())
        notes = {"steps": count, "difference": round(difference, 6), "missing": round(missing, 6)}
        if abs(missing) <= max(COMPLETE * abs(difference), _LEAST):
            return Attribution(scores, notes)
    about = {"steps": notes["steps"], "missing": round(abs(missing), 6), "of": round(abs(difference), 6)}
    return Attribution(scores, {**notes, "approximated": about})


def _each(batch: WordBatch, method: str) -> list[tuple[Any, Attended]]:
    """Each text with its attention."""
    found = []
    for number, encoded in enumerate(batch.encoded_texts):
        own = batch.attended(number)
        if own is None:
            raise OptionError(f"{method} needs attention between pieces, and {type(batch.network.model).__name__} has "
                              "or does not return it: take leave-one-out, gradient-input or integrated-gradients.")
        found.append((encoded, own))
    return found


def _sums(products: Any) -> NDArray[Any]:
    """Sum over the width, in float64."""
    result: NDArray[Any] = products.double().sum(-1).cpu().numpy()
    return result


_FOR = "positive speaks for the explained class, negative against it"
_NEVER = "never negative: the strength, not the direction"

METHODS: dict[str, Method] = {
    "leave-one-out": Method(leave_one_out, _FOR, scale=1.0),
    "integrated-gradients": Method(integrated_gradients, _FOR),
    "gradient-input": Method(gradient_input, _FOR),
    "attnlrp": Method(attnlrp, _FOR),
    "attention-gradient": Method(attention_gradient, "never negative: support for the explained class",
                                 signed=False),
    "attention": Method(attention_received, _NEVER, signed=False),
    "norm": Method(norm, _NEVER, signed=False),
    "rollout": Method(rollout, _NEVER, signed=False),
    "random": Method(random, "none: a random baseline", signed=False),
}
