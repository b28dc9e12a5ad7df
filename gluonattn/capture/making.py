"""Make records from captured passes: one for each sentence and kind, with tokens on the raw text. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError
from ..plain import read_texts
from ..record import KINDS, AttentionRecord, Token
from .calls import Call, Pass
from .kinds import settled
from .placing import place
from .rows import some
from .steps import joined

Pieces = Callable[[str, str, int, NDArray[Any]], Sequence[Any]]  # side, text, sentence, valid positions
QUERY = "[query]"  # a position that is not a token


class Records:
    """Makes records from the passes of a recorder."""

    passes: list[Pass]
    _source: dict[str, Any]

    def _check(self, parts: list[Pass], kind: str | None, padding: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def uniform(self, kind: str | None = None) -> list[str]:
        raise NotImplementedError

    def _records(self, texts: Sequence[str] | None, target_texts: Any, pieces: Pieces, kind: str | None,
                 padding: Mapping[str, Any]) -> list[Any]:
        if kind not in (None, *KINDS):
            raise CaptureError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}.")
        parts = settled(self.passes)
        self._check(parts, kind, padding)
        lists = {"source": _listed(texts), "target": _listed(target_texts)}
        batches = joined(parts)
        self._fit(batches, lists["source"] or [])
        found: list[AttentionRecord] = []
        start = 0
        self._lost: dict[str, float] = {}
        uniform = self.uniform(kind)
        for batch in batches:
            for row in range(batch.size):
                found += self._of_sentence(batch, row, start + row, lists, pieces, kind, padding, uniform)
            start += batch.size
        if self._lost:
            layer, mass = max(self._lost.items(), key=lambda one: one[1])
            warnings.warn(
                f"{some(list(self._lost))} looked at padding, which is left out: rows lack up to {mass:.3f} ({layer}). Tell "
                "the model of its padding (a key padding mask, attention_mask) to have whole rows.", stacklevel=3)
        return found

    def records_by_position(self, kind: str | None = None) -> list[AttentionRecord]:
        """Make one record for each sentence, sequence and kind, with tokens named by their positions.

        For inputs without text: patches of a picture (``row,column``; positions that the model adds in front are ``[0]``),
        pieces of a sound, embeddings, and sequences that a model shortens internally.

        Parameters
        ----------
        kind : {"self", "encoder", "decoder", "cross"} or None
            Only this kind.

        Returns
        -------
        list of AttentionRecord
            ``source["queries"]`` and ``source["keys"]`` name the inputs. ``source["grid"]`` has the rows and columns of
            patches, if the keys are patches.

        Raises
        ------
        CaptureError
            As `check` does.
        """
        from .by_position import position_records

        parts = settled(self.passes)
        self._check(parts, kind, {})
        return [record for batch in joined(parts) for row in range(batch.size)
                for record in position_records(self, batch, row, kind)]

    def _fit(self, batches: list[Pass], texts: Sequence[Any]) -> None:
        """Raise if texts and sentences do not match."""
        for batch in batches:
            sizes = {len(c.weights): c.layer for c in batch.calls if c.weights is not None}
            if batch.generation and batch.generation.beams > 1 and batch.generation.rows is None:
                raise CaptureError(f"beam search (num_beams={batch.generation.beams}) reorders sentences between steps, and "
                                   "this version of transformers did not report how (beam_indices): use num_beams=1 while "
                                   "capturing.")
            if len(sizes) > 1:
                raise CaptureError(
                    "layers of one pass saw different batches (" + ", ".join(
                        f"{layer or 'the model'}: {size}" for size, layer in sizes.items()) +
                    "), so sentences cannot be matched to texts: capture only the part whose batch is that of the texts.")
        cut = [s for p in batches for s in p.sides if "positions" in str(s)]
        if len(batches) > 1 and cut:
            layer = next(c.layer for p in batches for c in p.calls if cut[0] in (c.rows, c.columns))
            raise CaptureError(
                f"{layer} attends over a cut or pooled form of {getattr(cut[0], 'name', cut[0])}: a model that shortens its "
                "sequence inside has no single list of tokens. Name tokens by position, records_by_position(), or capture "
                "only the layers before, a part of the model.")
        counts = [p.size for p in batches]
        if len(texts) != sum(counts):
            read = [next(str(s) for s, side in p.sides.items() if side == "source") for p in batches]
            why = (f" ({', '.join(f'{n} of {name}' for n, name in zip(counts, read))})" if len(batches) > 1 else "")
            raise CaptureError(f"{sum(counts)} sentences went through the model, {len(texts)} texts came{why}: give the raw "
                               "text of each, in order.")

    def _of_sentence(self, batch: Pass, row: int, sentence: int, lists: Mapping[str, Any], pieces: Pieces, kind: str | None,
                     padding: Mapping[str, Any], uniform: list[str]) -> list[AttentionRecord]:
        has_target = "target" in batch.sides.values()
        known: dict[str, tuple[NDArray[Any], list[Token], str, int]] = {}

        def side(sequence: Hashable, length: int) -> tuple[Any, ...]:
            name = batch.sides[sequence]
            if name not in known:
                if name not in lists:
                    raise CaptureError(
                        f"the model attends over a third sequence, {name}, and a record has two: ask for kinds that do "
                        "not need it, records(..., kind=...), or capture the part that reads one sequence.")
                hidden = self._hidden(batch, name, row, length, padding)
                valid = np.flatnonzero(~hidden)
                text = lists[name][sentence] if lists[name] is not None and sentence < len(lists[name]) else None
                if not len(valid):
                    raise CaptureError(
                        f"{name} sentence {sentence} ({text!r:.40}) is all padding: it has no token that could attend or "
                        "be attended to. Leave it out of the batch.")
                known[name] = self._placed(name, text, sentence, valid, length, pieces)
            if known[name][3] != length:
                raise CaptureError(
                    f"{_layers(batch, sequence, length)} has {length} positions of {name} sentence {sentence}, layers "
                    f"before it {known[name][3]}: a model that pools or cuts its sequence inside has no single list "
                    "of tokens. Name tokens by position, records_by_position(), ask for kinds that do not, or capture "
                    "only the layers before.")
            return known[name][:3]

        groups: dict[tuple[Any, ...], list[Call]] = {}
        for call in batch.calls:
            if kind in (None, call.kind):
                weights: Any = call.weights
                alike = (call.kind, call.rows, call.columns, weights.shape[1:], call.outside)
                groups.setdefault(alike, []).append(call)
        return [self._record(row, calls, side, lists["source"][sentence], has_target, uniform) for calls in groups.values()]

    def _record(self, row: int, calls: list[Call], side: Any, source_text: str, has_target: bool,
                uniform: Any) -> AttentionRecord:
        """The record of one sentence from calls of the same shape."""
        each, rows, columns = calls[0].kind, calls[0].rows, calls[0].columns
        outside = calls[0].outside
        captured: list[Any] = [c.weights for c in calls]
        length = captured[0].shape[3] - len(outside)
        keys, key_tokens, key_text = side(columns, length)
        if calls[0].pooled:
            queries, query_tokens, query_text = np.array([0]), [Token(QUERY, 0, 0)], key_text
        else:
            queries, query_tokens, query_text = side(rows, captured[0].shape[2])
            queries, query_tokens = _with_rows(calls, row, queries, query_tokens)
        places = [*keys, *range(length, length + len(outside))]
        names = [*key_tokens, *(Token(name, len(key_text), len(key_text)) for name in outside)]
        weights = np.stack([w[row][:, queries][:, :, places] for w in captured])
        for call, lost in zip(calls, 1 - weights.sum(-1, dtype=np.float64).min((1, 2))):
            if lost > 1e-3:
                self._lost[call.layer] = max(float(lost), self._lost.get(call.layer, 0.0))
        vectors: dict[str, Any] = {}
        if not outside and all(c.queries is not None and c.keys is not None for c in calls):
            for name, kept in (("queries", queries), ("keys", places), ("values", places)):
                vectors["values" if name == "values" else f"{name}_vectors"] = np.stack(
                    [getattr(c, name)[row][:, kept] for c in calls])
        flat = [c.layer for c in calls if c.layer in uniform]
        about = {"local": [c.layer for c in calls if c.local], "positions_left_out": max(c.beside for c in calls),
                 "uniform": flat}
        target = query_text if has_target and each in ("decoder", "cross") else None
        return AttentionRecord(
            key_text if each == "cross" else query_text if target is None else source_text,
            tuple(query_tokens), tuple(query_tokens if names == query_tokens else names), weights, each, target_text=target,
            normalised=bool(np.abs(weights.sum(-1, dtype=np.float64) - 1).max() <= 1e-4),
            source={**self._source, "layers": [c.layer for c in calls], **{k: v for k, v in about.items() if v}},
            **vectors)

    def _hidden(self, batch: Pass, name: str, row: int, length: int, padding: Mapping[str, Any]) -> NDArray[Any]:
        """True at the padded positions of one side of one sentence."""
        mask = self._mask(batch, name, padding)
        if mask is None:
            told = [c.padding for c in batch.calls if c.padding is not None and batch.sides[c.columns] == name]
            mask = told[0] if told else None
        if mask is None:
            return np.zeros(length, dtype=bool)
        if row >= len(mask):
            raise CaptureError(f"padding of {len(mask)} {name} sentences came, {row + 1} or more are needed.")
        mask = np.asarray(mask)[row]
        if len(mask) < length:  # positions that were generated later are not padding
            mask = np.concatenate([mask, np.zeros(length - len(mask), dtype=mask.dtype)])
        result: NDArray[Any] = mask[:length].astype(bool)
        return result

    def _mask(self, batch: Pass, name: str, padding: Mapping[str, Any]) -> NDArray[Any] | None:
        """(B, T), True at the padding of one side, from any source."""
        mask = padding.get(name, batch.padding.get(name))
        if mask is None and batch.generation is not None and name == "source":
            mask = batch.generation.padding
            rows = next((len(call.weights) for call in batch.calls if call.weights is not None), 0)
            if mask is not None and rows > len(mask) and rows % len(mask) == 0:
                mask = np.repeat(mask, rows // len(mask), 0)  # beams or samples of each sentence
        result: NDArray[Any] | None = mask
        return result

    def _queries_hidden(self, part: Pass, call: Call, padding: Mapping[str, Any]) -> NDArray[Any] | None:
        """(B, Tq), True at queries that are padding."""
        if call.weights is None:
            return None
        batch, _, length, _ = call.weights.shape
        name = part.sides[call.rows]
        mask = self._mask(part, name, padding)
        if mask is not None and len(mask) != batch:  # reported when sentences and texts are counted
            return None
        if mask is not None and np.shape(mask)[1] > length:  # a step of a generation: its tokens are the last ones read
            mask = np.asarray(mask).astype(bool)
            # A static cache has unused places after them.
            read = max(length, int(np.flatnonzero(~mask.all(0)).max(initial=0)) + 1)
            return mask[:, read - length:read]
        result: NDArray[Any] | None = np.stack([self._hidden(part, name, row, length, padding) for row in range(batch)])
        return result

    def _placed(self, name: str, text: Any, sentence: int, valid: Any, length: Any,
                pieces: Any) -> tuple[NDArray[Any], list[Token], str, int]:
        found = list(pieces(name, text, sentence, valid))
        if len(found) == length != len(valid):
            found = [found[i] for i in valid]
        if len(found) != len(valid):
            raise CaptureError(
                f"{name} sentence {sentence} has {len(found)} tokens, the model saw {len(valid)} positions"
                f"{f' and {length - len(valid)} of padding' if length > len(valid) else ''}: give one token for each "
                "position, special ones too, and padding=... if the model was given no mask.")
        if text is None:
            raise CaptureError(f"the model has a {name} side: give target_texts too.")
        if not all(isinstance(token, Token) for token in found):
            found = place(text, found)
        return valid, found, text, length


def _listed(texts: Sequence[str] | None) -> list[str] | None:
    return None if texts is None else read_texts(texts, "records")


def _layers(batch: Pass, sequence: Hashable, length: int) -> str:
    return next((c.layer for c in batch.calls if c.weights is not None and (
        (c.rows == sequence and c.weights.shape[2] == length) or
        (c.columns == sequence and c.weights.shape[3] - len(c.outside) == length))), "a layer")


def _with_rows(calls: Sequence[Call], row: int, queries: NDArray[Any],
               tokens: list[Any]) -> tuple[NDArray[Any], list[Any]]:
    """The queries for which attention was computed, if some layers left others out."""
    covered = [c.covered[row] for c in calls if c.covered is not None]
    if all(rows[queries].all() for rows in covered):
        return queries, tokens
    kept = [i for i, query in enumerate(queries) if all(rows[query] for rows in covered)]
    return queries[kept], [tokens[i] for i in kept]
