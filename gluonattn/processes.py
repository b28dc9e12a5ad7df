"""Work in other processes. Each process makes its function once, then works on item after item.

loky starts the processes. Python's own spawned processes would run the user's
script again, and forks are unsafe once MXNet, BLAS or Java run threads.
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
from typing import Any

from .errors import GluonAttnError

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_POLL_SECONDS = 0.2  # between a child's checks whether its parent still runs

_work: Callable[..., Any]  # in a child


@contextmanager
def processes(count: int, make: Callable[..., Callable[..., Any]], *given: Any,
              cure: str) -> Iterator[Callable[..., Future[Any]] | None]:
    """Start processes. All of them end with the ``with`` block, also after an error.

    Parameters
    ----------
    count : int
        Number of processes.
    make : callable
        Importable from a module. Each process calls ``make(*given)`` once and works with the function that it returns.
    *given
        Arguments of `make`; they are pickled.
    cure : str
        What to do if memory runs out. It ends the error's message.

    Yields
    ------
    callable or None
        Calls that function with its arguments in one of the processes, and returns a
        `concurrent.futures.Future`. None if no process can be started: on a
        system without semaphores or shared memory, or inside a daemonic process.

    Raises
    ------
    GluonAttnError
        At the end of the block, if a process was killed.
    """
    with ThreadPoolExecutor(1) as launcher:  # Ctrl-C is raised in the main thread, which never starts processes itself
        launched = launcher.submit(_launch, count, make, given)
        try:
            yield partial(_submit, launcher, launched.result()[0]) if _can_start(launched) else None
        except BrokenProcessPool as error:
            codes = re.findall(r"[A-Z]+\(-?\d+\)", str(error))
            raise GluonAttnError(
                f"one of {count} processes that shared the work ended early ({', '.join(codes) or 'reason unknown'}), "
                f"and its part of the work was not done. Start again; if memory ran out, {cure}."
            ) from None
        finally:
            with suppress(RuntimeError):  # Python is exiting, and loky has already ended its processes
                launcher.submit(_shut_down, launched)


def _launch(count: int, make: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an executor, and a future that is done when its first process is ready."""
    from loky import ProcessPoolExecutor

    resource_tracker.ensure_running()  # started later, it would unblock the signal blocked below
    executor = ProcessPoolExecutor(count, initializer=_start_child, initargs=(os.getpid(), make, given), env=_environment())
    if hasattr(signal, "pthread_sigmask"):  # permanently, on this thread and the threads and processes that it starts:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for the main process, which ends the others
    try:
        return executor, executor.submit(os.getpid)
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise


def _can_start(launched: Future[Any]) -> bool:
    try:
        launched.result()[1].result()
    except Exception:  # for any reason: the work is then done in this process
        return False
    return True


def _submit(launcher: ThreadPoolExecutor, executor: Any, *item: Any) -> Future[Any]:
    result: Future[Any] = launcher.submit(executor.submit, _run_item, item).result()
    return result


def _shut_down(launched: Future[Any]) -> None:
    if launched.exception() is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without pgrep loky still ends children, but warns
            launched.result()[0].shutdown(kill_workers=True)


def _environment() -> dict[str, str]:
    """One thread for each process, and the same modules as here, also from folders that are only in `sys.path`."""
    import loky

    package_parents = [str(Path(package).parents[1]) for package in (__file__, loky.__file__)]
    paths = [*dict.fromkeys(package_parents), os.environ.get("PYTHONPATH", "")]
    return {**_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONSAFEPATH": "1"}  # a random.py in the user's folder does not hide Python's


# ---- in a child

def _start_child(parent: int, make: Callable[..., Any], given: tuple[Any, ...]) -> None:
    global _work
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    _work = make(*given)


def _run_item(item: tuple[Any, ...]) -> Any:
    return _work(*item)


def _exit_with_parent(parent: int) -> None:
    """End this process when its parent has gone. A killed parent cannot end its children."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
