"""Import MXNet and GluonNLP on first use, after setting up what they need on a current machine."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from types import ModuleType

from ..errors import DependencyError
from .gpu import find_driver, load_cuda_libraries
from .threads import threads_while_loading
from .wheel import install_command, installed_wheel


def import_mxnet() -> ModuleType:
    """Import MXNet after setting numpy's aliases, CUDA libraries and threads.

    Raises
    ------
    DependencyError
        If no wheel or more than one is installed, or it cannot be imported.
    """
    if "mxnet" in sys.modules and hasattr(sys.modules["mxnet"], "gluon"):
        _finish_at_exit()
        return sys.modules["mxnet"]
    wheel = installed_wheel()
    if wheel != "mxnet":
        find_driver()
        load_cuda_libraries()
    set_numpy_aliases()
    try:
        with threads_while_loading() as start_engine, warnings.catch_warnings():
            # MXNet 1.9.1 is the final release: the causes of its warnings will not be fixed.
            warnings.simplefilter("ignore")
            # The import may start the engine (it does on Python 3.9), which prints a message.
            with hide_stderr() if start_engine else nullcontext():
                mxnet = importlib.import_module("mxnet")
                if start_engine:
                    mxnet.nd.zeros((1,)).wait_to_read()
        _finish_at_exit()
        return mxnet
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise DependencyError(
            f"{wheel} is installed but cannot be imported: {error}. It needs Python 3.9 to 3.12, "
            f"numpy below 2 and setuptools below 81: install it with {install_command(wheel)}."
        ) from error


@cache
def _finish_at_exit() -> None:
    """Let the program wait for what MXNet still computes before MXNet itself ends.

    MXNet's end stops the threads of operators in Python first and then waits for all operators. If one in Python was
    still to come, the program hung or was aborted.
    """
    def finish() -> None:
        # An operator failed and nobody has read its result, or the user presses Ctrl-C again: the program ends either way.
        with suppress(Exception, KeyboardInterrupt):
            sys.modules["mxnet"].nd.waitall()

    atexit.register(finish)


def import_gluonnlp() -> ModuleType:
    """Import GluonNLP after MXNet.

    Raises
    ------
    DependencyError
        If either cannot be imported.
    """
    import_mxnet()
    try:
        return importlib.import_module("gluonnlp")
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"GluonNLP cannot be imported ({error}). Install it with {install_command(installed_wheel())}."
        ) from None


def set_numpy_aliases() -> None:
    """Restore the names that numpy 1.24 removed and MXNet 1.9.1 still uses."""
    import numpy as np

    for name, kind in dict(
        bool=bool, object=object, int=int, float=float, complex=complex, str=str
    ).items():
        if name not in np.__dict__:
            setattr(np, name, kind)


@contextmanager
def hide_stderr() -> Iterator[None]:
    """Hide what C code writes to stderr, such as MXNet's message about its engine."""
    try:
        original = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(original, 2)
        os.close(original)
