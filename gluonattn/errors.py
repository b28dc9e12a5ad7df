"""The errors this package raises for a user's mistake.

Every message says what was expected, what came, and what to do next; the
command line prints it without a traceback.
"""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class GluonAttnError(Exception):
    """Base of every error raised on purpose by this package."""


class DependencyError(GluonAttnError):
    """A library (MXNet, Java, Kiwi, CUDA ...) is missing or cannot be loaded."""


class DeviceError(GluonAttnError):
    """The requested device is not there, or MXNet cannot run on it."""


class DataError(GluonAttnError):
    """A file of reviews cannot be found, read or trusted."""


class TextError(GluonAttnError):
    """A text that nothing can be computed from (empty, blank, not a string)."""


class RecordError(GluonAttnError):
    """An attention record whose parts do not fit together."""


class CaptureError(GluonAttnError):
    """Attention that a model did not hand out, or that is not what it seems; names the layer and the cure."""


class CheckpointError(GluonAttnError):
    """A checkpoint folder that is missing, cut, foreign or cannot be written."""


class ClusterError(GluonAttnError):
    """A cluster that does not answer, or that lost the work; nothing was written."""


class OptionError(GluonAttnError):
    """An option whose value is unknown or out of range."""


class Interrupted(GluonAttnError):
    """Work was stopped by Ctrl-C; what was done is saved."""


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
