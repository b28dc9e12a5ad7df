"""A batch of texts inside a model: their forward passes, kept, and passes with words taken out, none made twice.

Tokens are looked up and multiplied into the GRU's gates once; every variant of a text is a row of numbers
into that table. Evidence is of the whole text, so it is shared out again for every variant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from ..data.padding import pad_batch
from ..threads import ONE_THREAD, ahead
from .asking import WAYS as WAYS
from .asking import Asked
from .engines.forward import DIRECTIONS, decide, mask_of, values_of, weights_of, words_of
from .inside import ForwardPass, ForwardSteps, softmax
from .reader import EncodedText

_TOKENS = 10_000  # of variants whose states are held at once
_PAIRS = 60_000  # query-key pairs that are computed at once
_TEXTS = 128


class Batch(Asked):
    """Texts, and all that a model has said of them.

    Parameters
    ----------
    inside : ForwardSteps
    readings : sequence of EncodedText
    workers : int, default 1
        Threads that may compute at once.

    Attributes
    ----------
    inside, workers
    readings : list of EncodedText
    passes : list of ForwardPass
        Of each text, as it is.
    """

    def __init__(self, inside: ForwardSteps, readings: Sequence[EncodedText], workers: int = 1):
        self.inside, self.readings, self.workers = inside, list(readings), workers
        with ONE_THREAD:
            self._tabulate()
            self.passes = self._pass()
        self._open()

    # ---- how

    def _tabulate(self) -> None:
        """The gates' inputs of every token, then of the unknown word and of padding: (tokens + 2, 2, 3H)."""
        inside, predictor = self.inside, self.inside.predictor
        examples = [reading.example for reading in self.readings]
        self._starts = np.cumsum([0, *(len(example.ids) for example in examples)])
        ids = np.concatenate([*(e.ids for e in examples), [predictor.unknown, predictor.padding]]).astype(np.int32)
        grams = None
        if examples[0].subwords is not None:
            rows = list(chain.from_iterable(example.subwords or () for example in examples))
            grams = pad_batch([examples[0]._replace(ids=ids, subwords=[*rows, ids[:0], ids[:0]], ngrams=None)], 0)[2]
        if channels := inside.model.get("evidence", 0):  # comes with each variant
            grams = np.zeros((1, len(ids), channels), np.float32)
        words = words_of(inside.numpy, inside.model, ids[None], *([] if grams is None else [grams]))
        self._gates = inside.numpy.input_gates(words, DIRECTIONS[inside.recipe])[0]

    @property
    def _unknown(self) -> int:
        return len(self._gates) - 2

    def _pass(self) -> list[ForwardPass]:
        nothing = [np.zeros((1, len(reading.tokens)), bool) for reading in self.readings]
        rows, lengths = self._rows(nothing, "remove")
        more = self._ngram_logits(nothing)
        passes: list[ForwardPass] = [None] * len(rows)  # type: ignore[list-item]
        for which, states in self._states(rows, lengths, nothing):
            for part, own, mask, weights, logits in self._decide(which, states, lengths):
                values = values_of(self.inside.numpy, self.inside.model, own)
                logits = logits + more[part]
                for i, text in enumerate(part):
                    size = lengths[text]
                    passes[text] = ForwardPass(own[i : i + 1, :size], weights[i : i + 1, :, :size, :size],
                                          values[i : i + 1, :, :size], mask[i : i + 1, :size], more[text : text + 1],
                                          logits[i : i + 1], softmax(logits[i]))
        return passes

    def _probabilities(self, gone: list[np.ndarray], way: str) -> Iterator[np.ndarray]:
        """Of all variants of the first text, then of the second, and so on."""
        if not sum(map(len, gone)):
            return iter(())
        rows, lengths = self._rows(gone, way)
        logits = self._ngram_logits(gone)

        def compute(which):
            with ONE_THREAD:
                return which, np.concatenate([found[-1] for found in self._decide(
                    which, self._sequences(rows, lengths, which, gone), lengths)])

        for which, found in ahead(compute, ((which,) for which in self._plan(lengths)), self.workers):
            logits[which] += found
        return iter(softmax(logits))

    def _rows(self, gone: list[np.ndarray], way: str) -> tuple[np.ndarray, np.ndarray]:
        """Numbers in the table (variants, T), and how many tokens each variant has."""
        inside, fixed = self.inside, self.inside.predictor.fixed_length
        longest = fixed or max(len(reading.tokens) for reading in self.readings)
        rows = np.full((sum(map(len, gone)), longest), self._unknown + 1)  # padding
        lengths = np.zeros(len(rows), np.int64)
        first = 0
        for start, own in zip(self._starts, gone):
            here = slice(first, first + len(own))
            size = own.shape[1]
            if way == "mask":
                lengths[here] = size
                rows[here, :size] = np.where(own, self._unknown, start + np.arange(size))
            else:
                lengths[here] = size - own.sum(axis=1)
                order = np.argsort(own, axis=1, kind="stable")  # those that are left, first
                rows[here, :size] = np.where(np.arange(size) < lengths[here, None], start + order, self._unknown + 1)
            empty = np.flatnonzero(own.all(axis=1)) + first  # one unknown word stands
            rows[empty], rows[empty, 0], lengths[empty] = self._unknown + 1, self._unknown, 1
            first += len(own)
        if inside.recipe == "post":  # padding takes part
            lengths[:] = longest
        return rows, lengths

    def _ngram_logits(self, gone: list[np.ndarray]) -> np.ndarray:
        """What the n-grams that are left add to the logits, (variants, classes)."""
        found = []
        for reading, own in zip(self.readings, gone):
            if not len(reading.numbers) or not len(own):
                found.append(np.zeros((len(own), self.inside.classes)))
                continue
            order = np.argsort(reading.numbers, kind="stable")
            distinct, firsts = np.unique(reading.numbers[order], return_index=True)
            scores, squares = self.inside.ngram_table(distinct)
            left = np.logical_or.reduceat(~reading.lost_ngrams(own)[:, order], firsts, axis=1).astype(np.float64)
            found.append(left @ scores / np.sqrt(left @ squares + 1e-12))
        return np.concatenate(found)

    def _plan(self, lengths: np.ndarray) -> list[np.ndarray]:
        """Variants whose states are held at once, the longest first."""
        order, plan, first = np.argsort(-lengths, kind="stable"), [], 0
        while first < len(order):
            count = max(1, _TOKENS // int(lengths[order[first]]))
            plan.append(order[first : first + count])
            first += count
        return plan

    def _sequences(self, rows: np.ndarray, lengths: np.ndarray, which: np.ndarray, gone: list[np.ndarray]) -> np.ndarray:
        """States of variants, the longest first; where there is evidence, no two begin alike."""
        F, prefixes, own = self.inside.numpy, DIRECTIONS[self.inside.recipe], rows[which, : lengths[which[0]]]
        if self.readings[0].spread is None:
            return F.recurrent_of_rows(self._gates, own, lengths[which], prefixes)
        gates = self._gates[own] + F.last_input_gates(self._evidence(rows, which, gone)[:, : own.shape[1]], prefixes)
        return F.recurrent_of_gates(gates.swapaxes(0, 1), lengths[which], prefixes)

    def _evidence(self, rows: np.ndarray, which: np.ndarray, gone: list[np.ndarray]) -> np.ndarray:
        """Evidence (variants, T, channels) of the tokens that stand in some rows."""
        found = np.zeros((len(which), rows.shape[1], self.inside.model["evidence"]), np.float32)
        reader, firsts = self.inside.predictor.reader, np.cumsum([0, *map(len, gone)])
        texts = np.searchsorted(firsts, which, side="right") - 1
        for text in np.unique(texts):
            reading, mine = self.readings[text], np.flatnonzero(texts == text)
            evidence = reader.evidence_without(reading.spread, gone[text][which[mine] - firsts[text]])
            at = rows[which[mine]] - self._starts[text]  # tokens, where they are this text's
            there = (at >= 0) & (at < len(reading.tokens))
            place = np.nonzero(there)
            found[mine[place[0]], place[1]] = evidence[place[0], at[place]]
        return found

    def _states(self, rows, lengths, gone) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for which in self._plan(lengths):
            yield which, self._sequences(rows, lengths, which, gone)

    def _decide(self, which: np.ndarray, states: np.ndarray, lengths: np.ndarray) -> Iterator[tuple]:
        """Yield variants, their states, mask, weights and logits without n-grams', some at a time, in order."""
        F, recipe, model = self.inside.numpy, self.inside.recipe, self.inside.model
        first = 0
        while first < len(which):
            longest = int(lengths[which[first]])
            part = which[first : first + max(1, min(_TEXTS, _PAIRS // longest**2))]
            own = states[first : first + len(part), :longest]
            mask = mask_of(F, recipe, own[..., 0], lengths[part])
            weights = weights_of(F, model, own, mask)
            yield part, own, mask, weights, decide(F, recipe, model, own, weights, mask)
            first += len(part)
