"""Work done ahead: in order, not too far, and none begun after an error."""

from __future__ import annotations

import threading

import pytest

from gluonattn.threads import ahead


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order(workers):
    assert list(ahead(lambda a, b: a * b, ((i, 2) for i in range(20)), workers)) == [2 * i for i in range(20)]


def test_no_more_is_begun_than_is_needed():
    taken = []

    def inputs():
        for i in range(100):
            taken.append(i)
            yield (i,)

    found = ahead(lambda i: i, inputs(), 2)
    assert next(found) == 0 and len(taken) <= 4
    found.close()
    assert len(taken) <= 4


def test_after_an_error_what_waits_is_not_begun():
    begun, first = [], threading.Event()

    def work(i):
        begun.append(i)
        if i == 0:
            raise KeyboardInterrupt
        first.wait(5)

    with pytest.raises(KeyboardInterrupt):
        try:
            list(ahead(work, ((i,) for i in range(10)), 2))
        finally:
            first.set()
    assert len(begun) <= 4
