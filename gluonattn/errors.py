"""The errors that this package raises when the user can correct the cause.

Every message says what was expected, what was given, and what to do next. The
command line prints the message without a traceback.
"""

import operator
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")
LARGEST_SEED = 2**32 - 1  # that numpy's older generator and scikit-learn take


class GluonAttnError(Exception):
    """Base class of all errors that this package raises on purpose."""


class DependencyError(GluonAttnError):
    """A library (MXNet, Java, Kiwi, CUDA ...) is missing or cannot be loaded."""


class DeviceError(GluonAttnError):
    """The requested device does not exist, or MXNet cannot run on it."""


class DataError(GluonAttnError):
    """A file of reviews is missing, unreadable or invalid."""


class TextError(GluonAttnError):
    """A text that cannot be used: it is empty, blank or not a string."""


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
    """Turn an ImportError in the block into an error that names the extra to install.

    Parameters
    ----------
    extra : str
        The extra's name, as in ``pip install "gluonattn[EXTRA]"``.
    task : str
        What needs the library, such as "evaluate". It begins the message.

    Raises
    ------
    DependencyError
        If an import in the block fails.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or str(error)).split(".")[0]
        missing = {"sklearn": "scikit-learn", "umap": "umap-learn"}.get(module, module)
        raise DependencyError(f'{task} needs {missing}: pip install "gluonattn[{extra}]".') from None


def choose(kind: str, name: object, known: Mapping[str, Value]) -> Value:
    """Return ``known[name]``, or raise an error that lists the valid choices.

    Parameters
    ----------
    kind : str
        What is being chosen, for the message ("attention cell").
    name : object
        The given value. A valid one is a str.
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


def require_seed(seed: object) -> int:
    """Return a seed of random numbers, or raise an error that says which are valid.

    Raises
    ------
    OptionError
        If it is not a whole number from 0 to `LARGEST_SEED`.
    """
    try:
        found = -1 if isinstance(seed, bool) else operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        found = -1
    if not 0 <= found <= LARGEST_SEED:
        raise OptionError(f"seed must be a whole number from 0 to {LARGEST_SEED}; got {seed!r}.")
    return found
