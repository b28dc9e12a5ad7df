"""Decode sequences step by step: the Transformer's decoder with a cache, in GluonNLP's beam search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..runtime import mx, nlp


class StepDecoder:
    """One step of the decoder. It keeps the keys and values of every layer from earlier steps.

    GluonNLP's one-step decoder keeps only embeddings and computes all earlier steps again.

    Parameters
    ----------
    model : Transformer
    forbidden : sequence of int
        Ids that must not be decoded.
    """

    def __init__(self, model: Any, forbidden: Sequence[int] = ()):
        self._model, self._decoder, self._forbidden = model, model.decoder, list(forbidden)

    def start(self, source: Any, source_length: Any) -> list[Any]:
        """Make the states before the first step. The first axis of every array is the batch.

        Parameters
        ----------
        source : mxnet.nd.NDArray, shape (B, S)
        source_length : mxnet.nd.NDArray, float32, shape (B,)
        """
        memory, _ = self._model.encoder(self._model.source_embedding(source), None, source_length)
        mask = self._decoder.init_state_from_encoder(memory, source_length)[1]  # (B, S)
        cells = [cell.attention_cell_inter for cell in self._decoder.transformer_cells]
        return [mask, [[_project(cell, name, memory) for name in ("key", "value")] for cell in cells], []]

    def __call__(self, letters: Any, states: Any) -> Any:
        """Score the next letter.

        Parameters
        ----------
        letters : mxnet.nd.NDArray, shape (B,)
            The last letter.
        states : list
            The result of `start`, or the states of the previous step.

        Returns
        -------
        logits : mxnet.nd.NDArray, shape (B, vocab_size)
        states : list
        """
        mask, memory_states, kept = states
        decoder = self._decoder
        position = kept[0][0].shape[2] if kept else 0
        x = self._model.target_embedding(letters).expand_dims(1) * math.sqrt(decoder._units)  # (B, 1, C)
        x = decoder.layer_norm(x + decoder.position_weight.data(x.context)[position])
        updated = []
        for number, cell in enumerate(decoder.transformer_cells):
            pair = [_project(cell.attention_cell_in, name, x) for name in ("key", "value")]
            if kept:
                pair = [mx.nd.concat(before, new, dim=2) for before, new in zip(kept[number], pair)]
            updated.append(pair)
            x = cell.layer_norm_in(cell.proj_in(_attend(cell.attention_cell_in, x, pair, None)) + x)
            context = _attend(cell.attention_cell_inter, x, memory_states[number], mask.expand_dims(1))
            x = cell.ffn(cell.layer_norm_inter(cell.proj_inter(context) + x))
        logits = self._model.head(x).reshape((-3, 0))
        for one in self._forbidden:
            logits[:, one] = -1e18
        return logits, [mask, memory_states, updated]


def _project(cell: Any, name: str, x: Any) -> Any:
    """Keys, values or queries of every head: (B, T, C) -> (B, H, T, d)."""
    return cell._project(mx.nd, name, x).reshape((-1, cell._num_heads, 0, 0), reverse=True)


def _attend(cell: Any, x: Any, keys_and_values: Any, mask: Any) -> Any:
    """The concatenated contexts of all heads: (B, 1, C) -> (B, 1, C)."""
    query = _project(cell, "query", x)
    keys, values = keys_and_values
    if mask is not None:  # (B, 1, S) -> (B * H, 1, S)
        mask = mask.repeat(cell._num_heads, axis=0)
    query, keys, values = (one.reshape((-3, 0, 0)) for one in (query, keys, values))  # (B * H, T, d)
    context = mx.nd.batch_dot(cell._base_cell._compute_weight(mx.nd, query, keys, mask), values)
    return context.reshape((-4, -1, cell._num_heads, 0, 0)).transpose((0, 2, 1, 3)).reshape((0, 0, -1))


def decode(model: Any, source: Any, source_length: Any, begin: int, end: int, beam: int = 1, max_length: int = 48,
           forbidden: Sequence[int] = (), alpha: float = 0.0) -> tuple[list[list[NDArray[Any]]], NDArray[Any]]:
    """Find the most probable sequences by beam search; with a beam of 1, greedily.

    Parameters
    ----------
    model : Transformer
    source : mxnet.nd.NDArray, shape (B, S)
    source_length : mxnet.nd.NDArray, float32, shape (B,)
    begin, end : int
        Ids of the letters that begin and end a sequence.
    beam : int, default 1
        Number of sequences that the search keeps.
    max_length : int, default 48
        Number of letters, including the beginning, after which a sequence is cut.
    forbidden : sequence of int
        Ids that must not be decoded.
    alpha : float, default 0.0
        Length penalty (Wu et al. 2016). 0 has no penalty, which favours short sequences.

    Returns
    -------
    sequences : for each source, `beam` arrays of int32 ids, best first, without begin and end
    scores : numpy.ndarray, float32, shape (B, beam)
        Log probabilities of the sequences, including their end, divided by their length penalty.
    """
    step = StepDecoder(model, forbidden)
    scorer = nlp.model.BeamSearchScorer(alpha=alpha, from_logits=False)
    sampler = nlp.model.BeamSearchSampler(beam, step, end, scorer, max_length=max_length - 1)
    first = mx.nd.full((len(source),), begin, ctx=source.context)
    samples, scores, lengths = (found.asnumpy() for found in sampler(first, step.start(source, source_length)))
    sequences = [[row[1 : length - 1] for row, length in zip(rows, counts)] for rows, counts in zip(samples, lengths)]
    return sequences, scores
