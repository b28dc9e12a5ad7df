"""Attention of chosen layers, heads and tokens of a long text. Only these weights are computed and kept.

The model runs unchanged (fused attention keeps no weights). For each chosen layer, the chosen rows are computed from its
own queries and keys. So 4,096 tokens of 12 layers of 12 heads fit in memory; all their weights would take 9.7 GB.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError, OptionError
from ..record import ROW_SUM_TOLERANCE, AttentionRecord, Part, Token
from ..record.pairs import join_pair
from ..record.parts import tell_chosen
from .hooks import need_torch
from .interface import CURE, through_interface
from .pieces import byte_level, hf_tokens

LARGEST = 2_000_000_000  # maximum size of the weights of one record, in bytes
_FEW = 4  # tokens
_ROWS = 128  # queries of a layer whose weights are computed at once
_UNKNOWN = ("softcap", "s_aux", "sinks", "position_bias")  # options that change scores in ways that are not supported here


def chosen_attention(model: Any, tokenizer: Any, text: str, *, pair: str | None = None, layers: Sequence[int] | None = None,
                     heads: Sequence[int] | None = None, queries: Sequence[int] | None = None,
                     top: int | None = None, max_length: int | None = None) -> AttentionRecord:
    """Self-attention of chosen layers, heads and tokens of a text.

    Parameters
    ----------
    model : transformers model
        An encoder or a decoder. It stays unchanged.
    tokenizer : transformers tokenizer
    text : str
    pair : str or None
        A second sentence that the model reads with the first: see `gluonattn.record.pairs`.
    layers, heads, queries : sequence of int or None
        Positions counted from 0, negative ones from the end. Those of `queries` are tokens. None is all.
    top : int or None
        Number of keys to keep: those that receive most over all chosen rows. The record then has the lost mass.
    max_length : int or None
        Number of tokens of the text that are read.

    Returns
    -------
    AttentionRecord
        Weights (chosen layers, chosen heads, chosen queries, keys). ``source["chosen"]`` describes the choice.

    Raises
    ------
    OptionError
        If the choice does not fit in 2 GB, or `top` is not a number of tokens.
    RecordError
        If a layer, head or token does not exist.
    CaptureError
        If the model does not compute attention through transformers' interface, or modifies scores in an unsupported way.
    """
    need_torch("capturing from Hugging Face models", "huggingface")
    part = Part(layers, heads, queries, top)
    part.check()
    asked = {"truncation": max_length is not None, **({} if max_length is None else {"max_length": max_length})}
    encoded = tokenizer(text, *([] if pair is None else [pair]), return_tensors="pt", **asked)
    device = next(model.parameters()).device
    known = inspect.signature(model.forward).parameters
    given = {name: value.to(device) for name, value in encoded.items() if name in known}
    ids = encoded["input_ids"][0].numpy()
    whole, start = (text, None) if pair is None else join_pair(text, pair)
    tokens = hf_tokens(tokenizer, text, ids) if start is None else _pair_tokens(tokenizer, encoded, whole, start)
    weights, chosen, rows, columns = chosen_weights(model, given, part)
    source = {"model": type(model).__name__, "framework": "torch", "chosen": chosen,
              **({} if start is None else {"pair": start})}
    return AttentionRecord(whole, tuple(tokens[i] for i in rows), tuple(tokens[i] for i in columns), weights, source=source,
                           normalised=holds_all(weights))


def holds_all(weights: NDArray[Any]) -> bool:
    """Whether every row sums to 1."""
    return bool(np.abs(weights.sum(-1, dtype=np.float64) - 1).max() <= ROW_SUM_TOLERANCE)


def chosen_weights(model: Any, given: dict[str, Any], part: Part, owner: NDArray[Any] | None = None
                   ) -> tuple[NDArray[Any], dict[str, Any], list[int], NDArray[Any]]:
    """Compute a part of the self-attention of one text.

    Parameters
    ----------
    model : transformers model
    given : dict of str to torch.Tensor
        The arguments of its forward pass.
    part : Part
        The part, in units.
    owner : numpy.ndarray of int, shape (T,), or None
        The unit of each piece, -1 for none. Units are numbered from 0 and have at least one piece. A key unit has the
        sum over its pieces, a query unit the mean. None makes each piece a unit.

    Returns
    -------
    weights : numpy.ndarray, float32, shape (layers, heads, queries, keys)
    chosen : dict
        For ``source["chosen"]``.
    rows : list of int
    columns : numpy.ndarray of int
        Kept units.

    Raises
    ------
    OptionError, RecordError, CaptureError
        As for `chosen_attention`.
    """
    torch, size = need_torch("capturing from Hugging Face models", "huggingface"), given["input_ids"].shape[1]
    owner = np.arange(size) if owner is None else owner
    units = int(owner.max()) + 1
    run = _Chosen(torch, model, given, part, owner, units)
    columns = np.arange(units)
    if part.top is not None and part.top < units:
        received = np.zeros(units)
        for _, _, rows in run.run():
            received += rows.sum((0, 1))
        columns = part.columns(received)
    return run.collect(columns), tell_chosen(run.layers, run.heads, run.rows, columns, units), run.rows, columns


def _pair_tokens(tokenizer: Any, encoded: Any, text: str, start: int) -> list[Token]:
    """Tokens of a pair with spans in the text of both."""
    if not getattr(tokenizer, "is_fast", False):
        raise CaptureError(f"{type(tokenizer).__name__} has no offsets for a pair: only a fast "
                           "tokenizer does.")
    found, done, one = [], 0, encoded.encodings[0]
    for name, side, (first, last) in zip(one.tokens, one.sequence_ids, one.offsets):
        if side is None or last <= first:
            found.append(Token(name, done, done))
            continue
        first, last = (place + (start if side else 0) for place in (first, last))
        while first < last - 1 and text[first].isspace():
            first += 1
        found.append(Token(text[first:last] if byte_level(tokenizer) else name, first, last))
        done = last
    return found


class _Chosen:
    """A run of a model from which chosen rows are computed."""

    def __init__(self, torch: Any, model: Any, given: dict[str, Any], part: Part, owner: NDArray[Any], units: int):
        self.torch, self.model = torch, model
        self._pieces = np.argsort(owner, kind="stable")[np.count_nonzero(owner < 0) :]  # unit by unit
        self._counts = np.bincount(owner[owner >= 0], minlength=units)
        self._firsts = np.cumsum(self._counts) - self._counts
        shapes: list[int] = []  # number of heads of each layer, found with a few tokens
        self._forward({name: value[:, :_FEW] for name, value in given.items()},
                      lambda layer, query, *_: shapes.append(query.shape[1]))
        if not shapes:
            raise CaptureError(f"{type(model).__name__} computes its attention with its own code. {CURE}")
        self.layers, self.heads, self.rows = part.places(len(shapes), min(shapes), units)
        self._states: list[tuple[Any, ...]] = []
        self._forward(given, lambda layer, *parts: self._states.append((layer, *parts)) if layer in self.layers else None)

    def collect(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Weights (layers, heads, rows, columns)."""
        shape = (len(self.layers), len(self.heads), len(self.rows), len(columns))
        if (size := 4 * int(np.prod(shape))) > LARGEST:
            raise OptionError(f"{shape[0]} layers x {shape[1]} heads x {shape[2]:,} x {shape[3]:,} tokens are "
                              f"{size / 1e9:.1f} GB of weights, more than {LARGEST / 1e9:.0f}: choose fewer layers, heads "
                              "or queries, or keep the tokens that receive most (top=64, --top 64).")
        weights = np.zeros(shape, np.float32)
        for layer, first, part in self.run():
            weights[layer, :, first : first + part.shape[1]] = part[..., columns]
        return weights

    def run(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield the number of the chosen layer, the first chosen row, and weights (heads, rows, units), in chunks."""
        for layer, query, key, mask, options in self._states:
            for first in range(0, len(self.rows), _ROWS):
                yield self.layers.index(layer), first, self._units(query, key, mask, options,
                                                                   self.rows[first : first + _ROWS])

    def _units(self, query: Any, key: Any, mask: Any, options: dict[str, Any], rows: list[int]) -> NDArray[Any]:
        """Weights (heads, rows, units) of some units: sums over the pieces of a key, means over those of a query."""
        pieces = np.concatenate([self._pieces[self._firsts[i] : self._firsts[i] + self._counts[i]] for i in rows])
        weights = self._weights(query, key, mask, options, pieces)
        if len(self._counts) == weights.shape[-1]:
            return weights
        weights = np.add.reduceat(weights[..., self._pieces], self._firsts, -1)
        counts = self._counts[rows]
        means: NDArray[Any] = np.add.reduceat(weights, np.cumsum(counts) - counts, -2) / counts[:, None]
        return means.astype(np.float32)

    def _forward(self, given: dict[str, Any], see: Any) -> None:
        count = 0

        def attend(own: Any, module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, *args: Any,
                   **kwargs: Any) -> Any:
            nonlocal count
            if query.shape[2] == key.shape[2] == given["input_ids"].shape[1]:
                odd = next((name for name in _UNKNOWN if kwargs.get(name) is not None), None)
                if odd:
                    raise CaptureError(f"{type(module).__name__} changes its scores by {odd}, which is not followed for "
                                       "chosen rows: capture all weights of a shorter text, with capture(model).")
                options = {"causal": _is_causal(module, kwargs), "scale": kwargs.get("scaling")}
                see(count, query, key, attention_mask, options)
                count += 1
            return own(module, query, key, value, attention_mask, *args, **kwargs)

        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with through_interface(self.model, attend), self.torch.no_grad():
                self.model(**given)
        finally:
            for module, mode in modes:
                module.training = mode

    def _weights(self, query: Any, key: Any, mask: Any, options: dict[str, Any], pieces: NDArray[Any]) -> NDArray[Any]:
        """Weights (heads, pieces, T) of some pieces."""
        rows, torch = pieces.tolist(), self.torch
        groups = query.shape[1] // key.shape[1]
        scale = query.shape[-1] ** -0.5 if options["scale"] is None else options["scale"]
        own = query[0, self.heads][:, rows].float()
        scores = own @ key[0, [head // groups for head in self.heads]].float().transpose(-1, -2) * scale
        if mask is not None:
            part = mask[0].expand(-1, query.shape[2], -1)[:, rows, : key.shape[2]]
            part = part[self.heads] if part.shape[0] > 1 else part
            scores = scores.masked_fill(~part, -float("inf")) if part.dtype == torch.bool else scores + part.float()
        elif options["causal"]:
            ahead = torch.arange(key.shape[2], device=key.device) > torch.as_tensor(rows, device=key.device)[:, None]
            scores = scores.masked_fill(ahead, -float("inf"))
        weights: NDArray[Any] = scores.softmax(-1).cpu().numpy()
        return weights


def _is_causal(module: Any, options: dict[str, Any]) -> bool:
    told = options.get("is_causal")
    return bool(getattr(module, "is_causal", False) if told is None else told)
