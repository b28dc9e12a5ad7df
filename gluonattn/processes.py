"""Work in other processes. Each one makes its function once, then processes item after item.

loky starts them. Python's own spawned processes would run the user's script
again, and forks are unsafe once MXNet, BLAS or Java run threads.
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
_POLL_SECONDS = 0.2  # between a child's checks that its parent lives

_work: Callable[..., Any]  # in a child


@contextmanager
def processes(count: int, make: Callable[..., Callable[..., Any]], *given: Any,
              cure: str) -> Iterator[Callable[..., Future[Any]] | None]:
    """Start processes. All of them have ended after the ``with`` block, in any case.

    Parameters
    ----------
    count : int
    make : callable
        Importable from a module. Each process calls ``make(*given)`` once, and works with the function that this returns.
    *given
        Arguments of `make`; they are pickled.
    cure : str
        What to do if memory runs out; ends the error's message.

    Yields
    ------
    callable or None
        Calls that function with its arguments in one of the processes, and returns a
        `concurrent.futures.Future`. None where no process can be started: on a
        system without semaphores or shared memory, or inside a daemonic process.

    Raises
    ------
    GluonAttnError
        At the end of the block, if a process was killed.
    """
    with ThreadPoolExecutor(1) as launcher:  # Ctrl-C is raised in the main thread, where nothing is half done
        launched = launcher.submit(_launch, count, make, given)
        try:
            yield partial(_submit, launcher, launched.result()[0]) if _can_start(launched) else None
        except BrokenProcessPool as error:
            codes = re.findall(r"[A-Z]+\(-?\d+\)", str(error))
            raise GluonAttnError(
                f"one of {count} processes that shared the work ended early ({', '.join(codes) or 'it does not say why'}), "
                f"and its part of the work is not done. Start again; if memory ran out, {cure}."
            ) from None
        finally:
            with suppress(RuntimeError):  # Python itself ends, and loky has ended its processes
                launcher.submit(_shut_down, launched)


def _launch(count: int, make: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, ...]:
    """An executor, and a future that is done when its first process is ready."""
    from loky import ProcessPoolExecutor

    resource_tracker.ensure_running()  # its start, and that of loky's by the executor, unblock what is blocked next
    executor = ProcessPoolExecutor(count, initializer=_start_child, initargs=(os.getpid(), make, given), env=_environment())
    if hasattr(signal, "pthread_sigmask"):  # on this thread and on those and the processes it starts, for good:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for this process, which ends the others
    try:
        return executor, executor.submit(os.getpid)
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise


def _can_start(launched: Future[Any]) -> bool:
    try:
        launched.result()[1].result()
    except Exception:  # whatever the reason: the same is computed here
        return False
    return True


def _submit(launcher: ThreadPoolExecutor, executor: Any, *item: Any) -> Future[Any]:
    result: Future[Any] = launcher.submit(executor.submit, _run_item, item).result()
    return result


def _shut_down(launched: Future[Any]) -> None:
    if launched.exception() is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without pgrep loky ends children all the same, and says so
            launched.result()[0].shutdown(kill_workers=True)


def _environment() -> dict[str, str]:
    """One thread each, and the same modules as here, also from a folder that only `sys.path` knows."""
    import loky

    package_parents = [str(Path(package).parents[1]) for package in (__file__, loky.__file__)]
    paths = [*dict.fromkeys(package_parents), os.environ.get("PYTHONPATH", "")]
    return {**_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONSAFEPATH": "1"}  # a random.py of the user's folder does not come before Python's


# ---- in a child

def _start_child(parent: int, make: Callable[..., Any], given: tuple[Any, ...]) -> None:
    global _work
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    _work = make(*given)


def _run_item(item: tuple[Any, ...]) -> Any:
    return _work(*item)


def _exit_with_parent(parent: int) -> None:
    """A parent that was killed could not end its children."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
