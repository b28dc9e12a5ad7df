"""The recorder: what every framework's `capture` fills, checks and turns into records. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

import numpy as np

from ..errors import CaptureError
from ..metrics import entropy
from ..plain import read_texts
from ..record import KINDS, AttentionRecord, Token
from .calls import Call, Checked, Generation, Pass, checked
from .kinds import settled
from .placing import place
from .rows import broken_row
from .steps import joined

UNIFORM = 1 - 1e-5  # relative entropy from which a row counts as uniform
BYPASSED = "was bypassed (its hook did not fire)"
_HALF = 5e-3  # what rows of half-precision weights may be off from a sum of 1

Pieces = Callable[[str, str, int, np.ndarray], Sequence]  # side, text, sentence, valid positions


class Recorder:
    """Collects the calls of attention layers, and gives records.

    Attributes
    ----------
    expected : dict of str to str
        Kind of every attention layer the model has, by its path.
    passes : list of Pass
    """

    def __init__(self, framework: str, expected: Mapping[str, str], *, cure: str, source: Mapping | None = None):
        self.expected = dict(expected)
        self.passes: list[Pass] = []
        self.generation: Generation | None = None  # that runs now
        self._cure = cure
        self._source = {"framework": framework, **(source or {})}

    # ---- filled by the hooks

    def begin(self) -> None:
        """The model itself starts a forward pass (parts of it may have run just before, as in generation)."""
        if self.passes and self.passes[-1].open:
            if not self.passes[-1].whole:
                self.passes[-1].whole = True
                return
            self.passes.pop()  # it ended in an exception
        self.passes.append(Pass(whole=True, generation=self.generation))

    def end(self) -> None:
        self.passes[-1].open = False

    def current(self) -> Pass:
        if not self.passes or not self.passes[-1].open:
            self.passes.append(Pass(generation=self.generation))
        return self.passes[-1]

    def add(self, call: Call) -> None:
        self.current().calls.append(call)

    def ran(self, layer: str) -> bool | None:
        """Whether what holds a layer was run; None where the framework does not tell."""
        return None

    # ---- what was seen

    def check(self, kind: str | None = None) -> None:
        """Raise if a layer was bypassed or gave empty, averaged or broken weights; warn if they are uniform.

        Raises
        ------
        CaptureError
            Naming every such layer, with what to do.
        """
        self._check(settled(self.passes), kind, {})

    def _check(self, parts: list[Pass], kind: str | None, padding: Mapping) -> None:
        if not self.passes:
            raise CaptureError("the model was not run: call it inside `with capture(model) as recorder:`.")
        every = [c for p in parts for c in p.calls]
        calls = [c for c in every if kind in (None, c.kind)]
        missing = self._missing(every, kind)
        if not calls and not missing:
            raise CaptureError(f"no {f'{kind} ' if kind else ''}attention was computed while capturing; what ran has "
                               f"{_kinds(c.kind for c in every)}.")
        bypassed = dict.fromkeys([*missing, *(c.layer for c in calls if c.problem == BYPASSED)])
        problems = [f"{layer or 'the model'} {BYPASSED}" for layer in bypassed]
        problems += dict.fromkeys(f"{c.layer or 'the model'} {c.problem or 'gave no weights'}" for c in calls
                                  if c.weights is None and c.problem != BYPASSED)
        if problems:
            raise CaptureError(f"{some(problems)}. {self.cure(list(bypassed), [c for c in calls if c.weights is None])}")
        rows = dict.fromkeys(found for p in parts for c in p.calls if kind in (None, c.kind)
                             if (found := broken_row(c, self._queries_hidden(p, c, padding))))
        if rows:
            raise CaptureError(f"{some(list(rows), 3)}.")
        uniform = self.uniform(kind)
        if uniform:
            warnings.warn(
                f"uniform weights in {some(uniform)}: every query shares its attention equally over all keys. Usual "
                "reasons: the trained weights were never loaded, or something averaged them. Load the checkpoint "
                "and check that no weight was reported missing.", stacklevel=4)

    def cure(self, bypassed: Sequence[str], empty: Sequence[Call]) -> str:
        """What to do about layers that nothing was recorded of."""
        return self._cure

    def _missing(self, calls: list[Call], kind: str | None) -> list[str]:
        """Layers that should have run and did not."""
        fired = {c.layer for c in calls}
        alike = {_numberless(c.layer): c.kind for c in calls}
        ran = {c.kind for c in calls}
        whole = any(p.whole for p in self.passes)

        def expected(layer: str, hint: str) -> bool:
            its = alike.get(_numberless(layer), hint)
            told = self.ran(layer)
            return kind in (None, its) and (told if told is not None else whole or its in ran or not calls)

        return [layer for layer, hint in self.expected.items() if layer not in fired and expected(layer, hint)]

    def uniform(self, kind: str | None = None) -> list[str]:
        """Layers whose every row shares its weight equally over the keys it may see."""
        rows: dict[str, list[np.ndarray]] = {}
        for call in (c for p in settled(self.passes) for c in p.calls if kind in (None, c.kind)):
            if call.weights is not None:
                rows.setdefault(call.layer, []).append(_evenness(call.weights))
        found = {layer: np.concatenate(parts) for layer, parts in rows.items()}
        return [layer for layer, parts in found.items() if len(parts) and parts.min() > UNIFORM]

    def verify(self) -> list[Checked]:
        """How far each layer is from softmax(scale Q K^T + bias) and from weights x V; needs ``vectors=True``.

        Returns
        -------
        list of Checked
            The worst of each layer, in order.
        """
        worst: dict[str, Checked] = {}
        for call in (c for p in settled(self.passes) for c in p.calls):
            one = checked(call)
            if one is not None:
                old = worst.get(call.layer, one)
                worst[call.layer] = one._replace(
                    weights_error=max(one.weights_error, old.weights_error),
                    context_error=float(np.fmax(one.context_error, old.context_error)))
        return list(worst.values())

    # ---- records

    def records(
        self,
        texts: str | Sequence[str],
        tokens: Sequence,
        *,
        target_texts: str | Sequence[str] | None = None,
        target_tokens: Sequence | None = None,
        padding: np.ndarray | None = None,
        target_padding: np.ndarray | None = None,
        kind: str | None = None,
    ) -> list[AttentionRecord]:
        """One record for each sentence and kind of attention, all passes in order.

        Parameters
        ----------
        texts : str or sequence of str
            Raw texts, as many as sentences went through the model.
        tokens : for each sentence, a sequence of Token or str
            Every position of the sentence, special tokens too; padding may be left out. Strings are
            placed on the raw text (``##``, ``▁``, ``@@`` and special tokens are understood).
        target_texts, target_tokens
            The same for the decoder's side.
        padding, target_padding : bool, shape (B, T), or None
            True at padding; None takes what the layers were told.
        kind : {"self", "encoder", "decoder", "cross"} or None
            Only this kind.

        Raises
        ------
        CaptureError
            As `check` does, or if texts or tokens do not fit what went through the model.
        """
        both = {"source": tokens, "target": target_tokens}

        def pieces(side: str, text: str, sentence: int, valid: np.ndarray) -> Sequence:
            listed = both[side]
            if listed is None:
                raise CaptureError(f"the model has a {side} side: give {side}_texts and {side}_tokens too.")
            one = [listed] if listed and isinstance(listed[0], (str, Token)) else listed
            if sentence >= len(one):
                raise CaptureError(f"tokens of {len(one)} {side} sentences came, {sentence + 1} or more are needed.")
            return one[sentence]

        given = {"source": padding, "target": target_padding}
        return self._records(texts, target_texts, pieces, kind, {k: v for k, v in given.items() if v is not None})

    def _records(self, texts, target_texts, pieces: Pieces, kind: str | None, padding: Mapping) -> list:
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

    def _fit(self, batches: list[Pass], texts: Sequence) -> None:
        """Raise where texts and sentences do not go together."""
        beams = [p.generation.beams for p in batches if p.generation and p.generation.beams > 1]
        if beams:
            raise CaptureError(f"beam search (num_beams={beams[0]}) reorders sentences between steps, so its steps are no "
                               "one text: use num_beams=1 while capturing.")
        copies = [p.generation.copies for p in batches if p.generation and p.generation.copies > 1]
        for batch in batches:
            sizes = {len(c.weights): c.layer for c in batch.calls if c.weights is not None}
            if len(sizes) > 1:
                raise CaptureError(
                    f"num_return_sequences={copies[0]} puts each sentence through the decoder {copies[0]} times and through "
                    "the encoder once: use num_return_sequences=1 while capturing." if copies else
                    "layers of one pass saw different batches (" + ", ".join(
                        f"{layer or 'the model'}: {size}" for size, layer in sizes.items()) +
                    "), so texts cannot be told apart: capture only the part whose batch is that of the texts.")
        cut = [s for p in batches for s in p.sides if "positions" in str(s)]
        if len(batches) > 1 and cut:
            layer = next(c.layer for p in batches for c in p.calls if cut[0] in (c.rows, c.columns))
            raise CaptureError(
                f"{layer} attends over a cut or pooled form of {getattr(cut[0], 'name', cut[0])}: a model that shortens its "
                "sequence inside has no one set of tokens. Capture only the layers before, a part of the model.")
        counts = [p.size for p in batches]
        if len(texts) != sum(counts):
            read = [next(str(s) for s, side in p.sides.items() if side == "source") for p in batches]
            why = (f" (num_return_sequences={copies[0]} puts each sentence through {copies[0]} times)" if copies else
                   f" ({', '.join(f'{n} of {name}' for n, name in zip(counts, read))})" if len(batches) > 1 else "")
            raise CaptureError(f"{sum(counts)} sentences went through the model, {len(texts)} texts came{why}: give the raw "
                               "text of each, in order.")

    def _of_sentence(self, batch, row, sentence, lists, pieces, kind, padding, uniform):
        has_target = "target" in batch.sides.values()
        known: dict[str, tuple[np.ndarray, list[Token], str, int]] = {}

        def side(sequence: Hashable, length: int):
            name = batch.sides[sequence]
            if name not in known:
                if name not in lists:
                    raise CaptureError(
                        f"the model attends over a third sequence, {name}, and a record has two: ask for the kinds that "
                        "need it not, records(..., kind=...), or capture the part that reads one sequence.")
                hidden = self._hidden(batch, name, row, length, padding)
                valid = np.flatnonzero(~hidden)
                text = lists[name][sentence] if lists[name] is not None and sentence < len(lists[name]) else None
                if not len(valid):
                    raise CaptureError(
                        f"{name} sentence {sentence} ({text!r:.40}) is all padding: it has no token that could look or be "
                        "looked at. Leave it out of the batch.")
                known[name] = self._placed(name, text, sentence, valid, length, pieces)
            if known[name][3] != length:
                raise CaptureError(
                    f"{_layers(batch, sequence, length)} has {length} positions of {name} sentence {sentence}, layers "
                    f"before it {known[name][3]}: a model that pools or cuts its sequence inside has no one set of "
                    "tokens. Ask for kinds that do not, or capture only the layers before.")
            return known[name][:3]

        groups: dict[tuple, list[Call]] = {}
        for call in batch.calls:
            if kind in (None, call.kind):
                alike = (call.kind, call.rows, call.columns, call.weights.shape[1:], call.outside)
                groups.setdefault(alike, []).append(call)
        records = []
        for (each, rows, columns, *_), calls in groups.items():
            outside = calls[0].outside
            length = calls[0].weights.shape[3] - len(outside)
            queries, query_tokens, query_text = side(rows, calls[0].weights.shape[2])
            keys, key_tokens, key_text = side(columns, length)
            places = [*keys, *range(length, length + len(outside))]
            names = [*key_tokens, *(Token(name, len(key_text), len(key_text)) for name in outside)]
            weights = np.stack([c.weights[row][:, queries][:, :, places] for c in calls])
            for call, lost in zip(calls, 1 - weights.sum(-1, dtype=np.float64).min((1, 2))):
                if lost > 1e-3:
                    self._lost[call.layer] = max(float(lost), self._lost.get(call.layer, 0.0))
            vectors = {}
            if not outside and all(c.queries is not None and c.keys is not None for c in calls):
                vectors = {"queries_vectors": np.stack([c.queries[row][:, queries] for c in calls]),
                           "keys_vectors": np.stack([c.keys[row][:, places] for c in calls]),
                           "values": np.stack([c.values[row][:, places] for c in calls])}
            flat = [c.layer for c in calls if c.layer in uniform]
            target = query_text if has_target and each in ("decoder", "cross") else None
            records.append(AttentionRecord(
                key_text if each == "cross" else query_text if target is None else lists["source"][sentence],
                query_tokens, query_tokens if names == query_tokens else names, weights, each, target_text=target,
                normalised=bool(np.abs(weights.sum(-1, dtype=np.float64) - 1).max() <= 1e-4),
                source={**self._source, "layers": [c.layer for c in calls], **({"uniform": flat} if flat else {})},
                **vectors))
        return records

    def _hidden(self, batch: Pass, name: str, row: int, length: int, padding: Mapping) -> np.ndarray:
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
        if len(mask) < length:  # positions generated later are none
            mask = np.concatenate([mask, np.zeros(length - len(mask), dtype=mask.dtype)])
        return mask[:length].astype(bool)

    def _mask(self, batch: Pass, name: str, padding: Mapping) -> np.ndarray | None:
        """(B, T), True at the padding of one side, by whoever told of it."""
        mask = padding.get(name, batch.padding.get(name))
        if mask is None and batch.generation is not None and name == "source":
            mask = batch.generation.padding
        return mask

    def _queries_hidden(self, part: Pass, call: Call, padding: Mapping) -> np.ndarray | None:
        """(B, Tq), True at queries that are padding."""
        if call.weights is None:
            return None
        batch, _, length, _ = call.weights.shape
        name = part.sides[call.rows]
        mask = self._mask(part, name, padding)
        if mask is not None and len(mask) != batch:  # said in words where sentences and texts are counted
            return None
        if mask is not None and np.shape(mask)[1] > length:  # a step of a generation: its tokens are the last
            return np.asarray(mask)[:, -length:].astype(bool)
        return np.stack([self._hidden(part, name, row, length, padding) for row in range(batch)])

    def _placed(self, name, text, sentence, valid, length, pieces):
        found = list(pieces(name, text, sentence, valid))
        if len(found) == length != len(valid):
            found = [found[i] for i in valid]
        if len(found) != len(valid):
            raise CaptureError(
                f"{name} sentence {sentence} has {len(found)} tokens, the model saw {len(valid)} positions"
                f"{f' and {length - len(valid)} of padding' if length > len(valid) else ''}: give one token for each "
                "position, special ones too, and padding=... where the model was told of none.")
        if text is None:
            raise CaptureError(f"the model has a {name} side: give target_texts too.")
        if not all(isinstance(token, Token) for token in found):
            found = place(text, found)
        return valid, found, text, length


def _listed(texts) -> list[str] | None:
    return None if texts is None else read_texts(texts, "records")


def _evenness(weights: np.ndarray) -> np.ndarray:
    """Entropy over ln(keys seen) of each row that sees two keys or more."""
    rows = weights.reshape(-1, weights.shape[-1])
    rows = rows[np.isfinite(rows).all(-1)]
    seen = (rows > 0).sum(-1)
    rows, seen = rows[seen > 1], seen[seen > 1]
    return entropy(rows) / np.log(seen)


def whole_rows(weights: np.ndarray) -> np.ndarray:
    """float32 weights; rows that half precision left a little off 1 are scaled to it."""
    weights = np.array(weights, dtype=np.float32)
    total = weights.sum(-1, keepdims=True)
    near = (np.abs(total - 1) > 1e-5) & (np.abs(total - 1) <= _HALF)
    return np.where(near, weights / np.where(near, total, 1), weights)


def _kinds(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(set(kinds))) or "none"


def _layers(batch: Pass, sequence: Hashable, length: int) -> str:
    return next((c.layer for c in batch.calls if c.weights is not None and (
        (c.rows == sequence and c.weights.shape[2] == length) or
        (c.columns == sequence and c.weights.shape[3] - len(c.outside) == length))), "a layer")


def _numberless(path: str) -> str:
    return ".".join("*" if step.isdigit() else step for step in path.split("."))


def some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
