"""The columns that scoring writes for each text: label, probabilities and, on request, the most decisive words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..models.checkpoint import Checkpoint
from ..processes import processes
from ..runtime import total_threads
from ..threads import in_order
from .choosing import find_class
from .predictor import Predictor
from .top_words import Word, open_top_words

if TYPE_CHECKING:
    from .opened.classifier import OpenedClassifier

CHUNK = 2048  # texts; the other texts of a chunk decide a text's batch, and so the last digits of its probabilities
EXPLAINED = 1024  # texts when words are requested too: these take seconds
_WORTH_PROCESSES = 8  # chunks; processes take a second to start

Values = list[Any]  # one value for each column of a text


class Answers:
    """Computes the columns that are added to texts. `open_answers` makes it.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    words : int
        Number of decisive words to add; 0 for none.
    ask : callable or None
        Returns the decisive words of texts that have a visible character.
    workers : int
        Processes that may share the work.

    Attributes
    ----------
    predictor : Predictor or OpenedClassifier
    columns : dict of str to str
        "string" or "double" by the column's name, in order: ``predicted_label``, ``probability_LABEL`` for each label and,
        if words are requested, ``word_1``, ``score_1`` and so on.
    chunk : int
        Texts that are processed together.
    """

    def __init__(self, predictor: Predictor | OpenedClassifier, words: int,
                 ask: Callable[[Sequence[str]], list[list[Word]]] | None, workers: int):
        self.predictor, self._ask, self._workers = predictor, ask, workers
        self.columns = {"predicted_label": "string", **{f"probability_{label}": "double" for label in predictor.labels}}
        for i in range(1, words + 1):
            self.columns.update({f"word_{i}": "string", f"score_{i}": "double"})
        self.chunk = EXPLAINED if ask else CHUNK

    def __call__(self, texts: Sequence[str]) -> list[Values]:
        """The values of each text, one for each column; "" for a text without a visible character and for a missing word."""
        found = decide(self.predictor, texts)
        if self._ask:
            visible = [i for i, values in enumerate(found) if values[0]]
            for i, words in zip(visible, self._ask([texts[i] for i in visible]) if visible else []):
                found[i] += [cell for word in words for cell in (word.text, float(f"{word.score:.6g}"))]
        return [[*values, *[""] * (len(self.columns) - len(values))] for values in found]

    def ahead(self, chunks: Iterator[Any], texts_of: Callable[[Any], Sequence[str]]) -> Iterator[tuple[Any, list[Values]]]:
        """Yield each chunk with the values of its texts, in order. Many chunks are shared among processes.

        Parameters
        ----------
        chunks : iterator
        texts_of : callable
            Returns the texts of a chunk.
        """
        first = list(islice(chunks, _WORTH_PROCESSES)) if self._workers > 1 else []
        chunks = chain(first, chunks)
        with ExitStack() as stack:
            submit = None
            if len(first) == _WORTH_PROCESSES and isinstance(self.predictor, Predictor):
                submit = stack.enter_context(processes(
                    self._workers, _open, type(self.predictor), self.predictor.checkpoint, self.predictor.folder,
                    self.predictor.engine, cure="set OMP_NUM_THREADS=1, so that this process does all the work itself"))
            if submit is None:
                for chunk in chunks:
                    yield chunk, self(texts_of(chunk))
                return
            waiting: deque[Any] = deque()

            def jobs() -> Iterator[tuple[Sequence[str]]]:
                for chunk in chunks:
                    waiting.append(chunk)
                    yield (texts_of(chunk),)

            for values in in_order(submit, jobs(), self._workers + 1):
                yield waiting.popleft(), values


@contextmanager
def open_answers(predictor: Predictor | OpenedClassifier, explain: str | None = None, top: int = 5,
                 target: str | None = None, workers: int | None = None) -> Iterator[Answers]:
    """Prepare a model to compute the columns that are added to texts.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    explain : str or None
        Attribution method for the most decisive words; None leaves words out.
    top : int, default 5
        How many words.
    target : str or None
        The class that scores are for; None is the predicted class of each text.
    workers : int or None
        Processes that may share the work; None is one for each core.

    Raises
    ------
    OptionError
        If the method or the target is unknown, or `top` is below 1.
    """
    if top < 1:
        raise OptionError(f"top is the number of words to write for each text, at least 1; got {top}.")
    number = None if target is None else find_class(target, predictor.labels, predictor.label_names)
    alone = explain is not None or not isinstance(predictor, Predictor) or not predictor.classifier.parallel
    with ExitStack() as stack:
        ask = stack.enter_context(open_top_words(predictor, explain, number, top)) if explain else None
        yield Answers(predictor, top if explain else 0, ask, 1 if alone else workers or total_threads())


def decide(predictor: Predictor | OpenedClassifier, texts: Sequence[str]) -> list[Values]:
    """Predict the label and the probabilities, rounded to 6 digits, of each text; "" for one without a visible character.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    texts : sequence of str
    """
    blank: Values = [""] * (1 + len(predictor.labels))
    return [list(blank) if one.label is None
            else [one.label, *(round(one.probabilities[label], 6) for label in predictor.labels)]
            for one in predictor.predict(texts)]


def _open(kind: type[Predictor], checkpoint: Checkpoint, folder: Path,
          engine: str) -> Callable[[Sequence[str]], list[Values]]:
    """Open the model once in a worker process."""
    predictor = kind(checkpoint, folder, "cpu", engine)
    return lambda texts: decide(predictor, texts)
