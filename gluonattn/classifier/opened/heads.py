"""Measure which heads a decision needs: the model runs again with one head's context set to 0, and stays unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...capture.interface import CURE, through_interface
from ...errors import OptionError
from ...plain import read_texts
from ...record import AttentionRecord, Token, position
from ...reference import softmax
from ...statistics import Figure, figure
from .batch import row_of
from .classifier import OpenedClassifier
from .network import Network


class HeadChanges(NamedTuple):
    """The effect of each head on the predictions.

    Attributes
    ----------
    lost : numpy.ndarray, float64, shape (texts, layers, heads)
        p(text) - p(text without the head) of the predicted class.
    flipped : numpy.ndarray of bool, shape (texts, layers, heads)
        Whether the decision changes without the head.
    """

    lost: NDArray[Any]
    flipped: NDArray[Any]

    def figure(self, layer: int, head: int) -> Figure:
        """Mean loss of probability, with its 95 % interval over texts.

        Parameters
        ----------
        layer, head : int
            Counted from 0.
        """
        return figure(self.lost[:, layer, head])

    def figures(self) -> list[list[Figure]]:
        """`figure` of every head, (layers, heads)."""
        _, layers, heads = self.lost.shape
        return [[self.figure(layer, head) for head in range(heads)] for layer in range(layers)]

    def strongest(self, count: int) -> list[tuple[int, int]]:
        """The heads, as (layer, head), whose absence changes the probability most on average.

        Parameters
        ----------
        count : int
            Maximum number of heads.
        """
        means = np.abs(self.lost.mean(axis=0))
        return [(int(i) // means.shape[1], int(i) % means.shape[1]) for i in np.argsort(-means, axis=None)[:count]]

    def to_figures(self) -> dict[str, Any]:
        """Mean, interval and changed decisions of every head as JSON values."""
        heads = [{"layer": layer, "head": head, "lost": [round(x, 6) for x in own],
                  "flipped": int(self.flipped[:, layer, head].sum())}
                 for layer, row in enumerate(self.figures()) for head, own in enumerate(row)]
        return {"texts": len(self.lost), "heads": heads}

    def record(self, name: str = "") -> AttentionRecord:
        """The absolute mean loss of every head as a record with one cell for each head, for `gluonattn.views.grid.grid`."""
        text = "a head left out"
        cell = (Token(text, 0, len(text)),)
        strengths = np.abs(self.lost.mean(axis=0))[:, :, None, None].astype(np.float32)
        return AttentionRecord(text, cell, cell, strengths, normalised=False, source={"model": name, "mode": "left out"})


@contextmanager
def without_head(model: Any, layer: int, head: int) -> Iterator[None]:
    """Run a transformers model without one head. The head's context is 0 inside the ``with`` block.

    Parameters
    ----------
    model : torch.nn.Module
        A transformers model, or a module that contains one. Its weights, hooks and configuration stay unchanged.
    layer : int
        Counted from 0, in the order in which the layers compute.
    head : int
        Counted from 0.

    Raises
    ------
    OptionError
        If the model has no such layer or head (found when it runs), or computes attention with its own code.
    """
    calls = 0

    def attend(own: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        output, *rest = own(module, *args, **kwargs)
        if calls == layer:
            _refuse("head", head, output.shape[2])
            output = output.clone()
            output[:, :, head] = 0
        calls += 1
        return (output, *rest)

    def begin(*_: Any) -> None:
        nonlocal calls
        calls = 0

    def end(*_: Any) -> None:
        if not calls:
            raise OptionError(f"{type(model).__name__} computes its attention with its own code. {CURE}")
        _refuse("layer", layer, calls)

    hooks = [model.register_forward_pre_hook(begin), model.register_forward_hook(end)]
    try:
        with through_interface(model, attend):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def measure_heads(opened: OpenedClassifier, texts: Iterable[str], progress: Callable[[int, int], None] | None = None
                  ) -> HeadChanges:
    """Measure how predictions change without each head, text by text.

    Parameters
    ----------
    opened : OpenedClassifier
    texts : iterable of str
        None of them blank.
    progress : callable or None
        Called with (heads done, heads in all).

    Raises
    ------
    OptionError
        If the model returns no attention, or computes it with its own code.
    """
    texts = read_texts(texts, "measure_heads")
    if not texts:
        raise OptionError("measure_heads needs at least one text.")
    network: Network = opened.network
    rows = [row_of(opened.steps.read(text)) for text in texts]
    whole = softmax(network.logits(rows))
    targets, texts_at = whole.argmax(axis=1), np.arange(len(rows))
    seen = network.attend(rows[0], int(targets[0]))
    if seen is None:
        raise OptionError(f"{type(network.model).__name__} has no attention or does not return it. {CURE}")
    layers, heads = seen.weights.shape[:2]
    lost, flipped = np.zeros((len(rows), layers, heads)), np.zeros((len(rows), layers, heads), bool)
    for layer in range(layers):
        for head in range(heads):
            with without_head(network.model, layer, head):
                left = softmax(network.logits(rows))
            lost[:, layer, head] = whole[texts_at, targets] - left[texts_at, targets]
            flipped[:, layer, head] = left.argmax(axis=1) != targets
            if progress:
                progress(layer * heads + head + 1, layers * heads)
    return HeadChanges(lost, flipped)


def _refuse(what: str, number: int, size: int) -> None:
    """Raise OptionError for a layer or head that does not exist."""
    if position(what, number, size) != number:
        raise OptionError(f"{what}s are counted from 0 to {size - 1}; got {number}.")
