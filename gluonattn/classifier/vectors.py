"""The classifier's queries and keys, for cells whose score is a dot product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import OptionError
from ..models.cells import CELLS, DotProductCell
from ..plain import read_texts
from ..record import AttentionRecord
from .engines.choice import prepare
from .engines.forward import states_of, words_of
from .engines.numpy_engine import NumpyClassifier
from .predictor import Predictor


def with_vectors(predictor: Predictor, texts: Iterable[str]) -> list[AttentionRecord]:
    """Make records with the queries and keys whose dot products are the attention scores.

    Parameters
    ----------
    predictor : Predictor
        A predictor of the default recipe with a `DotProductCell`.
    texts : iterable of str

    Returns
    -------
    list of AttentionRecord
        The scores are queries_vectors . keys_vectors, with any scale included in the queries. The weights are their
        softmax, or the cell's own normalisation.

    Raises
    ------
    OptionError
        If the cell has no queries and keys.
    """
    texts = read_texts(texts, "with_vectors")
    cell = CELLS[predictor.steps.model["cell"]]
    if not isinstance(cell, DotProductCell) or predictor.config["recipe"] != "default":
        able = ", ".join(name for name, other in CELLS.items() if isinstance(other, DotProductCell))
        raise OptionError(f"the {cell.name} cell's scores are not dot products of queries and keys: train one of "
                          f"{able} (default recipe) for its query-key space.")
    recipe, model, weights = prepare(predictor.checkpoint)
    F = NumpyClassifier(recipe, model, weights)
    found: list[AttentionRecord] = []
    for text, record in zip(texts, predictor.explain_all(texts)):
        ids, valid_length, *more = predictor.inputs([text])
        words = words_of(F, model, ids, *more)
        states = states_of(F, recipe, model, words, valid_length)
        queries, keys = cell.queries_and_keys(F, model, states)
        found.append(replace(record, queries_vectors=queries, keys_vectors=keys))
    return found
