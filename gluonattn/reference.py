"""Multi-head attention in numpy, for reading and for checking other implementations.

docs/multi-head-attention.md explains it step by step with shapes, and shows the errors of two well-known
shortcuts. Every array keeps its dtype: float64 input gives float64 output.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError


class Attended(NamedTuple):
    """What `multi_head_attention` returns.

    Attributes
    ----------
    output : numpy.ndarray, shape (B, Tq, D)
        After the output projection, if there is one.
    weights : numpy.ndarray, shape (B, H, Tq, Tk)
    context : numpy.ndarray, shape (B, Tq, H * head_dim)
        The concatenated heads, before the output projection.
    """

    output: NDArray[Any]
    weights: NDArray[Any]
    context: NDArray[Any]


class Projection(NamedTuple):
    """A linear map ``x @ weight.T + bias``, as torch and MXNet store it.

    Attributes
    ----------
    weight : numpy.ndarray, shape (out, in)
    bias : numpy.ndarray, shape (out,), or None
    """

    weight: NDArray[Any]
    bias: NDArray[Any] | None = None

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        y = x @ self.weight.T
        result: NDArray[Any] = y if self.bias is None else y + self.bias
        return result


def multi_head_attention(
    query: NDArray[Any],
    key: NDArray[Any],
    value: NDArray[Any],
    *,
    heads: int,
    to_query: Projection,
    to_key: Projection,
    to_value: Projection,
    to_output: Projection | None = None,
    mask: NDArray[Any] | None = None,
    bias: NDArray[Any] | None = None,
) -> Attended:
    """Scaled dot-product attention with several heads (Vaswani et al., Attention Is All You Need, 2017).

    head_h = softmax(Q_h K_h^T / sqrt(head_dim)) V_h; output = [head_1; ...; head_H] W_O.

    Parameters
    ----------
    query : shape (B, Tq, Dq)
    key : shape (B, Tk, Dk)
    value : shape (B, Tk, Dv)
        The three widths may differ.
    heads : int
    to_query, to_key : Projection to H * head_dim
    to_value : Projection to H * value_dim
    to_output : Projection from H * value_dim, or None
    mask : bool, broadcastable to (B, H, Tq, Tk), or None
        True where a query may attend (torch's boolean masks have the opposite meaning).
        A row without a True gets weights of 0.
    bias : broadcastable to (B, H, Tq, Tk), or None
        Added to the scores, for example for relative positions.

    Raises
    ------
    OptionError
        If a projected width is not divisible by the number of heads.
    """
    q = split_heads(to_query(query), heads)  # (B, H, Tq, head_dim)
    k = split_heads(to_key(key), heads)  # (B, H, Tk, head_dim)
    v = split_heads(to_value(value), heads)  # (B, H, Tk, value_dim)
    weights = attention_weights(q, k, mask=mask, bias=bias)  # (B, H, Tq, Tk)
    context = merge_heads(weights @ v)  # (B, Tq, H * value_dim)
    return Attended(context if to_output is None else to_output(context), weights, context)


def attention_weights(
    queries: NDArray[Any],
    keys: NDArray[Any],
    *,
    scale: float | None = None,
    mask: NDArray[Any] | None = None,
    bias: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """softmax(scale * Q K^T + bias) over the keys.

    Parameters
    ----------
    queries : shape (..., Tq, head_dim)
    keys : shape (..., Tk, head_dim)
    scale : float or None
        None is 1 / sqrt(head_dim).
    mask, bias
        As for `multi_head_attention`.

    Returns
    -------
    shape (..., Tq, Tk)
    """
    scale = queries.shape[-1] ** -0.5 if scale is None else scale
    scores = scale * (queries @ np.swapaxes(keys, -1, -2))
    return softmax(scores if bias is None else scores + bias, mask)


def softmax(scores: NDArray[Any], mask: NDArray[Any] | None = None) -> NDArray[Any]:
    """Softmax over the last axis. The row's maximum is subtracted first, so that no exponential overflows.

    Parameters
    ----------
    scores : numpy.ndarray, shape (..., keys)
    mask : numpy.ndarray or None
        Broadcast to the scores. 1 at tokens, 0 at padding.
    """
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    exponentials = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = exponentials.sum(-1, keepdims=True)
    result: NDArray[Any] = exponentials / np.where(total > 0, total, 1)
    return result


def split_heads(x: NDArray[Any], heads: int) -> NDArray[Any]:
    """(B, T, H * d) to (B, H, T, d): head h has the columns h * d to (h + 1) * d.

    Parameters
    ----------
    x : numpy.ndarray, shape (B, T, H * d)
    heads : int
    """
    batch, length, width = x.shape
    if width % heads:
        raise OptionError(f"a width of {width} cannot be divided among {heads} heads: choose a divisor of {width}.")
    return x.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)


def merge_heads(x: NDArray[Any]) -> NDArray[Any]:
    """(B, H, T, d) to (B, T, H * d)."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)
