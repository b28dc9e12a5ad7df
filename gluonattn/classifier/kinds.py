"""The kinds of models that can be explained: the attribution methods of each, and its class of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .asking import AskedTexts
from .attribution import METHODS as OF_OURS
from .attribution import Method
from .batch import Batch
from .opened.batch import WordBatch
from .opened.classifier import OpenedClassifier
from .opened.methods import METHODS as OF_OPENED

if TYPE_CHECKING:
    from .predictor import Predictor

KINDS: dict[str, dict[str, Method]] = {"gluonattn": OF_OURS, "transformers": OF_OPENED}


def methods_of(predictor: Predictor | OpenedClassifier) -> dict[str, Method]:
    """The attribution methods of a model, by name.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    """
    return predictor.methods


def open_batch(predictor: Predictor | OpenedClassifier, texts: Sequence[str]) -> tuple[AskedTexts, dict[str, Method]]:
    """Make a batch of texts for a model, and list the model's methods.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : sequence of str
        None of them blank.
    """
    methods = methods_of(predictor)
    if isinstance(predictor, OpenedClassifier):
        encoded_texts = [predictor.steps.read(text) for text in texts]
        return WordBatch(predictor.network, predictor.steps, encoded_texts), methods
    steps = predictor.steps
    return Batch(steps, [steps.read(text) for text in texts]), methods
