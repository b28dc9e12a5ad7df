"""Derivatives of a torch model: which positions its head reads, and the effect of each attention weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def log_odds(logits: Any, target: int) -> Any:
    """Log-odds of a class against all others: tensors (B, classes) -> (B,).

    Parameters
    ----------
    logits : torch.Tensor, shape (B, classes)
    target : int
        The class.
    """
    others = [i for i in range(logits.shape[-1]) if i != target]
    return logits[:, target] - logits[:, others].logsumexp(-1)


def deepest_attention(records: Sequence[Any], size: int) -> Any:
    """Choose from the captured kinds of attention the deepest one over all pieces, an encoder's before a decoder's.

    Parameters
    ----------
    records : sequence of AttentionRecord
    size : int
        Number of pieces of the text.
    """
    fit = [r for r in records if r.kind != "cross" and len(r.queries) == len(r.keys) == size]
    return max(fit, key=lambda r: (r.kind != "decoder", r.layers), default=None)


def read_shares(odds: Any, outputs: Sequence[Any], size: int) -> NDArray[Any]:
    """Share of each position in what the head reads, from the derivatives with respect to the last states.

    Parameters
    ----------
    odds : torch.Tensor
    outputs : sequence of torch.Tensor
        Outputs of modules, in order.
    size : int
        Number of pieces of the text.
    """
    import torch

    for states in reversed([x for x in outputs if x.ndim == 3 and 1 in x.shape[:2] and size == max(x.shape[:2])]):
        slope = torch.autograd.grad(odds, states, retain_graph=True, allow_unused=True)[0]
        if slope is None:
            continue
        reads = (slope.reshape(size, -1) != 0).any(-1).double().cpu().numpy()
        if reads.any():
            result: NDArray[Any] = reads / reads.sum()
            return result
    return np.full(size, 1 / size)


def weight_slopes(odds: Any, outputs: Sequence[Any], weights: NDArray[Any]) -> NDArray[Any] | None:
    """Derivatives with respect to the weights that modules return. None if these differ from the captured weights.

    Parameters
    ----------
    odds : torch.Tensor
    outputs : sequence of torch.Tensor
    weights : numpy.ndarray, shape (layers, heads, T, T)
    """
    import torch

    handed = {id(x): x for x in outputs if x.ndim == 4 and tuple(x.shape) == (1, *weights.shape[1:])}
    matched = []
    for layer in weights:
        same = next((key for key, x in handed.items()
                     if np.allclose(x[0].detach().float().cpu().numpy(), layer, atol=1e-6)), None)
        if same is None:
            return None
        matched.append(handed.pop(same))
    slopes = torch.autograd.grad(odds, matched, retain_graph=True, allow_unused=True)
    if any(slope is None for slope in slopes):
        return None
    result: NDArray[Any] | None = np.stack([slope[0].double().cpu().numpy() for slope in slopes])
    return result
