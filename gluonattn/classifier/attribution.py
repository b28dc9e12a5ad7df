"""How much each token of a text contributed to a decision: eight methods with one signature.

``method(batch, targets) -> list of Attribution``, one for each text of a `Batch`. Scores are for the class `target`
against all others. Where scores have a sign, a positive one speaks for `target`. Methods that need derivatives are in
`gluonattn.classifier.gradients`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import choose
from ..finding import find_entries
from ..metrics import tie_close
from ..threads import ONE_THREAD
from .account import account_of
from .asking import AskedTexts
from .batch import Batch
from .forward_steps import ForwardPass, ForwardSteps
from .gradients import attention_gradient, gradient_input, integrated_gradients
from .methods import Attribution as Attribution
from .methods import Method as Method
from .reader import EncodedText


def attribute(steps: ForwardSteps, encoded: EncodedText, method: str, target: int | None = None) -> Attribution:
    """Compute the scores of a text's tokens by a named method. Scores that float32 cannot distinguish are equal.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    method : str
        A key of `METHODS`.
    target : int or None
        Number of a class; None is the predicted one.

    Raises
    ------
    OptionError
        If the method is unknown.
    """
    batch = Batch(steps, [encoded])
    return attribute_batch(batch, method, [int(batch.passes[0].probabilities.argmax()) if target is None else target])[0]


def attribute_batch(batch: AskedTexts, method: str, targets: Sequence[int], methods: Mapping[str, Method] | None = None
                    ) -> list[Attribution]:
    """`attribute` for the texts of a batch.

    Parameters
    ----------
    batch : AskedTexts
    method : str
        A key of `methods`.
    targets : sequence of int
        Class of each text.
    methods : mapping of str to Method, or None
        The methods of the batch's kind of model; None is `METHODS`.
    """
    chosen = choose("attribution method", method, METHODS if methods is None else methods)
    return [found._replace(scores=tie_close(found.scores, chosen.scale)) for found in chosen.run(batch, targets)]


def attention_received(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """The attention that each token receives. Queries count by their share of the pooled features.

    Half of the pooled features are means, in which every token has the share
    1/T. The other half are maxima, in which a token's share is that of the
    channels where it is the maximum. (In the post's recipe every position has
    1/length.) Scores are never negative. They sum to 1, less the part of padding
    in the post's recipe.

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    return [Attribution(received(batch.steps, passed)[: len(encoded.tokens)], {})
            for encoded, passed in zip(batch.encoded_texts, batch.passes)]


def received(steps: ForwardSteps, passed: ForwardPass) -> NDArray[Any]:
    """Attention received by each position, shape (T,); see `attention_received`.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
        The text's forward pass.
    """
    shares = pooling_shares(steps, passed)
    result: NDArray[Any] = (shares[:, :, None] * passed.weights[0]).sum(axis=1).mean(axis=0)
    return result


def pooling_shares(steps: ForwardSteps, passed: ForwardPass) -> NDArray[Any]:
    """Share of each query in the pooled features, (heads, T); rows sum to 1.

    Parameters
    ----------
    steps : ForwardSteps
    passed : ForwardPass
        The text's forward pass.
    """
    weights, values = passed.weights[0].astype(np.float64), passed.values[0]
    heads, length, _ = weights.shape
    even = np.full((heads, length), 1 / length)
    if steps.recipe == "post":
        return even
    largest = (weights @ values).argmax(axis=1)  # (heads, C / heads)
    result: NDArray[Any] = (even + np.stack([np.bincount(row, minlength=length) for row in largest]) / largest.shape[1]) / 2
    return result


def leave_one_out(batch: AskedTexts, targets: Sequence[int]) -> list[Attribution]:
    """Probability lost when the token alone is removed: p(text) - p(text without it).

    The token is removed by its number, with every n-gram that contains a part of it; see `ForwardSteps.without`.

    Parameters
    ----------
    batch : AskedTexts
    targets : sequence of int
        Class of each text.
    """
    return [Attribution(passed.probabilities[target] - without[:, target], {})
            for passed, without, target in zip(batch.passes, batch.without_each(), targets)]


def norm(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Norm of a token's part of the contexts: ||alpha f(x)||, summed over queries.

    Kobayashi et al., Attention is Not Only a Weight, EMNLP 2020. f(x) is the
    state. In multi-head cells it is the concatenated projections of the state,
    since these cells have no output projection. Queries count as in
    `attention_received`. Scores are never negative.

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    found = []
    for encoded, passed in zip(batch.encoded_texts, batch.passes):
        lengths = (passed.values[0].astype(np.float64) ** 2).sum(axis=-1)  # (heads, T), squared
        brought = np.sqrt((passed.weights[0].astype(np.float64) ** 2 * lengths[:, None]).sum(axis=0))  # (Tq, Tk)
        shares = pooling_shares(batch.steps, passed).mean(axis=0)
        found.append(Attribution((shares @ brought)[: len(encoded.tokens)], {}))
    return found


def account(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """Contribution of each token in a decomposition that sums to the decision; see `gluonattn.classifier.account`.

    Scores are parts of a difference of logits. The notes have the whole decomposition (``account``).

    Parameters
    ----------
    batch : Batch
    targets : sequence of int
        Class of each text.
    """
    with ONE_THREAD:
        found = [account_of(batch.steps, encoded, target) for encoded, target in zip(batch.encoded_texts, targets)]
    return [Attribution(own.entered, {"account": own.to_json()}) for own in found]


def random(batch: AskedTexts, targets: Sequence[int]) -> list[Attribution]:
    """The baseline: random numbers from 0 to 1, the same for the same text.

    Parameters
    ----------
    batch : AskedTexts
    targets : sequence of int
        Class of each text.
    """
    return [Attribution(np.random.default_rng(encoded.seed).random(len(encoded.tokens)), {})
            for encoded in batch.encoded_texts]


_FOR = "positive speaks for the explained class, negative against it"
_NEVER = "never negative: the strength, not the direction"

METHODS: dict[str, Method] = {
    "leave-one-out": Method(leave_one_out, _FOR, scale=1.0),
    "integrated-gradients": Method(integrated_gradients, _FOR),
    "gradient-input": Method(gradient_input, _FOR),
    "account": Method(account, _FOR),
    "attention-gradient": Method(attention_gradient, _FOR),
    "attention": Method(attention_received, _NEVER, signed=False),
    "norm": Method(norm, _NEVER, signed=False),
    "random": Method(random, "none: a random baseline", signed=False),
}
METHODS.update((method.name, method) for method in find_entries(__file__, __package__, "method"))
