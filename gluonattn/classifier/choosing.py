"""Find the class that a user names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..data.reviews import label_text
from ..errors import DataError, OptionError


def find_class(name: object, labels: Sequence[str], names: Mapping[str, str], *, what: str = "target") -> int:
    """The number of a class by its label or its name.

    Parameters
    ----------
    name : str
    labels : sequence of str
        The model's labels, in the order of its classes.
    names : mapping of str to str
        Display names of labels. A label without one is its own name.
    what : str, default "target"
        The option, for messages.

    Raises
    ------
    OptionError
        If there is no such class, or several.
    """
    called = [names.get(label, label) for label in labels]
    try:
        wanted = label_text(name, what)
        for known in (labels, called):
            found = [i for i, one in enumerate(known) if wanted and label_text(one, "the model") == wanted]
            if len(found) == 1:
                return found[0]
    except DataError:  # no label at all: a list, say
        pass
    shown = ", ".join(repr(label) if label == own else f"{label!r} ({own})" for label, own in zip(labels, called))
    raise OptionError(f"unknown {what} {name!r}: expected one of this model's labels, {shown}.")
