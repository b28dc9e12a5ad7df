"""One thread for a model: what waits is computed together, and nobody pays for another's fault."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import TextError
from gluonattn.serving.refusals import Refusal
from gluonattn.serving.worker import LARGEST, Worker

pytestmark = pytest.mark.serve


class Job:
    """Doubles numbers; holds the first batch until it is let go."""

    def __init__(self):
        self.batches, self.gate = [], threading.Event()

    def __call__(self, items):
        self.gate.wait(20)
        self.batches.append(list(items))
        if any(item < 0 for item in items):
            raise TextError("a negative number")
        return [2 * item for item in items]


def run(worker, job, requests, *, urgent=()):
    """Results, or exceptions, of requests that are all sent while the first is computed."""

    async def everything():
        tasks = []
        for i, items in enumerate(requests):
            tasks.append(asyncio.create_task(worker.run(job, items, urgent=i in urgent)))
            await asyncio.sleep(0)
        job.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    try:
        return asyncio.run(everything())
    finally:
        worker.close()


def test_what_waits_is_computed_together():
    job = Job()
    assert run(Worker(100, 20), job, [[1], [2], [3, 4], [5]]) == [[2], [4], [6, 8], [10]]
    assert job.batches == [[1], [2, 3, 4, 5]] or job.batches == [[1, 2, 3, 4, 5]]


def test_one_urgent_request_goes_before_those_that_are_not():
    job = Job()
    run(Worker(1000, 20), job, [[1] * LARGEST, [2] * LARGEST, [3]], urgent={2})
    assert [batch[0] for batch in job.batches] in ([1, 3, 2], [3, 1, 2])


@given(st.lists(st.lists(st.integers(-3, 30), min_size=1, max_size=4), min_size=1, max_size=12))
def test_a_request_that_fails_fails_alone(requests):
    found = run(Worker(1000, 20), Job(), requests)
    for items, result in zip(requests, found):
        if min(items) < 0:
            assert isinstance(result, TextError)
        else:
            assert result == [2 * item for item in items]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_no_batch_is_larger_than_it_may_be_unless_one_request_is(sizes):
    job = Job()
    found = run(Worker(10_000, 20), job, [[1] * size for size in sizes])
    assert [len(result) for result in found] == sizes
    assert all(len(batch) <= LARGEST or len(batch) in sizes for batch in job.batches)


def test_what_comes_on_top_is_refused_and_what_waits_is_answered():
    found = run(Worker(4, 20), Job(), [[1, 2], [3, 4], [5], [6]])
    assert found[:2] == [[2, 4], [6, 8]]
    for refused in found[2:]:
        assert isinstance(refused, Refusal) and refused.status == 503 and int(refused.headers["retry-after"]) >= 1


def test_one_request_larger_than_the_queue_is_taken_where_nothing_waits():
    assert run(Worker(2, 20), Job(), [[1, 2, 3]]) == [[2, 4, 6]]


class Slow:
    """Takes its time for each number."""

    largest = 16

    def __call__(self, items):
        time.sleep(0.2 * len(items))
        return items


def test_no_request_is_computed_that_ends_too_late():
    """A batch of all clients' requests takes longer than a request may. They would be refused together, again and again."""
    job, worker, found = Slow(), Worker(100, 2), []

    async def client():
        for _ in range(6):
            try:
                found.append(await worker.run(job, [1]))
            except Refusal:
                found.append(None)

    async def everything():
        await asyncio.gather(*(client() for _ in range(16)))

    asyncio.run(everything())
    worker.close()
    assert [1] in found


def test_a_request_that_waits_too_long_is_refused_and_not_computed():
    job, worker = Job(), Worker(100, 0.05)

    async def everything():
        first = asyncio.create_task(worker.run(job, [1]))
        await asyncio.sleep(0)
        with pytest.raises(Refusal, match=r"no answer within 0\.05 s.*Try again") as refused:
            await worker.run(job, [2])
        assert refused.value.status == 503
        with pytest.raises(Refusal):
            await first
        job.gate.set()
        worker.seconds = 20
        assert await worker.run(job, [3]) == [6]
        assert worker.waiting == 0

    asyncio.run(everything())
    worker.close()
    assert [2] not in job.batches
