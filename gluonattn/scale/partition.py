"""Score one partition, a pandas table: add labels, probabilities and, on request, words or attention records."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classifier.answers import Answers, open_answers
from ..classifier.opened.classifier import OpenedClassifier
from ..classifier.opened.loading import load_any
from ..classifier.predictor import Predictor
from ..data.reviews import TEXT_COLUMNS, as_text
from ..data.tables import pick_column
from ..errors import DataError
from ..models.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas

RECORD = "attention_record"
_OPEN: dict[str, tuple[ExitStack, Answers]] = {}  # in this process, by model and request
_LOCK = threading.RLock()  # MeCab and the table above can serve only one thread at a time


@dataclass(frozen=True)
class Model:
    """A model that can be sent to other processes. It is the content of its files, so that they need no files.

    Attributes
    ----------
    folder : pathlib.Path
        The folder from which it was read.
    engine : str
        Name of the engine that computes, the same in every process.
    identity : str
        A key that differs between models.
    content : callable or None
        Returns the checkpoint. None for a transformers folder, which each process reads from its path.
    labels : tuple of str
    max_length : int or None
        Maximum number of tokens, for a transformers folder.
    """

    folder: Path
    engine: str
    identity: str
    labels: tuple[str, ...]
    content: Callable[[], Checkpoint] | None = None
    max_length: int | None = None

    def open(self) -> Predictor | OpenedClassifier:
        """Load the model in this process, on the CPU."""
        if self.content is None:
            return load_any(self.folder, "cpu", max_length=self.max_length)
        return Predictor(self.content(), self.folder, "cpu", self.engine)


@dataclass(frozen=True)
class _Here:
    """A checkpoint that is pickled together with its holder."""

    checkpoint: Checkpoint = field(repr=False)

    def __call__(self) -> Checkpoint:
        return self.checkpoint


@dataclass(frozen=True)
class Scorer:
    """The requested columns and the model that computes them. Create one with `Scorer.of`.

    Attributes
    ----------
    model : Model
    columns : dict of str to str
        The type, "string" or "double", of each added column by its name.
    text_column : str or None
        None takes the first usual name present.
    explain : str or None
        Attribution method of the added words. None adds no words.
    top : int
        Number of words that are added.
    target : str or None
        The class that the words' scores are for. None is the predicted one.
    records : bool
        Whether each text's attention record is added, as JSON, in the column "attention_record".
    """

    model: Model
    columns: dict[str, str]
    text_column: str | None = None
    explain: str | None = None
    top: int = 5
    target: str | None = None
    records: bool = False

    @classmethod
    def of(cls, model: str | os.PathLike[str] | None = None, *, engine: str = "auto", text_column: str | None = None,
           explain: str | None = None, top: int = 5, target: str | None = None, records: bool = False,
           max_length: int | None = None) -> Scorer:
        """Load a model and choose the columns.

        Parameters
        ----------
        model : path or None
            A checkpoint or a transformers folder. None is the bundled model.
        engine : str, default "auto"
            As for `gluonattn.load`. "auto" is the fastest engine that is installed here. Every worker must have it too.
        text_column, explain, top, target, records
            As the attributes.
        max_length : int or None
            As for `gluonattn.open_classifier`.

        Raises
        ------
        GluonAttnError
            If the model cannot be loaded, or lacks a requested method or class.
        """
        folder = None if model is None else Path(model)
        predictor = load_any(folder, "cpu", engine, max_length)
        with open_answers(predictor, explain, top, target, workers=1) as answers:
            columns = {**answers.columns, **({RECORD: "string"} if records else {})}
        if isinstance(predictor, Predictor):
            identity = json.dumps([predictor.config.get("sha256"), predictor.config.get("fingerprint"), predictor.engine])
            found = Model(predictor.folder, predictor.engine, identity, tuple(predictor.labels), _Here(predictor.checkpoint))
        else:
            place = Path(model or ".").resolve()
            found = Model(place, "torch", str(place), tuple(predictor.labels), None, max_length)
        return cls(found, columns, text_column, explain, top, target, records)

    def shared(self, put: Callable[[Checkpoint], Callable[[], Checkpoint]]) -> Scorer:
        """The same scorer, with the model in the engine's shared storage.

        Parameters
        ----------
        put : callable
            Stores the checkpoint and returns a function that fetches it in a worker.
        """
        if self.model.content is None:
            return self
        return replace(self, model=replace(self.model, content=put(self.model.content())))

    def answers(self) -> Answers:
        """The answers of this process's model. It is loaded once and computes on one thread."""
        key = json.dumps([self.model.identity, self.explain, self.top, self.target])
        with _LOCK:
            if key not in _OPEN:
                os.environ["OMP_NUM_THREADS"] = "1"
                stack = ExitStack()
                _OPEN[key] = stack, stack.enter_context(
                    open_answers(self.model.open(), self.explain, self.top, self.target, workers=1))
            return _OPEN[key][1]


def score_partition(frame: pandas.DataFrame, scorer: Scorer) -> pandas.DataFrame:
    """Add the new columns to a table. Rows keep their order and their index.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table with a column of texts. None or NaN in it is a missing text.
    scorer : Scorer

    Returns
    -------
    pandas.DataFrame
        The table with the columns of `Scorer.columns`: text, or float64. They are missing (None, NaN) for a text without a
        visible character, and for a text with fewer words than columns.

    Raises
    ------
    DataError
        If there is no text column, a value in it is not a text, or a new column exists already.
    """
    columns = [str(column) for column in frame.columns]
    name = frame.columns[columns.index(pick_column("the table", columns, scorer.text_column, TEXT_COLUMNS, "text"))]
    clash = next((column for column in scorer.columns if column in columns), None)
    if clash:
        raise DataError(f"the table already has a column {clash!r}: rename it first.")
    texts = [as_text("the table", row, str(name), value) for row, value in enumerate(frame[name], 1)]
    values: list[list[Any]] = []
    with _LOCK:
        answers = scorer.answers()
        for first in range(0, len(texts), answers.chunk):
            values += answers(texts[first : first + answers.chunk])
        if scorer.records:
            seen = [i for i, own in enumerate(values) if own[0]]
            records = answers.predictor.explain_each([texts[i] for i in seen])
            found = {i: json.dumps(record.to_dict(), ensure_ascii=False) for i, record in zip(seen, records)}
            values = [[*own, found.get(i, "")] for i, own in enumerate(values)]
    new = {}
    for place, (column, kind) in enumerate(scorer.columns.items()):
        own = [None if row[place] == "" else row[place] for row in values]
        new[column] = _series(own, frame.index, kind)
    return frame.assign(**new)


def _series(values: list[Any], index: Any, kind: str) -> Any:
    import pandas

    return pandas.Series(values, index, dtype=object if kind == "string" else "float64")
