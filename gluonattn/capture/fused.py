"""The weights that F.scaled_dot_product_attention computes but does not return."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .operations import argument


class Fused(NamedTuple):
    """Weights (..., Tq, Tk) in float32, and the inputs from which they were computed."""

    weights: Any
    queries: Any
    keys: Any
    values: Any
    scale: float
    bias: Any


def weights_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Fused:
    """The weights of one call, from its arguments: softmax(scale Q K^T + bias).

    Without dropout. A row for which every key is masked is 0, like its context.

    Parameters
    ----------
    args : tuple
    kwargs : dict
        What the function was called with.
    """
    query, key, value, mask = (argument(n, i, args, kwargs) for i, n in enumerate(("query", "key", "value", "attn_mask")))
    causal, scale = (argument(n, i, args, kwargs, d) for n, i, d in (("is_causal", 5, False), ("scale", 6, None)))
    if query.is_nested:
        return _nested(query, key, value, causal, scale)
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    query, key, value = (x.detach() for x in (query, key, value))
    if key.dim() > 2 and key.shape[-3] != query.shape[-3] and key.shape[-3] > 1:
        groups = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    bias = None
    if mask is not None:
        bias = mask.detach()
        if bias.dtype == torch.bool:
            bias = torch.zeros(bias.shape, device=bias.device).masked_fill(~bias, float("-inf"))
    if causal:
        shape = (query.shape[-2], key.shape[-2])
        low = torch.full(shape, float("-inf"), device=query.device).triu(1)
        bias = low if bias is None else bias + low
    scores = (query.float() @ key.float().transpose(-1, -2)) * scale
    if bias is not None:
        scores = scores + bias
    return Fused(torch.nan_to_num(scores.softmax(-1)) if bias is not None else scores.softmax(-1), query, key, value, scale,
                 bias)


def _nested(query: Any, key: Any, value: Any, causal: Any, scale: Any) -> Fused:
    """The weights of nested tensors (B, heads, T of each, d), padded, with the padding masked."""
    padded = [torch.nested.to_padded_tensor(x.detach(), 0.0) for x in (query, key, value)]
    lengths = torch.tensor([part.shape[-2] for part in key.unbind()])
    hidden = torch.arange(padded[1].shape[-2])[None] >= lengths[:, None]
    mask = torch.zeros(hidden.shape).masked_fill(hidden, float("-inf"))[:, None, None].to(padded[0].device)
    if causal:
        mask = mask + torch.full((padded[0].shape[-2], padded[1].shape[-2]), float("-inf"), device=mask.device).triu(1)
    return weights_of((*padded, mask), {"scale": scale})
