"""A batch of texts in a model. Forward passes, also of texts without some words, are computed once and kept.

Tokens are looked up and multiplied into the GRU's gates once. Every variant of a text is a row of indices
into that table. Evidence depends on the whole text, so it is computed again for every variant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.padding import pad_batch
from ..threads import ONE_THREAD, ahead
from .asking import WAYS as WAYS
from .asking import AskedTexts
from .engines.forward import DIRECTIONS, decide, mask_of, values_of, weights_of, words_of
from .forward_steps import ForwardPass, ForwardSteps, softmax
from .reader import EncodedText

_TOKENS = 10_000  # of variants whose states are held at once
_PAIRS = 60_000  # query-key pairs that are computed at once
_TEXTS = 128


class Batch(AskedTexts):
    """Texts, and everything that a model has computed for them.

    Parameters
    ----------
    steps : ForwardSteps
    encoded_texts : sequence of EncodedText
    workers : int, default 1
        Threads that may compute at the same time.

    Attributes
    ----------
    steps, workers
    encoded_texts : list of EncodedText
    passes : list of ForwardPass
        The forward pass of each unchanged text.
    """

    def __init__(self, steps: ForwardSteps, encoded_texts: Sequence[EncodedText], workers: int = 1):
        super().__init__(encoded_texts)
        self.steps, self.workers = steps, workers
        with ONE_THREAD:
            self._tabulate()

    @cached_property
    def passes(self) -> list[ForwardPass]:
        return self._pass_whole()

    # ---- the computation

    def _tabulate(self) -> None:
        """Make the table of gate inputs of every token, the unknown word and padding: (tokens + 2, 2, 3H)."""
        steps, predictor = self.steps, self.steps.predictor
        examples = [encoded.example for encoded in self.encoded_texts]
        self._starts = np.cumsum([0, *(len(example.ids) for example in examples)])
        ids = np.concatenate([*(e.ids for e in examples), [predictor.unknown, predictor.padding]]).astype(np.int32)
        grams = None
        if examples[0].subwords is not None:
            rows = list(chain.from_iterable(example.subwords or () for example in examples))
            grams = pad_batch([examples[0]._replace(ids=ids, subwords=[*rows, ids[:0], ids[:0]], ngrams=None)], 0)[2]
        if channels := steps.model.get("evidence", 0):  # comes with each variant
            grams = np.zeros((1, len(ids), channels), np.float32)
        words = words_of(steps.numpy, steps.model, ids[None], *([] if grams is None else [grams]))
        self._gates = steps.numpy.input_gates(words, DIRECTIONS[steps.recipe])[0]

    @property
    def _unknown(self) -> int:
        return len(self._gates) - 2

    def _compute(self, gone: list[NDArray[Any]], way: str, passes: list[Any] | None) -> NDArray[Any]:
        rows, lengths = self._rows(gone, way)
        more = self._ngram_logits(gone)
        firsts = np.cumsum([0, *map(len, gone)])
        whole = {int(first): text for text, first in enumerate(firsts[:-1])} if passes is not None else {}  # variant: text
        logits = np.empty_like(more)

        def compute(which: NDArray[Any]) -> None:
            with ONE_THREAD:
                for part, states, mask, weights, found in self._decide(
                        which, self._sequences(rows, lengths, which, gone), lengths):
                    logits[part] = found + more[part]
                    for i, variant in enumerate(part.tolist()):
                        if passes is not None and variant in whole:
                            passes[whole[variant]] = self._keep(states[i], mask[i], weights[i], more[variant],
                                                                logits[variant])

        for _ in ahead(compute, ((which,) for which in self._plan(lengths)), self.workers):
            pass
        return softmax(logits)

    def _keep(self, states: NDArray[Any], mask: NDArray[Any], weights: NDArray[Any], more: NDArray[Any],
              logits: NDArray[Any]) -> ForwardPass:
        """The forward pass of one text, without its padding."""
        size = len(mask) if self.steps.recipe == "post" else int(mask.sum())
        states = states[None, :size]
        return ForwardPass(states, weights[None, :, :size, :size],
                           values_of(self.steps.numpy, self.steps.model, states), mask[None, :size], more[None],
                           logits[None], softmax(logits))

    def _rows(self, gone: list[NDArray[Any]], way: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Indices into the table (variants, T), and the number of tokens of each variant."""
        steps, fixed = self.steps, self.steps.predictor.fixed_length
        longest = fixed or max(len(encoded.tokens) for encoded in self.encoded_texts)
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
                order = np.argsort(own, axis=1, kind="stable")  # the remaining tokens first
                rows[here, :size] = np.where(np.arange(size) < lengths[here, None], start + order, self._unknown + 1)
            empty = np.flatnonzero(own.all(axis=1)) + first  # one unknown word stands
            rows[empty], rows[empty, 0], lengths[empty] = self._unknown + 1, self._unknown, 1
            first += len(own)
        if steps.recipe == "post":  # padding takes part
            lengths[:] = longest
        return rows, lengths

    def _ngram_logits(self, gone: list[NDArray[Any]]) -> NDArray[Any]:
        """What the remaining n-grams add to the logits, (variants, classes)."""
        found = []
        for encoded, own in zip(self.encoded_texts, gone):
            if not len(encoded.numbers) or not len(own):
                found.append(np.zeros((len(own), self.steps.classes)))
                continue
            order = np.argsort(encoded.numbers, kind="stable")
            distinct, firsts = np.unique(encoded.numbers[order], return_index=True)
            scores, squares = self.steps.ngram_table(distinct)
            left = np.logical_or.reduceat(~encoded.lost_ngrams(own)[:, order], firsts, axis=1).astype(np.float64)
            found.append(left @ scores / np.sqrt(left @ squares + 1e-12))
        return np.concatenate(found)

    def _plan(self, lengths: NDArray[Any]) -> list[NDArray[Any]]:
        """Groups of variants whose states are held at once, the longest first."""
        order, plan, first = np.argsort(-lengths, kind="stable"), [], 0
        while first < len(order):
            count = max(1, _TOKENS // int(lengths[order[first]]))
            plan.append(order[first : first + count])
            first += count
        return plan

    def _sequences(self, rows: NDArray[Any], lengths: NDArray[Any], which: NDArray[Any],
                   gone: list[NDArray[Any]]) -> NDArray[Any]:
        """States of variants, the longest first. With evidence, no two variants share a beginning."""
        F, prefixes, own = self.steps.numpy, DIRECTIONS[self.steps.recipe], rows[which, : lengths[which[0]]]
        if self.encoded_texts[0].spread is None:
            result: NDArray[Any] = F.recurrent_of_rows(self._gates, own, lengths[which], prefixes)
            return result
        gates = self._gates[own] + F.last_input_gates(self._evidence(rows, which, gone)[:, : own.shape[1]], prefixes)
        result = F.recurrent_of_gates(gates.swapaxes(0, 1), lengths[which], prefixes)
        return result

    def _evidence(self, rows: NDArray[Any], which: NDArray[Any], gone: list[NDArray[Any]]) -> NDArray[Any]:
        """Evidence (variants, T, channels) of the tokens in some rows."""
        found = np.zeros((len(which), rows.shape[1], self.steps.model["evidence"]), np.float32)
        reader, firsts = self.steps.predictor.reader, np.cumsum([0, *map(len, gone)])
        texts = np.searchsorted(firsts, which, side="right") - 1
        for text in np.unique(texts):
            encoded, mine = self.encoded_texts[text], np.flatnonzero(texts == text)
            evidence = reader.evidence_without(encoded.spread, gone[text][which[mine] - firsts[text]])
            at = rows[which[mine]] - self._starts[text]  # tokens that belong to this text
            there = (at >= 0) & (at < len(encoded.tokens))
            place = np.nonzero(there)
            found[mine[place[0]], place[1]] = evidence[place[0], at[place]]
        return found

    def _decide(self, which: NDArray[Any], states: NDArray[Any], lengths: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield variants with their states, mask, weights and logits (without those of n-grams), in chunks and in order."""
        F, recipe, model = self.steps.numpy, self.steps.recipe, self.steps.model
        first = 0
        while first < len(which):
            longest = int(lengths[which[first]])
            part = which[first : first + max(1, min(_TEXTS, _PAIRS // longest**2))]
            own = states[first : first + len(part), :longest]
            mask = mask_of(F, recipe, own[..., 0], lengths[part])
            weights = weights_of(F, model, own, mask)
            yield part, own, mask, weights, decide(F, recipe, model, own, weights, mask)
            first += len(part)


def pass_through(steps: ForwardSteps, encoded: EncodedText) -> ForwardPass:
    """Pass one text through a model.

    Parameters
    ----------
    steps : ForwardSteps
    encoded : EncodedText
    """
    return Batch(steps, [encoded]).passes[0]
