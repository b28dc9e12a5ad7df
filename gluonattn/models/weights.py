"""The parameters of a model by name: get them from a Gluon block, check them, and set them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import is_finite
from ..errors import CheckpointError
from .config import refuse

KNOWN_NGRAMS = "known_ngrams"  # among the weights: the hashes of the linear branch's n-grams
# Among the weights: the tables of evidence (`gluonattn.data.evidence.Evidence`), which no engine needs.
EVIDENCE = ("evidence.known", "evidence.scores", "evidence.squares", "evidence.spread")
CHANNELS = 6  # channels of evidence for each column of its scores: `gluonattn.data.evidence.ORDERS`
_HASHES = (KNOWN_NGRAMS, EVIDENCE[0])


def get_weights(model: Any) -> dict[str, NDArray[Any]]:
    """Parameters of a Gluon block by structural name, as numpy arrays."""
    return {name: p.data().asnumpy() for name, p in model._collect_params_with_prefix().items()}


def set_weights(model: Any, weights: Mapping[str, NDArray[Any]], device: Any) -> None:
    """Set every parameter of a Gluon block.

    Parameters
    ----------
    model : mxnet.gluon.Block
    weights : mapping of str to numpy.ndarray
        By structural name.
    device : mxnet.Context

    Raises
    ------
    CheckpointError
        If names or shapes differ from the model's.
    """
    parameters = model._collect_params_with_prefix()
    check_weights({name: parameter.shape for name, parameter in parameters.items()}, weights)
    for name, parameter in parameters.items():
        parameter._load_init(_array(weights[name]), device)


def check_weights(shapes: Mapping[str, Sequence[int]], weights: Mapping[str, NDArray[Any]]) -> None:
    """Raise CheckpointError unless names and shapes match the model.

    Parameters
    ----------
    shapes : mapping of str to sequence of int
        The model's shapes. 0 matches any width.
    weights : mapping of str to numpy.ndarray
    """
    if set(shapes) != set(weights):
        odd = sorted(set(shapes) ^ set(weights))
        raise CheckpointError(
            f"the weights do not fit this model: {', '.join(odd[:5])} are on one side only. The "
            "checkpoint's config.json and model.safetensors belong to different models."
        )
    for name, shape in shapes.items():
        # 0 is a width that Gluon infers from its first input.
        if len(shape) != weights[name].ndim or any(
            known and known != found for known, found in zip(shape, weights[name].shape)
        ):
            raise CheckpointError(
                f"{name} has shape {weights[name].shape} in the checkpoint and {tuple(shape)} in the "
                "model: config.json and model.safetensors belong to different models."
            )


def check_values(weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Raise CheckpointError unless weights are finite numbers and n-grams are sorted. This does not need the model.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
    path : pathlib.Path
        Their file, for messages.
    """
    for name, values in weights.items():
        if name not in _HASHES and (values.dtype.kind != "f" or not is_finite(values)):
            refuse(path, f"{name} must be finite floating-point numbers")
    for name in _HASHES:
        known = weights.get(name)
        if known is not None and (known.dtype != np.uint32 or known.ndim != 1 or (known[1:] <= known[:-1]).any()):
            refuse(path, f"{name} must be distinct hashes (uint32) in order")


def check_evidence(model: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Raise CheckpointError unless the tables of evidence match the model and each other.

    Parameters
    ----------
    model : mapping
        Keyword arguments of the classifier.
    weights : mapping of str to numpy.ndarray
    path : pathlib.Path
        Their file, for messages.
    """
    found = [weights[name] for name in EVIDENCE if name in weights]
    channels = model.get("evidence", 0)
    if not channels and not found:
        return
    if len(found) != len(EVIDENCE) or not channels:
        refuse(path, "the tables of evidence it holds are not those of this model")
    known, scores, squares, spread = found
    rows, columns = len(known) + 1, channels // CHANNELS
    if (scores.shape, squares.shape, spread.shape) != ((rows, columns), (rows,), (channels,)):
        refuse(path, "its tables of evidence do not fit together")
    if (spread <= 0).any() or scores[0].any() or (squares < 0).any() or squares[0]:
        refuse(path, "its tables of evidence hold impossible numbers")


def _array(values: Any) -> Any:
    from ..runtime import mx

    return mx.nd.array(values, dtype=values.dtype)
