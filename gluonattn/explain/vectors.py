"""The classifier's own queries and keys, for the cells whose score is a dot product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..engines.numpy_engine import NumpyClassifier
from ..errors import OptionError
from ..plain import read_texts
from ..record import AttentionRecord
from .predictor import Predictor

DOT_CELLS = ("dot", "scaled-dot", "general", "cosine", "multi-head")


def with_vectors(predictor: Predictor, texts: Iterable[str]) -> list[AttentionRecord]:
    """Records with the queries and keys whose dot products the attention is the softmax of.

    Parameters
    ----------
    predictor : Predictor
        Loaded with ``engine="numpy"``, of the default recipe and a cell of the dot family.
    texts : iterable of str

    Returns
    -------
    list of AttentionRecord
        weights = softmax(queries_vectors . keys_vectors), the scale already in the queries.

    Raises
    ------
    OptionError
        If the cell has no queries and keys of its own, or another engine runs it.
    """
    texts = read_texts(texts, "with_vectors")
    classifier = predictor.classifier
    cell = predictor.config["model"]["cell"]
    if cell not in DOT_CELLS or predictor.config["recipe"] != "default":
        raise OptionError(f"the {cell} cell's scores are no dot products of queries and keys: train one of "
                          f"{', '.join(DOT_CELLS)} (default recipe) for its query-key space.")
    if not isinstance(classifier, NumpyClassifier):
        raise OptionError('queries and keys are taken from the numpy engine: gluonattn.load(folder, engine="numpy").')
    noting = _Noting(classifier.recipe, classifier.model, classifier._weights)
    found: list[AttentionRecord] = []
    for text, record in zip(texts, predictor.explain_all(texts)):
        noting(*predictor.inputs([text]))
        queries, keys = noting.left[0], noting.right[0]
        shape = (1, record.heads, len(record.queries), -1)
        found.append(replace(record, queries_vectors=queries[:, : len(record.queries)].reshape(shape),
                             keys_vectors=keys[:, : len(record.keys)].reshape(shape)))
    return found


class _Noting(NumpyClassifier):
    """Notes the two sides of the first product that is made of queries and keys: the scores'."""

    left: np.ndarray
    right: np.ndarray

    def __call__(self, *inputs):
        self._swapped, self._done = None, False
        return super().__call__(*inputs)

    def swap(self, x):
        self._swapped = super().swap(x)
        return self._swapped

    def matmul(self, a, b):
        product = super().matmul(a, b)
        if b is self._swapped and not self._done:
            self._done = True
            scale = {"scaled-dot": a.shape[-1] ** -0.5, "multi-head": a.shape[-1] ** -0.5}
            self.left = a * scale.get(self.model["cell"], 1.0)
            self.right = np.swapaxes(b, -1, -2)
        return product
