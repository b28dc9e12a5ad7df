"""How well a classifier labels reviews whose labels are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.reviews import Reviews, label_text
from ..errors import DataError, TextError, offer_extra

if TYPE_CHECKING:
    from .predictor import Predictor


def evaluate(predictor: Predictor, reviews: Reviews) -> dict[str, Any]:
    """Compute accuracy and further metrics on labelled reviews.

    Parameters
    ----------
    predictor : Predictor
    reviews : Reviews

    Returns
    -------
    dict
        reviews, accuracy, macro_f1, log_loss, f1 by label, and the confusion
        matrix (rows true, columns predicted, in the order of `labels`).

    Raises
    ------
    TextError
        If a review has no visible character.
    DataError
        If there are no reviews, or the model does not have a label.
    DependencyError
        Without scikit-learn.
    """
    with offer_extra("measure", "evaluate"):
        from sklearn import metrics

    if not isinstance(reviews, Reviews) or not len(reviews):
        raise DataError(f"evaluate takes reviews with their labels, at least one; got {type(reviews).__name__}"
                        f"{' without any' * isinstance(reviews, Reviews)}. Make them with Reviews(texts, labels) or "
                        "read_reviews(FILE).")
    names = {label_text(label, str(predictor.folder)): label for label in predictor.labels}
    unknown = next((label for label in reviews.labels if label not in names), None)
    if unknown is not None:
        raise DataError(f"{reviews.origin}: label {unknown!r} is unknown to this model, which knows "
                        f"{', '.join(map(repr, predictor.labels))}.")
    predictions = predictor.predict(reviews.texts)
    found = [p.label for p in predictions]
    if None in found:
        raise TextError(
            f"review {found.index(None)} (counted from 0) has no text: leave such reviews out, as "
            "read_reviews does."
        )
    table = np.array([[p.probabilities[label] for label in predictor.labels] for p in predictions])
    table /= table.sum(1, keepdims=True)  # float32 sums are off by 1e-7
    truth = [names[label] for label in reviews.labels]
    f1 = metrics.f1_score(truth, found, labels=predictor.labels, average=None, zero_division=0)
    return {
        "reviews": len(reviews),
        "skipped": reviews.skipped,
        "accuracy": float(metrics.accuracy_score(truth, found)),
        "macro_f1": float(np.mean(f1)),
        "log_loss": float(metrics.log_loss(truth, table, labels=predictor.labels)),
        "f1": dict(zip(predictor.labels, map(float, f1))),
        "confusion": metrics.confusion_matrix(truth, found, labels=predictor.labels).tolist(),
        "labels": predictor.labels,
    }
