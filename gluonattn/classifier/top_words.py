"""The most decisive words of many texts: only scores, without the deletion test and the record of an explanation.

`gluonattn predict --explain` writes these. `Predictor.explain` explains one text in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.padding import plan_by_length
from ..metrics import tie_close
from ..models.checkpoint import Checkpoint
from ..processes import processes
from ..runtime import total_threads
from ..threads import in_order
from .attribution import attribute_batch
from .fitted import choose_method
from .kinds import methods_of, open_batch
from .many import PAIRS
from .opened.classifier import OpenedClassifier
from .predictor import Predictor

_TOGETHER = 64  # texts of a batch
_WORTH_PROCESSES = 500  # texts; processes take a second to start
_ENOUGH = 4  # batches for each process, so that none waits long for the others at the end of a chunk


class Word(NamedTuple):
    """A word of a text, with its place and its score."""

    text: str
    start: int
    end: int
    score: float


Words = list[Word]  # highest scores first


def _top_words(predictor: Any, texts: Sequence[str], method: str, target: int | None, count: int | None) -> list[Words]:
    """The most decisive words of the texts of a batch."""
    batch, table = open_batch(predictor, texts)
    targets = [int(passed.probabilities.argmax()) if target is None else target for passed in batch.passes]
    found = []
    for encoded, own in zip(batch.encoded_texts, attribute_batch(batch, method, targets, table)):
        order = np.argsort(-tie_close(own.scores), kind="stable")[:count]
        tokens = encoded.tokens
        found.append([Word(tokens[i].text, tokens[i].start, tokens[i].end, float(own.scores[i])) for i in order.tolist()])
    return found


def _open(kind: type[Predictor], checkpoint: Checkpoint, folder: Path,
          *asked: Any) -> Callable[[Sequence[str]], list[Words]]:
    """Open the model once in a worker process."""
    predictor = kind(checkpoint, folder, "cpu", "numpy")
    return lambda texts: _top_words(predictor, texts, *asked)


@contextmanager
def open_top_words(predictor: Predictor | OpenedClassifier, method: str, target: int | None = None, count: int | None = 5,
                   ) -> Iterator[Callable[[Sequence[str]], list[Words]]]:
    """Find the most decisive words, chunk by chunk. Many texts are divided among processes.

    Parameters
    ----------
    predictor : Predictor or OpenedClassifier
    method : str
        A method of the model, or "default".
    target : int or None
        The class that scores are for; None is the predicted class of each text.
    count : int or None, default 5
        Maximum number of words of a text; None is all of them.

    Yields
    ------
    callable
        Returns for texts without blank ones a list of `Word` for each, highest scores first. Ties keep reading order.

    Raises
    ------
    OptionError
        If the model does not have the method.
    """
    method = predictor.default_method if method == "default" else method
    choose_method(method, methods_of(predictor))
    asked = (method, target, count)
    with ExitStack() as stack:
        submit: list[Any] = []  # only for enough texts

        def ask(texts: Sequence[str]) -> list[Words]:
            workers = total_threads() if isinstance(predictor, Predictor) else 1
            if not submit and workers > 1 and len(texts) >= _WORTH_PROCESSES and isinstance(predictor, Predictor):
                submit.append(stack.enter_context(processes(
                    workers, _open, type(predictor), predictor.checkpoint, predictor.folder, *asked,
                    cure="set OMP_NUM_THREADS=1, so that this process does all the work itself")))
            together = max(1, min(_TOGETHER, len(texts) // (_ENOUGH * workers)))
            plan = plan_by_length(list(map(len, texts)), together, PAIRS)
            jobs = (([texts[i] for i in which],) for which in plan)
            answers = in_order(submit[0], jobs, 2 * workers) if submit and submit[0] else (
                _top_words(predictor, job, method, target, count) for job, in jobs)
            found: list[Words] = [[] for _ in texts]
            for which, own in zip(plan, answers):
                for place, words in zip(which, own):
                    found[place] = words
            return found

        yield ask
