"""Explanations of many texts: in batches, on threads of this process or in worker processes.

Threads share the work badly, because half of it is Python code (differentiation, sets of tokens). Two threads are
slower than one (docs/performance.md). Processes take a second to start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from ..data.padding import plan_by_length
from ..models.checkpoint import Checkpoint
from ..processes import processes
from ..record import Token
from ..runtime import total_threads
from ..threads import ahead, in_order
from .batch import Batch
from .explanation import Explanation, explain_batch
from .reader import EncodedText

if TYPE_CHECKING:
    from .predictor import Predictor

PAIRS = 500_000  # query-key pairs in a batch; bounds memory on long texts
_EXPLAINED = 256  # texts whose explanations are computed together before the first one is yielded
_TOGETHER = 16  # of these texts in a batch
_WORTH_PROCESSES = 500  # texts

Text = tuple[str, Sequence[Token]]  # and its tokens
# The result for a text: the encoded text, probabilities, weights, and attributions with notes.
Made = tuple[EncodedText, NDArray[Any], NDArray[Any], "tuple[dict[str, Any], dict[str, Any]] | None"]


class Asked(NamedTuple):
    """The options of `Predictor.explain_each`, with a class as its number."""

    method: str | None
    target: int | None
    draws: int
    what_if: bool


def explain_many(predictor: Predictor, texts: Sequence[Text], asked: Asked, threads: int,
                 progress: Callable[[int, int], None] | None = None) -> Iterator[Explanation]:
    """Yield the explanation of each text, in order. `_EXPLAINED` of them are held at once.

    Batches, and so the results, are the same to the bit for any number of threads and processes.

    Parameters
    ----------
    predictor : Predictor
    texts : sequence of Text
        Texts with their visible tokens.
    asked : Asked
        Method, class, draws, and whether what-if is computed.
    threads : int
        Processors that may compute at the same time.
    progress : callable or None
        Called with (texts done, texts in all).
    """
    plan = list(_plan([len(tokens) for _, tokens in texts], predictor.max_length))
    count = min(total_threads(), len(plan)) if asked.method and len(texts) >= _WORTH_PROCESSES else 1
    with _helpers(predictor, asked, count) as submit:
        jobs = (([texts[i] for i in which],) for which in plan)
        if submit:
            results: Iterable[list[Made]] = in_order(submit, jobs, 2 * count)
        else:
            together = min(threads, len(plan))
            own = threads // max(together, 1)
            results = ahead(lambda batch: make(predictor, batch, asked, own), jobs, together)
        ready: dict[int, Explanation] = {}
        first = done = 0
        for which, found in zip(plan, results):
            done += len(which)
            ready.update((i, predictor.explanation(encoded, probabilities, matrix, {}, said))
                         for i, (encoded, probabilities, matrix, said) in zip(which, found))
            if progress:
                progress(done, len(texts))
            while first in ready:
                yield ready.pop(first)
                first += 1


def make(predictor: Predictor, texts: Sequence[Text], asked: Asked, threads: int = 1) -> list[Made]:
    """Compute the results for the texts of a batch.

    Parameters
    ----------
    predictor : Predictor
    texts : sequence of Text
        The texts of one batch.
    asked : Asked
    threads : int, default 1
    """
    encoded_texts = [predictor.read(text, tokens) for text, tokens in texts]
    if asked.method is None:
        return [(encoded, *seen, None) for encoded, seen in zip(encoded_texts, predictor.look(encoded_texts))]
    batch = Batch(predictor.steps, encoded_texts, threads)
    said = explain_batch(batch, asked.method, [asked.target] * len(encoded_texts), predictor.labels,
                         predictor.config.get("explanation"), asked.draws, asked.what_if, methods=predictor.methods)
    return [(encoded, passed.probabilities, passed.weights[0], own)
            for encoded, passed, own in zip(encoded_texts, batch.passes, said)]


def _plan(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    for first in range(0, len(lengths), _EXPLAINED):
        here = [min(length, most) for length in lengths[first : first + _EXPLAINED]]
        yield from ([first + i for i in which] for which in plan_by_length(here, _TOGETHER, PAIRS))


def _helpers(predictor: Predictor, asked: Asked, count: int) -> AbstractContextManager[Any]:
    if count < 2:
        return nullcontext()
    return processes(count, _open, type(predictor), predictor.checkpoint, predictor.folder, asked,
                     cure="set OMP_NUM_THREADS=1, so that this process does all the work itself")


def _open(kind: type[Predictor], checkpoint: Checkpoint, folder: Path,
          asked: Asked) -> Callable[[Sequence[Text]], list[Made]]:
    """Open the model once in a worker process."""
    predictor = kind(checkpoint, folder, "cpu", "numpy")  # attributions are computed in numpy with every engine
    return lambda texts: make(predictor, texts, asked)
