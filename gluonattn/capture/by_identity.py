"""A mapping with tensors as keys, by identity. Entries disappear with their tensors."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class ByIdentity(Generic[Value]):
    """Information about each tensor.

    A tensor cannot be a dictionary key by its values, and its `id` may be used again after it is freed. Look-ups happen
    several times for each operation of a model, so they create no objects.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Value]] = {}

    def get(self, tensor: Any, default: Any = None) -> Any:
        """The entry of a tensor.

        Parameters
        ----------
        tensor : object
            A tensor, or an object without an entry.
        default : object, default None
        """
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else default

    def setdefault(self, tensor: Any, value: Value) -> Value:
        """The entry of a tensor. It is set to `value` if there is none.

        Parameters
        ----------
        tensor : tensor
        value : object
        """
        if tensor not in self:
            self[tensor] = value
        return self[tensor]

    def __contains__(self, tensor: Any) -> bool:
        known = self._known.get(id(tensor))
        return known is not None and known[0]() is tensor

    def __getitem__(self, tensor: Any) -> Value:
        known = self._known[id(tensor)]
        if known[0]() is not tensor:
            raise KeyError(tensor)
        return known[1]

    def __setitem__(self, tensor: Any, value: Value) -> None:
        key, known = id(tensor), self._known
        before = known.get(key)
        if before is not None and before[0]() is tensor:
            known[key] = (before[0], value)
            return

        def gone(reference: Any) -> None:
            if (entry := known.get(key)) is not None and entry[0] is reference:
                del known[key]

        known[key] = (weakref.ref(tensor, gone), value)

    def __len__(self) -> int:
        return len(self._known)
