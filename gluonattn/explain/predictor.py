"""A trained classifier, ready to predict and to say where it looked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..data.batches import Batchify, plan_batches
from ..data.examples import Encoder, buckets
from ..data.reviews import Reviews
from ..errors import CheckpointError, TextError
from ..models.checkpoint import Checkpoint, load_checkpoint, set_weights
from ..models.classifier import build
from ..record import AttentionRecord, Prediction, Token
from ..runtime import device as choose_device
from ..runtime import nlp
from ..text import tokenizer

LONGEST = 512  # tokens the default recipe reads of one text
_BATCH = 256
_PAIRS = 500_000  # query-key pairs in a batch; bounds memory on long texts
_CHUNK = 2048


def load(folder: str | os.PathLike, device: str = "auto") -> Predictor:
    """Load a checkpoint folder written by `gluonattn.train`.

    Parameters
    ----------
    folder : path
    device : str, default "auto"
        As in `gluonattn.runtime.device`.

    Returns
    -------
    Predictor

    Raises
    ------
    CheckpointError
        If the folder is missing, cut, of another version, or does not fit together.
    """
    return Predictor(load_checkpoint(folder), Path(folder), choose_device(device))


class Predictor:
    """Labels, probabilities and attention records for raw texts.

    Attributes
    ----------
    labels : list of str
    tokenizer : Tokenizer
    max_length : int
        Longest text in tokens that is read whole; a record says when one was cut.
    config : dict
        The checkpoint's config.json.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path, device):
        config = checkpoint.config
        self.config, self.folder = config, folder
        self.labels: list[str] = config["labels"]
        self.tokenizer = tokenizer(config["tokenizer"])
        self._vocabulary = nlp.Vocab.from_json(checkpoint.vocabulary)
        if len(self._vocabulary) != config["model"]["vocab_size"]:
            raise CheckpointError(
                f"{folder}: vocab.json has {len(self._vocabulary)} words, the model was built for "
                f"{config['model']['vocab_size']}: they are of different models."
            )
        fixed = config["max_length"] if config["recipe"] == "post" else None
        self.max_length = fixed or LONGEST
        self._encode = Encoder(self._vocabulary, self.max_length, **buckets(config["model"]))
        self._batchify = Batchify(self._vocabulary[self._vocabulary.padding_token], device, fixed)
        self._model = build(config["recipe"], **config["model"])
        set_weights(self._model, checkpoint.weights, device)
        self._model.hybridize(static_alloc=True)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label and probabilities of each text, in input order.

        Parameters
        ----------
        texts : sequence of str
            A blank text gets ``Prediction(None, {})``.

        Raises
        ------
        TextError
            If `texts` is a single string, or an item is not a string.
        """
        _refuse_single(texts, "predict")
        results: list[Prediction] = []
        for start in range(0, len(texts), _CHUNK):
            part = texts[start : start + _CHUNK]
            chunk = [Prediction(None)] * len(part)
            for positions, probabilities, _ in self._forward(part, [self.tokenizer(text) for text in part]):
                for position, row in zip(positions, probabilities):
                    chunk[position] = self._prediction(row)
            results.extend(chunk)
        return results

    def explain(self, text: str) -> AttentionRecord:
        """Prediction and attention weights of one text.

        Returns
        -------
        AttentionRecord
            With weights (1, heads, tokens, tokens). Where the text is longer
            than `max_length` tokens, the record holds the tokens the model saw
            and ``source["tokens"]`` tells how many there were.

        Raises
        ------
        TextError
            If the text is blank or not a string.
        """
        return self.explain_all([text])[0]

    def explain_all(self, texts: Sequence[str]) -> list[AttentionRecord]:
        """A record for each text, in input order; see `explain`."""
        _refuse_single(texts, "explain_all")
        tokens = [self.tokenizer(text) for text in texts]
        for text, found in zip(texts, tokens):
            if not found:
                raise TextError(
                    f"there is nothing to explain in {text[:20]!r}: expected a text with at least one "
                    "visible character."
                )
        records: dict[int, AttentionRecord] = {}
        for positions, probabilities, weights in self._forward(texts, tokens):
            for i, row, matrix in zip(positions, probabilities, weights):
                records[i] = self._record(texts[i], tokens[i], self._prediction(row), matrix)
        return [records[i] for i in range(len(texts))]

    def evaluate(self, reviews: Reviews) -> dict:
        """Accuracy and the rest on labelled reviews.

        Returns
        -------
        dict
            reviews, accuracy, macro_f1, log_loss, f1 by label, and the
            confusion matrix (rows true, columns predicted, in the order of
            `labels`).
        """
        from sklearn import metrics

        predictions = self.predict(reviews.texts)
        found = [p.label for p in predictions]
        if None in found:
            raise TextError(
                f"review {found.index(None)} (counted from 0) has no text: leave such reviews out, as "
                "read_reviews does."
            )
        table = np.array([[p.probabilities[label] for label in self.labels] for p in predictions])
        table /= table.sum(1, keepdims=True)  # float32 sums are off by 1e-7
        f1 = metrics.f1_score(reviews.labels, found, labels=self.labels, average=None, zero_division=0)
        return {
            "reviews": len(reviews),
            "skipped": reviews.skipped,
            "accuracy": float(metrics.accuracy_score(reviews.labels, found)),
            "macro_f1": float(np.mean(f1)),
            "log_loss": float(metrics.log_loss(reviews.labels, table, labels=self.labels)),
            "f1": dict(zip(self.labels, map(float, f1))),
            "confusion": metrics.confusion_matrix(reviews.labels, found, labels=self.labels).tolist(),
            "labels": self.labels,
        }

    def _forward(self, texts: Sequence[str], tokens: Sequence[Sequence[Token]]) -> Iterator:
        """Yield (positions, probabilities (B, classes), weights (B, heads, T, T)) for texts with tokens."""
        kept = [i for i, found in enumerate(tokens) if found]
        if not kept:
            return
        examples = []
        for i in kept:
            seen = tokens[i][: self.max_length]  # n-grams of what lies behind are not read either
            examples.append(self._encode(texts[i][: seen[-1].end], [token.text for token in seen]))
        for batch in plan_batches([len(e.ids) for e in examples], _BATCH):
            longest = max(len(examples[i].ids) for i in batch)
            size = max(1, _PAIRS // longest**2)
            for part in (batch[k : k + size] for k in range(0, len(batch), size)):
                logits, weights = self._model(*self._batchify([examples[i] for i in part]))
                yield ([kept[i] for i in part], logits.softmax().asnumpy(), _Lazily(weights))

    def _prediction(self, row: np.ndarray) -> Prediction:
        return Prediction(self.labels[int(row.argmax())], dict(zip(self.labels, map(float, row))))

    def _record(self, text, tokens, prediction, matrix) -> AttentionRecord:
        seen = tokens[: self.max_length]
        unknown = [i for i, token in enumerate(seen) if token.text not in self._vocabulary]
        source = {
            "model": self.folder.name, "recipe": self.config["recipe"],
            "cell": self.config["model"]["cell"], "tokenizer": self.tokenizer.name,
            "epoch": self.config.get("epoch"), "framework": "mxnet",
            "versions": self.config["versions"],
            "label_names": self.config.get("label_names", {}),
            "tokens": {"in_text": len(tokens), "seen": len(seen), "unknown": unknown},
        }
        padding = [Token("<pad>", len(text), len(text))] * (matrix.shape[-1] - len(seen))
        if self.config["recipe"] != "post":  # padding is masked: nothing is lost with it
            matrix, padding = matrix[:, : len(seen), : len(seen)], []
        everything = (*seen, *padding)
        record = AttentionRecord(text, everything, everything, matrix[None], prediction=prediction,
                                 source=source)
        real = range(len(seen))
        return record.select(real, real) if padding else record


def _refuse_single(texts, method: str) -> None:
    if isinstance(texts, str):
        raise TextError(f"{method} takes a list of texts; for a single one, {method}([text]).")


class _Lazily:
    """Weights fetched from the device only where they are looked at."""

    def __init__(self, weights):
        self._weights = weights

    def __iter__(self):
        return iter(self._weights.asnumpy())
