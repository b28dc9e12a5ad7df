"""Explanations of many texts: in batches, on threads of this process or in processes beside it.

Threads share the work badly, for half of it is Python (the tape of derivatives, sets of tokens): two reach
less than one alone does (docs/performance.md). Processes take a second to start.
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
_EXPLAINED = 256  # texts whose explanations are made side by side, before the first is handed over
_TOGETHER = 16  # of them in a batch
_WORTH_PROCESSES = 500  # texts

Text = tuple[str, Sequence[Token]]  # and its tokens
# What the model made of a text: the text encoded, probabilities, weights, and what is said beside them.
Made = tuple[EncodedText, NDArray[Any], NDArray[Any], "tuple[dict[str, Any], dict[str, Any]] | None"]


class Asked(NamedTuple):
    """What is asked of each text; as for `Predictor.explain_each`, a class by its number."""

    method: str | None
    target: int | None
    draws: int
    what_if: bool


def explain_many(predictor: Predictor, texts: Sequence[Text], asked: Asked, threads: int,
                 progress: Callable[[int, int], None] | None = None) -> Iterator[Explanation]:
    """Yield the explanation of each text, in order; `_EXPLAINED` of them are held at once.

    Batches are the same however they are shared out, and so are answers, to the bit.

    Parameters
    ----------
    predictor : Predictor
    texts : sequence of Text
        Texts with their visible tokens.
    asked : Asked
        Method, class, draws, and whether what-if is computed.
    threads : int
        Processors that may compute at once.
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
    """What the model makes of the texts of a batch.

    Parameters
    ----------
    predictor : Predictor
    texts : sequence of Text
        Of one batch.
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
                     cure="set OMP_NUM_THREADS=1: then this process does all by itself")


def _open(kind: type[Predictor], checkpoint: Checkpoint, folder: Path,
          asked: Asked) -> Callable[[Sequence[Text]], list[Made]]:
    """In a process beside: the model, opened once."""
    predictor = kind(checkpoint, folder, "cpu", "numpy")  # what has a method is computed in numpy everywhere
    return lambda texts: make(predictor, texts, asked)
