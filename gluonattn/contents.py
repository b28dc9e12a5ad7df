"""Read JSON files, and tensor files with notes, and check them.

A damaged file, one that is nested too deeply, or a value of another type raises the error that the caller names.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as _load
from safetensors.numpy import save as _save

_MAX_DEPTH = 64  # levels; nothing that this package writes has ten
_DIGEST = "sha256"
COPY_AGAIN = "Copy the whole folder again."


def parse_json(content: str | bytes, name: object, error: type[Exception], cure: str = COPY_AGAIN) -> Any:
    """The value of a JSON file.

    Parameters
    ----------
    content : str or bytes
    name : path or str
        What the message calls the file.
    error : type of exception
    cure : str
        What the message ends with.

    Raises
    ------
    error
        If it is not JSON, or nested deeper than 64 levels.
    """
    try:
        value = json.loads(content)
        for _, depth in _containers(value):
            if depth > _MAX_DEPTH:
                raise RecursionError
    except ValueError as problem:
        reason = str(problem)
    except RecursionError:
        reason = "its values are nested too deep"
    else:
        return value
    raise error(f"{name} is not readable ({reason}): it was cut short or is another file. {cure}") from None


def require(value: Any, kind: Any, name: object, error: type[Exception], cure: str = COPY_AGAIN) -> Any:
    """A JSON value as an object of a type that msgspec knows.

    Parameters
    ----------
    value : JSON value
    kind : type
    name : path or str
        What the message calls the file.
    error : type of exception
        Raised for the first entry of another type; its message names the file and the entry.
    cure : str
        What the message ends with.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as problem:  # half a character is no str to msgspec
        refuse(name, str(problem), error, cure)


def refuse(name: object, reason: str, error: type[Exception], cure: str = COPY_AGAIN) -> NoReturn:
    """Raise the error for a file whose values are not what they should be.

    Parameters
    ----------
    name : path or str
        What the message calls the file.
    reason : str
    error : type of exception
    cure : str
        What the message ends with.
    """
    raise error(f"{name} does not hold what it should: {reason}. It was changed, or is another program's file. {cure}"
                ) from None


def all_finite(value: Any) -> bool:
    """Whether every number in a JSON value is finite."""
    numbers = (one for container, _ in _containers([value]) for one in _items(container) if isinstance(one, float))
    return all(map(math.isfinite, numbers))


def digest(content: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of keys and of white space."""
    return digest(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its own digest in it, as it would be read back."""
    value = json.loads(json.dumps(value, ensure_ascii=False))
    return {**value, _DIGEST: digest_json(value)}


def unseal(value: dict[str, Any]) -> dict[str, Any] | None:
    """The value that `seal` was given; None if it has changed since. One without a digest is of an older version."""
    content = {key: one for key, one in value.items() if key != _DIGEST}
    return content if value.get(_DIGEST) in (None, digest_json(content)) else None


def dump_tensors(tensors: Mapping[str, NDArray[Any]], notes: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of arrays and notes, with a digest of both among the notes; always the same bytes.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
    notes : mapping of str to str, or None
    """
    arrays = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    notes = dict(notes or {})
    content = _save(arrays, {**notes, _DIGEST: digest_arrays(arrays, notes)})
    header, data = _parts(content)
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))  # safetensors has them in any order
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + bytes(data)


def parse_tensors(content: bytes, name: object, error: type[Exception], cure: str = COPY_AGAIN
                  ) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and notes of a safetensors file; nothing is unpickled.

    A file without a digest is of an older version or another program, and is read as it is.

    Parameters
    ----------
    content : bytes
    name : path or str
        What the message calls the file.
    error : type of exception
    cure : str
        What the message ends with.

    Raises
    ------
    error
        If it is cut, changed, or no safetensors file.
    """
    try:
        tensors = _load(content)
        notes = dict(_parts(content)[0].get("__metadata__") or {})
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as problem:
        raise error(f"{name} cannot be read ({problem}): it was cut short or is another file. {cure}") from None
    expected = notes.pop(_DIGEST, None)
    if expected is not None and expected != digest_arrays(tensors, notes):
        raise error(f"{name} cannot be read (its SHA-256 does not match): it was changed after it was saved. {cure}")
    return tensors, notes


def digest_arrays(arrays: Mapping[str, NDArray[Any]], notes: Any) -> str:
    """SHA-256 of arrays by name and a JSON value.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
    notes : JSON value
    """
    sha256 = hashlib.sha256(json.dumps(notes, sort_keys=True).encode())
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        sha256.update(json.dumps([name, values.dtype.str, values.shape]).encode())
        sha256.update(values.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()


def is_finite(values: NDArray[Any]) -> bool:
    """Whether an array has neither NaN nor infinity; without a copy of it."""
    return values.dtype.kind != "f" or not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header of a safetensors file and its data."""
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), memoryview(content)[start:]


def _items(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _containers(value: Any) -> Iterator[tuple[Any, int]]:
    """Every list and dict in a JSON value, and how deep it stands; without recursion."""
    waiting = [(value, 1)] if isinstance(value, (dict, list)) else []
    while waiting:
        container, depth = waiting.pop()
        yield container, depth
        waiting += [(one, depth + 1) for one in _items(container) if isinstance(one, (dict, list))]
