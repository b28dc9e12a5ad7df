"""The served models, by name. Each has its own thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..classifier.explanation import Explanation
from ..classifier.predictor import Predictor, load
from ..errors import OptionError, RecordError
from ..plain import is_blank
from ..record import Prediction
from .limits import Limits
from .metrics import Metrics
from .refusals import Refusal
from .worker import Worker


@dataclass(frozen=True)
class Predict:
    """Predict texts. Objects with the same predictor are equal, so that their requests are computed together."""

    predictor: Predictor

    def __call__(self, texts: list[str]) -> list[Prediction]:
        return self.predictor.predict(texts)


@dataclass(frozen=True)
class Explain:
    """Explain texts like `Predictor.explain_each`, 16 at a time: larger batches are not faster and wait longer.

    Attributes
    ----------
    finish : callable
        Called with each explanation. It runs on the model's thread: an account is computed by the model, and a large
        record takes long to encode.
    """

    largest: ClassVar[int] = 16
    predictor: Predictor
    method: str | None
    target: str | None
    draws: int
    what_if: bool
    finish: Callable[[Explanation], Any]

    def __call__(self, texts: list[str]) -> list[Any]:
        records = self.predictor.explain_each(texts, self.method, self.target, draws=self.draws, what_if=self.what_if)
        return [self.finish(record) for record in records]


def whole(record: Explanation) -> Explanation:
    """An explanation after everything that is computed on first access."""
    dict(record.source)
    return record


@dataclass(frozen=True)
class Change:
    """A what-if question: a change of a text or of its attention.

    Attributes
    ----------
    drop : tuple of int
        Tokens that are removed.
    replace : (int, str) or None
        A token and its replacement.
    share : (tuple of int, float) or None
        Tokens, and the total attention from every token to them, from 0 to 1.
    weights : list or None
        The new attention weights: (tokens, tokens), or one such matrix for each head.
    cells : tuple of (int or None, int, float)
        Weights of single cells, as for `with_cells`.
    """

    drop: tuple[int, ...] = ()
    replace: tuple[int, str] | None = None
    share: tuple[tuple[int, ...], float] | None = None
    weights: Any = None
    cells: tuple[tuple[int | None, int, float], ...] = ()

    def of(self, record: Explanation) -> Explanation:
        """The explanation after the change."""
        if self.replace is not None:
            return record.replace(*self.replace)
        if self.share is not None:
            return record.edit(share_of_attention(record.weights[0], *self.share))
        if self.cells:
            return record.edit(with_cells(record.weights[0], self.cells))
        if self.weights is not None:
            return record.edit(self.weights)
        return record.drop(list(self.drop))


def share_of_attention(weights: NDArray[Any], tokens: Sequence[int], share: float) -> NDArray[Any]:
    """Change weights so that each row gives `tokens` a share and the others the rest. Proportions in each group stay.

    Parameters
    ----------
    weights : numpy.ndarray, shape (heads, T, T)
    tokens : sequence of int
    share : float
        Total weight of `tokens` in each row, from 0 to 1.

    Raises
    ------
    RecordError
        If a token does not exist, or `tokens` are all tokens of the text.
    """
    size = weights.shape[-1]
    if not tokens or min(tokens) < 0 or max(tokens) >= size:
        raise RecordError(f"the text has tokens 0 to {size - 1}; got {list(tokens)}.")
    chosen = np.isin(np.arange(size), tokens)
    if chosen.all():
        raise RecordError("attention is divided between the given tokens and the others: leave out at least one token.")
    both = []
    for part, mass in ((chosen, share), (~chosen, 1 - share)):
        own = np.where(part, weights.astype(np.float64), 0)
        total = own.sum(-1, keepdims=True)
        own = np.where(total > 1e-6, own / np.maximum(total, 1e-6), part / part.sum())
        both.append(mass * own)
    return both[0] + both[1]


def with_cells(weights: NDArray[Any], cells: Sequence[tuple[int | None, int, float]]) -> NDArray[Any]:
    """Change some cells of the weights. The other keys of a row share the rest in their old proportions.

    If the given weights of a row exceed 1, or all its keys are given, they are scaled to a sum of 1.

    Parameters
    ----------
    weights : numpy.ndarray, shape (heads, T, T)
    cells : sequence of (query, key, weight)
        A query of None means every query. A cell with a query has precedence over it.

    Raises
    ------
    RecordError
        If a token does not exist.
    """
    size = weights.shape[-1]
    given = np.full((size, size), np.nan)
    for query, key, weight in sorted(cells, key=lambda cell: cell[0] is not None):
        if max(query or 0, key) >= size:
            raise RecordError(f"the text has tokens 0 to {size - 1}; got the cell of query {query} and key {key}.")
        given[slice(None) if query is None else query, key] = weight
    fixed, free = np.nan_to_num(given), np.isnan(given)
    total = fixed.sum(-1, keepdims=True)
    rest = np.where(free, weights.astype(np.float64), 0)
    mass = rest.sum(-1, keepdims=True)
    free_count = np.maximum(free.sum(-1, keepdims=True), 1)
    rest = np.where(mass > 1e-6, rest / np.maximum(mass, 1e-6), free / free_count) * np.maximum(0, 1 - total)
    whole = np.where(free.any(-1, keepdims=True) & (total <= 1), 1, total)  # the sum of which the given weights are parts
    fixed = np.where(whole > 0, fixed / np.where(whole > 0, whole, 1), ~free / size)
    return np.where(free.all(-1, keepdims=True), weights, fixed + rest)


class Served:
    """One model with the thread that computes for it.

    Parameters
    ----------
    name : str
        The model's name in requests.
    folder : pathlib.Path or None
        The checkpoint folder. None is the bundled model.
    engine : str
    limits : Limits
    metrics : Metrics

    Attributes
    ----------
    predictor : Predictor
        `Models.reload` replaces it.
    """

    def __init__(self, name: str, folder: Path | None, engine: str, limits: Limits, metrics: Metrics):
        self.name, self.folder, self.limits, self._engine = name, folder, limits, engine
        self.predictor = load(folder, engine=engine)
        self.worker = Worker(limits.waiting, limits.seconds)
        self.worker.measure = metrics.watch(name, lambda: self.worker.waiting)

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label and probabilities of each text."""
        return await self.worker.run(Predict(self.predictor), texts, urgent=True)

    async def explain(self, texts: Sequence[str], method: str | None = "default", target: str | None = None,
                      draws: int = 100, what_if: bool = True, finish: Callable[[Explanation], Any] = whole) -> list[Any]:
        """Explain each text, as `Predictor.explain_each` does, and return ``finish(explanation)`` of each.

        Parameters
        ----------
        texts : sequence of str
        method, target : str or None
        draws : int
        what_if : bool
        finish : callable
            As for `Explain`.
        """
        for i, text in enumerate(texts):
            if is_blank(text):
                raise Refusal(422, f"text {i} (counted from 0) has no visible character, so there is nothing to explain.")
        return await self.worker.run(Explain(self.predictor, method, target, draws, what_if, finish), texts)

    async def change(self, text: str, change: Change, finish: Callable[[Explanation], Any] = whole) -> list[Any]:
        """Explain a text before and after a change.

        Parameters
        ----------
        text : str
        change : Change
        finish : callable
            As for `Explain`.
        """
        [both] = await self.explain([text], None, finish=lambda record: [finish(record), finish(change.of(record))])
        result: list[Any] = both
        return result

    async def read_again(self) -> Predictor:
        """Read the folder's model again."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: load(self.folder, engine=self._engine))


def _name_of(folder: Path) -> str:
    """The name of a folder in requests. Bytes that are not UTF-8 are spelled out, because no request can have them."""
    return os.fsencode(folder.resolve().name).decode("utf-8", "backslashreplace")


class Models:
    """The models of a server, in the order they were given. Requests that name no model go to the first.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        The checkpoint folders. If empty, the bundled model is served.
    engine : str
    limits : Limits
    metrics : Metrics
    """

    def __init__(self, folders: Sequence[Path], engine: str, limits: Limits, metrics: Metrics):
        given: list[tuple[str, Path | None]] = [(_name_of(folder), folder) for folder in folders]
        names = [name for name, _ in given]
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise OptionError(f"two models have the name {double!r}, from their folders: rename one of the folders.")
        self.all = {name: Served(name, folder, engine, limits, metrics) for name, folder in given or [("nsmc", None)]}

    def find(self, name: str | None) -> Served:
        """Return the model with a name, or the first model for None. Unknown names raise Refusal 404."""
        if name is None:
            return next(iter(self.all.values()))
        if name not in self.all:
            raise Refusal(404, f"there is no model {name!r:.80} here: expected {', '.join(map(repr, self.all))}.")
        return self.all[name]

    async def reload(self) -> None:
        """Read every model's folder again. Requests in progress are answered by the model they began with.

        If a folder cannot be read, no model is replaced.
        """
        read = [await served.read_again() for served in self.all.values()]
        for served, predictor in zip(self.all.values(), read):
            served.predictor = predictor

    def close(self) -> None:
        """End the threads."""
        for served in self.all.values():
            served.worker.close()
