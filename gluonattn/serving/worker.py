"""One thread that computes for a model, in batches of the waiting requests.

Requests that arrive while a batch is computed form the next batch. So a single request does not wait for others, and many
simultaneous ones share a pass through the network. There is one thread because tokenizers and MXNet may not be thread-safe.

Computing for a request whose time ends before its batch does would be wasted. On a busy machine that could be every
request: each would wait almost as long as it may, and be refused while it is computed. So a batch takes at most half of a
request's time, and a request that has not enough time left for a batch is refused when its turn comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from .refusals import busy

Item = TypeVar("Item")
Answer = TypeVar("Answer")

LARGEST = 256  # items in a batch if its function has no `largest`. A single request may have more


class _Waiting(NamedTuple):
    job: Hashable
    items: Sequence[Any]
    answer: asyncio.Future[Any]
    until: float  # when it is refused, in the loop's time


class Worker:
    """Run functions on lists of items. Items of several requests are computed together.

    Parameters
    ----------
    most : int
        Maximum number of waiting items.
    seconds : float
        Maximum time of a request. After it the request is refused, and its items are not computed unless that has begun.
    measure : callable
        Called with the number of items of each batch.
    """

    def __init__(self, most: int, seconds: float, measure: Callable[[int], None] = lambda count: None):
        self.most, self.seconds, self.measure = most, seconds, measure
        self.waiting = 0  # items
        self._pace: dict[type, float] = {}  # by kind of function: seconds for an item in its last batch
        self._queues: tuple[deque[_Waiting], deque[_Waiting]] = deque(), deque()  # urgent and other requests
        self._thread = ThreadPoolExecutor(1, "gluonattn-model")
        self._running: asyncio.Task[Any] | None = None

    async def run(self, function: Callable[[list[Item]], Sequence[Answer]], items: Sequence[Item], *,
                  urgent: bool = False) -> list[Answer]:
        """Return the results of ``function(items)``, one for each item.

        Parameters
        ----------
        function : callable
            Equal functions are called once for the items of several requests. A `functools.partial` equals only
            itself. Bound methods and dataclasses are compared by value.
        items : sequence
        urgent : bool, default False
            Whether the request goes before those that are not urgent. Predicting is urgent: it is a hundred times as fast
            as explaining.

        Raises
        ------
        Refusal
            503 if too many texts wait or the computation takes too long.
        Exception
            Any error of the function for these items. Other requests in the same batch are not affected.
        """
        if self.waiting and self.waiting + len(items) > self.most:
            raise busy(f"{self.waiting} texts already wait for the model, and the limit is {self.most}.")
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        until = loop.time() + self.seconds
        self._queues[0 if urgent else 1].append(_Waiting(function, items, answer, until))
        self.waiting += len(items)
        if self._running is None:
            self._running = loop.create_task(self._work())
        timer = loop.call_at(until, self._refuse, answer)
        try:
            result: list[Answer] = await answer
            return result
        finally:
            timer.cancel()
            self.waiting -= len(items)

    def close(self) -> None:
        """End the thread after its current batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _refuse(self, answer: asyncio.Future[Any]) -> None:
        if not answer.done():
            answer.set_exception(busy(f"the model is too busy: no answer within {self.seconds:g} s.", 2))

    def _size(self, one: _Waiting) -> tuple[int, float]:
        """Maximum number of items of a request's batch, and the seconds that it takes."""
        pace, most = self._pace.get(type(one.job), 0.0), self.seconds / 2
        largest = getattr(one.job, "largest", LARGEST)
        if pace * largest > most:
            largest = max(1, int(most / pace))
        return largest, min(pace * max(largest, len(one.items)), most)

    def _next(self, now: float) -> list[_Waiting]:
        """The first request that can be answered in time, and all others with the same function that fit into a batch."""
        for queue in self._queues:
            while queue and (queue[0].answer.done() or queue[0].until - now < self._size(queue[0])[1]):
                self._refuse(queue.popleft().answer)
            if not queue:
                continue
            found: list[_Waiting] = []
            rest: deque[_Waiting] = deque()
            count = 0
            largest, _ = self._size(queue[0])
            while queue and count < largest:
                one = queue.popleft()
                if one.answer.done():
                    continue
                fits = not found or (one.job == found[0].job and count + len(one.items) <= largest)
                if fits:
                    found.append(one)
                    count += len(one.items)
                else:
                    rest.append(one)
            queue.extendleft(reversed(rest))
            return found
        return []

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next(start := loop.time()):
                count = sum(len(one.items) for one in batch)
                self.measure(count)
                results = await loop.run_in_executor(self._thread, _compute, batch)
                self._pace[type(batch[0].job)] = (loop.time() - start) / max(1, count)
                for one, result in zip(batch, results):
                    if one.answer.done():
                        continue
                    if isinstance(result, BaseException):
                        one.answer.set_exception(result)
                    else:
                        one.answer.set_result(result)
        finally:
            self._running = None


def _compute(batch: list[_Waiting]) -> list[list[Any] | Exception]:
    """Results by request. If a batch fails, each of its requests is computed alone, so that only the faulty one fails."""
    function: Any = batch[0].job
    try:
        results = list(function([item for one in batch for item in one.items]))
    except Exception as error:
        if len(batch) == 1:
            return [error]
        return [found for one in batch for found in _compute([one])]
    found: list[list[Any] | Exception] = []
    start = 0
    for one in batch:
        found.append(results[start : start + len(one.items)])
        start += len(one.items)
    return found
