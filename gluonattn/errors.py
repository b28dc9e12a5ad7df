"""The errors that this package raises for a user's mistake.

Every message says what was expected, what came, and what to do next; the
command line prints it without a traceback.
"""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")


class GluonAttnError(Exception):
    """Base class of all errors that this package raises on purpose."""


class DependencyError(GluonAttnError):
    """A library (MXNet, Java, Kiwi, CUDA ...) is missing or cannot be loaded."""


class DeviceError(GluonAttnError):
    """The requested device does not exist, or MXNet cannot run on it."""


class DataError(GluonAttnError):
    """A file of reviews is missing, unreadable or invalid."""


class TextError(GluonAttnError):
    """A text from which nothing can be computed (empty, blank, not a string)."""


class RecordError(GluonAttnError):
    """An attention record with inconsistent parts."""


class CaptureError(GluonAttnError):
    """Attention that a model did not return, or that is invalid. The message names the layer and the cure."""


class CheckpointError(GluonAttnError):
    """A checkpoint folder that is missing, truncated, foreign or not writable."""


class ClusterError(GluonAttnError):
    """A cluster that does not answer or lost the work. Nothing was written."""


class OptionError(GluonAttnError):
    """An option whose value is unknown or out of range."""


class Interrupted(GluonAttnError):
    """Work was stopped by Ctrl-C. Finished work is saved."""


@contextmanager
def offer_extra(extra: str, task: str) -> Iterator[None]:
    """An import inside that finds no library becomes an error that names the extra which brings it.

    Parameters
    ----------
    extra : str
        As in ``pip install "gluonattn[EXTRA]"``.
    task : str
        What needs the library, as the message begins ("evaluate").

    Raises
    ------
    DependencyError
        If the import fails.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or str(error)).split(".")[0]
        missing = {"sklearn": "scikit-learn", "umap": "umap-learn"}.get(module, module)
        raise DependencyError(f'{task} needs {missing}: pip install "gluonattn[{extra}]".') from None


def choose(kind: str, name: object, known: Mapping[str, Value]) -> Value:
    """Return ``known[name]``, or raise naming the valid choices.

    Parameters
    ----------
    kind : str
        What is being chosen, for the message ("attention cell").
    name : object
        What was given; the right kind is str.
    known : mapping of str to anything

    Raises
    ------
    OptionError
        If `name` is not a key of `known`.
    """
    import difflib

    if isinstance(name, Hashable) and name in known:
        return known[name]  # type: ignore[index]
    close = difflib.get_close_matches(str(name), list(known), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise OptionError(
        f"unknown {kind} {name!r}: expected one of {', '.join(map(repr, known))}.{hint}"
    )
