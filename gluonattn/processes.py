"""Work for processes beside this one: each makes what it works with once, then is given item after item.

On loky, whose processes do not run the user's script again (spawn does) and
are not forks, which are unsafe once MXNet, BLAS or Java run threads.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

from .errors import GluonAttnError

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LOOK = 0.2  # seconds between two looks of a child whether its parent lives

_work: Callable  # in a child


@contextmanager
def processes(count: int, make: Callable[..., Callable], *given, cure: str) -> Iterator[Callable[..., Future] | None]:
    """Start processes; all of them are gone after the ``with`` block, however it is left.

    Parameters
    ----------
    count : int
    make : callable
        Of a module. Each process calls ``make(*given)`` once, for the function it works with.
    *given
        Are pickled.
    cure : str
        What to do where memory runs out; ends the error's message.

    Yields
    ------
    callable or None
        Hands its arguments to that function in one of the processes, and gives a
        `concurrent.futures.Future`. None where processes cannot be had: on a
        system without semaphores or shared memory, or inside a daemonic process.

    Raises
    ------
    GluonAttnError
        Out of the block, when a process was killed.
    """
    with ThreadPoolExecutor(1) as hand:  # KeyboardInterrupt is raised in the main thread: it finds nothing half done here
        launched = hand.submit(_launch, count, make, given)
        try:
            yield partial(_submit, hand, launched.result()[0]) if _works(launched) else None
        except BrokenProcessPool as error:
            codes = re.findall(r"[A-Z]+\(-?\d+\)", str(error))
            raise GluonAttnError(
                f"one of {count} processes that shared the work ended early ({', '.join(codes) or 'it does not say why'}), "
                f"and what it was at is not done. Start again; if memory ran out, {cure}."
            ) from None
        finally:
            with suppress(RuntimeError):  # Python itself ends, and loky has ended its processes
                hand.submit(_end, launched)


def _launch(count: int, make: Callable, given: tuple) -> tuple:
    """An executor, and what tells when its first process is ready."""
    from loky import ProcessPoolExecutor

    resource_tracker.ensure_running()  # its start, and that of loky's by the executor, unblock what is blocked next
    executor = ProcessPoolExecutor(count, initializer=_begin, initargs=(os.getpid(), make, given), env=_environment())
    if hasattr(signal, "pthread_sigmask"):  # on this thread and on those and the processes it starts, for good:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for this process, which ends the others
    try:
        return executor, executor.submit(os.getpid)
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise


def _works(launched: Future) -> bool:
    try:
        launched.result()[1].result()
    except Exception:  # whatever the reason: the same is computed here
        return False
    return True


def _submit(hand: ThreadPoolExecutor, executor, *item) -> Future:
    return hand.submit(executor.submit, _call, item).result()


def _end(launched: Future) -> None:
    if launched.exception() is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without pgrep loky ends children all the same, and says so
            launched.result()[0].shutdown(kill_workers=True)


def _environment() -> dict[str, str]:
    """One thread each, and the same modules as here, also from a folder that only `sys.path` knows."""
    import loky

    own = [str(Path(package).parents[1]) for package in (__file__, loky.__file__)]
    paths = [*dict.fromkeys(own), os.environ.get("PYTHONPATH", "")]
    return {**_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONSAFEPATH": "1"}  # a random.py of the user's folder does not come before Python's


# ---- in a child

def _begin(parent: int, make: Callable, given: tuple) -> None:
    global _work
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _work = make(*given)


def _call(item: tuple):
    return _work(*item)


def _end_with(parent: int) -> None:
    """A parent that was killed could not end its children."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
