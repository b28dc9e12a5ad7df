"""Memory of the process and of arrays."""

from __future__ import annotations

import pytest

from ..needs import needs_mxnet
from .machines import (
    in_a_process,
)


def test_freed_memory_is_kept_once_asked_for_in_other_threads_too():
    """Resident memory after freeing 200 MB: given back as usual, kept after the call."""
    done = in_a_process("""
import threading
import numpy as np
from gluonattn import runtime

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def held_after_freeing(found):
    before = resident()
    blocks = [np.ones(2_500_000) for _ in range(10)]
    del blocks
    found.append(resident() - before > 100_000_000)

found = []
held_after_freeing(found)
found.append(runtime.keep_freed_memory())
thread = threading.Thread(target=held_after_freeing, args=(found,))
thread.start()
thread.join()
print(*found)
""")
    if done.stdout.split()[1] == "False":
        pytest.skip("the C library is not glibc")
    assert done.stdout.split() == ["False", "True", "True"]


@needs_mxnet
@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_memory_of_an_array_is_its_own(kind):
    from gluonattn.runtime import memory_of, mx

    array = mx.nd.arange(6, dtype=kind).reshape((2, 3))
    memory = memory_of(array)
    assert memory.dtype == kind and memory.tolist() == [[0, 1, 2], [3, 4, 5]]
    memory[1, 2] = 9
    assert array.asnumpy()[1, 2] == 9
