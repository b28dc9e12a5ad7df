"""One weight for each head, fitted on ablations of random words, so that weighted attention predicts their effect.

After Cohen-Wang, Chuang and Madry, Learning to Attribute with Attention (AT2), 2025, arXiv 2504.13752. They maximise a
correlation iteratively. Here the loss of log-odds is fitted by penalised least squares, which has one solution.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import parse_json, refuse, require
from ..errors import CheckpointError, OptionError, choose
from ..files import replace_file
from .asking import AskedTexts
from .attribution import Attribution, pooling_shares
from .batch import Batch
from .methods import Method

NAME = "attention-fitted"
FILE = "attention-fitted.json"
CURE = "gluonattn fit-attention reviews.tsv --model FOLDER"


@dataclass(frozen=True)
class FittedAttention:
    """A weight for each head, and how well the weights predict ablations of held-out texts.

    Attributes
    ----------
    weights : tuple of tuple of float, (layers, heads)
    texts, ablations : int
        Number of texts in the fit, and of sets of words taken out of each.
    correlation : float
        Mean over held-out texts of the correlation between the measured and the predicted loss of log-odds.
    even : float
        The same if all heads of the last layer have equal weights, as in the method `attention`.
    held : int
        Number of texts held out for these two.
    """

    weights: tuple[tuple[float, ...], ...]
    texts: int
    ablations: int
    correlation: float
    even: float
    held: int

    def score(self, batch: AskedTexts, targets: Sequence[int]) -> list[Attribution]:
        """Scores of a batch, as an attribution method returns them.

        They are for the predicted class of each text. For any other class their signs are reversed.

        Parameters
        ----------
        batch : AskedTexts
        targets : sequence of int

        Raises
        ------
        OptionError
            If the model has another number of layers or heads.
        """
        own, found = np.array(self.weights), []
        for number, (passed, target) in enumerate(zip(batch.passes, targets)):
            received = received_by_heads(batch, number)
            if received.shape[:2] != own.shape:
                raise OptionError("{} weights of {} layers x {} heads do not fit a model of {} x {}: fit them for this "
                                  "model ({}).".format(NAME, *own.shape, *received.shape[:2], CURE))
            sign = 1 if target == int(passed.probabilities.argmax()) else -1
            found.append(Attribution(sign * np.einsum("lh,lhw->w", own, received), {}))
        return found

    def as_method(self) -> Method:
        """Make an entry for a table of methods."""
        return Method(self.score, "positive speaks for the explained class, as far as attention tells", name=NAME)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the weights as JSON. The model stays unchanged.

        Parameters
        ----------
        path : path
        """
        replace_file(Path(path), json.dumps(asdict(self), indent=1).encode())


def load_fitted(path: str | os.PathLike[str]) -> FittedAttention:
    """Read what `FittedAttention.save` wrote.

    Parameters
    ----------
    path : path

    Raises
    ------
    CheckpointError
        If there is no such file, or it has other content.
    """
    name, cure = Path(path).name, f"Write it again: {CURE}"
    try:
        given = parse_json(Path(path).read_bytes(), name, CheckpointError)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}. {CURE} writes one.") from None
    found: FittedAttention = require(given, FittedAttention, name, CheckpointError, cure)
    if len({len(layer) for layer in found.weights}) != 1 or not np.isfinite(np.array(found.weights)).all():
        refuse(name, "`weights` is no table of finite numbers", CheckpointError, cure)
    return found


def choose_method(name: object, methods: Mapping[str, Method]) -> Method:
    """Choose a method by name, like `gluonattn.errors.choose`. If head weights are missing, the error says how to fit them.

    Parameters
    ----------
    name : str
    methods : mapping of str to Method

    Raises
    ------
    OptionError
        If there is no such method.
    """
    if name == NAME and NAME not in methods:
        raise OptionError(f"{NAME} needs weights of heads, which are fitted once for a model and stored in its folder "
                          f"as {FILE}: {CURE}")
    return choose("attribution method", name, methods)


def with_fitted(methods: Mapping[str, Method], folder: Path | None) -> dict[str, Method]:
    """A table of methods, with the fitted one if the model's folder has its weights.

    Parameters
    ----------
    methods : mapping of str to Method
    folder : path or None
        The model's folder; None for a model without one.
    """
    path = None if folder is None else Path(folder) / FILE
    return dict(methods) if path is None or not path.is_file() else {**methods, NAME: load_fitted(path).as_method()}


def received_by_heads(batch: AskedTexts, number: int) -> NDArray[Any]:
    """Attention that each word receives in each head from the positions that the classification head reads.

    Parameters
    ----------
    batch : Batch or WordBatch
    number : int
        Index of the text in the batch.

    Returns
    -------
    numpy.ndarray, shape (layers, heads, words)

    Raises
    ------
    OptionError
        If the model has no attention between pieces, or does not return it.
    """
    encoded = batch.encoded_texts[number]
    if isinstance(batch, Batch):
        passed = batch.passes[number]
        shares = pooling_shares(batch.steps, passed)  # (heads, T)
        received = np.einsum("hq,hqk->hk", shares, passed.weights[0].astype(np.float64))
        result: NDArray[Any] = received[None, :, : len(encoded.tokens)]
        return result
    own = batch.attended(number)  # type: ignore[attr-defined]
    if own is None:
        raise OptionError(f"{NAME} needs attention between pieces, and this model has none or does not return it: take "
                          "leave-one-out, gradient-input or integrated-gradients.")
    result = encoded.sum_words(np.einsum("q,lhqk->lhk", own.read, own.weights))
    return result
