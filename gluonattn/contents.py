"""Read and check JSON files, and tensor files with notes.

A damaged file, too deep nesting or a value of another type raises an error of the type that the caller gives.
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

_MAX_DEPTH = 64  # levels; files of this package have fewer than ten
_DIGEST = "sha256"
COPY_AGAIN = "Copy the whole folder again."


def parse_json(content: str | bytes, name: object, error: type[Exception], cure: str = COPY_AGAIN) -> Any:
    """Parse the content of a JSON file and return its value.

    Parameters
    ----------
    content : str or bytes
    name : path or str
        Name of the file in messages.
    error : type of exception
    cure : str
        Advice that ends the message.

    Raises
    ------
    error
        If the content is not JSON, or is nested deeper than 64 levels.
    """
    try:
        value = json.loads(content)
        for _, depth in _containers(value):
            if depth > _MAX_DEPTH:
                raise RecursionError
    except ValueError as problem:
        reason = str(problem)
    except RecursionError:
        reason = "its values are nested too deeply"
    else:
        return value
    raise error(f"{name} is not readable ({reason}): it was cut short or is not the expected file. {cure}") from None


def require(value: Any, kind: Any, name: object, error: type[Exception], cure: str = COPY_AGAIN) -> Any:
    """Convert a JSON value to a type that msgspec knows.

    Parameters
    ----------
    value : JSON value
    kind : type
    name : path or str
        Name of the file in messages.
    error : type of exception
        Raised for the first entry of a wrong type. Its message names the file and the entry.
    cure : str
        Advice that ends the message.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as problem:  # a lone surrogate is invalid
        refuse(name, str(problem), error, cure)


def refuse(name: object, reason: str, error: type[Exception], cure: str = COPY_AGAIN) -> NoReturn:
    """Raise the error for a file with invalid values.

    Parameters
    ----------
    name : path or str
        Name of the file in messages.
    reason : str
        What is wrong.
    error : type of exception
    cure : str
        Advice that ends the message.
    """
    raise error(f"{name} has invalid content: {reason}. It was changed, or was written by another program. {cure}"
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
    """A JSON object with its own digest added, in the form in which it is read back."""
    value = json.loads(json.dumps(value, ensure_ascii=False))
    return {**value, _DIGEST: digest_json(value)}


def unseal(value: dict[str, Any]) -> dict[str, Any] | None:
    """The value that `seal` was given, or None if it was changed. A value without a digest is from an older version."""
    content = {key: one for key, one in value.items() if key != _DIGEST}
    return content if value.get(_DIGEST) in (None, digest_json(content)) else None


def dump_tensors(tensors: Mapping[str, NDArray[Any]], notes: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of arrays and notes. The notes include a digest of both. Equal input gives equal bytes.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
    notes : mapping of str to str, or None
    """
    arrays = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    notes = dict(notes or {})
    content = _save(arrays, {**notes, _DIGEST: digest_arrays(arrays, notes)})
    header, data = _parts(content)
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))  # safetensors writes them in any order
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + bytes(data)


def parse_tensors(content: bytes, name: object, error: type[Exception], cure: str = COPY_AGAIN
                  ) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Parse a safetensors file and return its arrays and notes. Nothing is unpickled.

    A file without a digest is from an older version or another program. It is read without that check.

    Parameters
    ----------
    content : bytes
    name : path or str
        Name of the file in messages.
    error : type of exception
    cure : str
        Advice that ends the message.

    Raises
    ------
    error
        If the content is truncated, changed, or not a safetensors file.
    """
    try:
        tensors = dict(sorted(_load(content).items()))  # safetensors gives them in another order in each process
        notes = dict(_parts(content)[0].get("__metadata__") or {})
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as problem:
        raise error(f"{name} cannot be read ({problem}): it was cut short or is not the expected file. {cure}") from None
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
    """Whether an array has neither NaN nor infinity. The array is not copied."""
    return values.dtype.kind != "f" or not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header of a safetensors file and its data."""
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), memoryview(content)[start:]


def _items(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _containers(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield every list and dict in a JSON value with its depth, without recursion."""
    waiting = [(value, 1)] if isinstance(value, (dict, list)) else []
    while waiting:
        container, depth = waiting.pop()
        yield container, depth
        waiting += [(one, depth + 1) for one in _items(container) if isinstance(one, (dict, list))]
