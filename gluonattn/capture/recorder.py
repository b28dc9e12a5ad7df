"""The recorder: what every framework's `capture` fills, checks and turns into records. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ..errors import CaptureError
from ..metrics import entropy
from ..record import KINDS, AttentionRecord, Token
from .calls import Call, Checked, Pass, checked, joined
from .placing import place

UNIFORM = 1 - 1e-5  # relative entropy from which a row counts as uniform
_HALF = 5e-3  # what rows of half-precision weights may be off from a sum of 1
SIDES = {"self": ("source", "source"), "encoder": ("source", "source"), "decoder": ("target", "target"),
         "cross": ("target", "source")}

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
        self.passes.append(Pass(whole=True))

    def end(self) -> None:
        self.passes[-1].open = False

    def current(self) -> Pass:
        if not self.passes or not self.passes[-1].open:
            self.passes.append(Pass())
        return self.passes[-1]

    def add(self, call: Call) -> None:
        self.current().calls.append(call)

    # ---- what was seen

    def check(self, kind: str | None = None) -> None:
        """Raise if a layer was bypassed or gave empty, averaged or broken weights; warn if they are uniform.

        Raises
        ------
        CaptureError
            Naming every such layer, with what to do.
        """
        calls = [c for p in self.passes for c in p.calls if kind in (None, c.kind)]
        fired = {c.layer for c in calls}
        ran = {c.kind for c in calls}
        whole = any(p.whole for p in self.passes)
        missing = [layer for layer, k in self.expected.items()
                   if layer not in fired and kind in (None, k) and (whole or k in ran or not calls)]
        if not self.passes:
            raise CaptureError("the model was not run: call it inside `with capture(model) as recorder:`.")
        if not calls and not missing:
            raise CaptureError(f"no {kind or ''} attention was computed while capturing; the model has "
                               f"{_kinds(self.expected.values())}.")
        problems = [f"{layer} was bypassed (its hook did not fire)" for layer in missing]
        problems += dict.fromkeys(f"{c.layer} {c.problem or _broken(c)}" for c in calls if c.problem or _broken(c))
        if problems:
            raise CaptureError(f"{_some(problems)}. {self._cure}")
        uniform = self.uniform(kind)
        if uniform:
            warnings.warn(
                f"uniform weights in {_some(uniform)}: every query shares its attention equally over all keys. Usual "
                "reasons: the trained weights were never loaded, or something averaged them. Load the checkpoint "
                "and check that no weight was reported missing.", stacklevel=3)

    def uniform(self, kind: str | None = None) -> list[str]:
        """Layers whose every row shares its weight equally over the keys it may see."""
        rows: dict[str, list[np.ndarray]] = {}
        for call in (c for p in self.passes for c in p.calls if kind in (None, c.kind)):
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
        for call in (c for p in self.passes for c in p.calls):
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
        self.check(kind)
        lists = {"source": _listed(texts), "target": _listed(target_texts)}
        batches = joined(self.passes)
        sizes = [p.size for p in batches]
        mixed = any(len(c.weights) != p.size for p in batches for c in p.calls if c.weights is not None)
        if mixed or len(lists["source"] or []) != sum(sizes):
            raise CaptureError(
                f"{sum(sizes)} sentences went through the model, {len(lists['source'] or [])} texts came: give the raw "
                "text of each, in order (beam search puts a sentence through several times: use num_beams=1).")
        found: list[AttentionRecord] = []
        start = 0
        uniform = self.uniform(kind)
        for batch, size in zip(batches, sizes):
            for row in range(size):
                found += self._of_sentence(batch, row, start + row, lists, pieces, kind, padding, uniform)
            start += size
        return found

    def _of_sentence(self, batch, row, sentence, lists, pieces, kind, padding, uniform):
        has_target = any(c.kind in ("encoder", "cross") for c in batch.calls) and any(
            c.kind in ("decoder", "cross") for c in batch.calls)
        sides = {k: (q, v) if has_target else ("source", "source") for k, (q, v) in SIDES.items()}
        known: dict[str, tuple[np.ndarray, list[Token], str]] = {}

        def side(name: str, length: int):
            if name not in known:
                hidden = self._hidden(batch, name, row, length, padding, sides)
                valid = np.flatnonzero(~hidden)
                texts = lists[name]
                text = texts[sentence] if texts is not None else None
                known[name] = self._placed(name, text, sentence, valid, length, pieces)
            return known[name]

        groups: dict[tuple[str, int], list[Call]] = {}
        for call in batch.calls:
            if kind in (None, call.kind):
                groups.setdefault((call.kind, call.weights.shape[1]), []).append(call)
        records = []
        for (each, _), calls in groups.items():
            outside = calls[0].outside
            length = calls[0].weights.shape[3] - len(outside)
            queries, query_tokens, query_text = side(sides[each][0], calls[0].weights.shape[2])
            keys, key_tokens, key_text = side(sides[each][1], length)
            columns = [*keys, *range(length, length + len(outside))]
            names = [*key_tokens, *(Token(name, len(key_text), len(key_text)) for name in outside)]
            weights = np.stack([c.weights[row][:, queries][:, :, columns] for c in calls])
            vectors = {}
            if all(c.queries is not None and c.keys is not None for c in calls):
                vectors = {"queries_vectors": np.stack([c.queries[row][:, queries] for c in calls]),
                           "keys_vectors": np.stack([c.keys[row][:, columns] for c in calls]),
                           "values": np.stack([c.values[row][:, columns] for c in calls])}
            flat = [c.layer for c in calls if c.layer in uniform]
            records.append(AttentionRecord(
                lists["source"][sentence], query_tokens, query_tokens if names == query_tokens else names, weights, each,
                target_text=query_text if has_target and each in ("decoder", "cross") else None,
                normalised=bool(np.abs(weights.sum(-1, dtype=np.float64) - 1).max() <= 1e-4),
                source={**self._source, "layers": [c.layer for c in calls], **({"uniform": flat} if flat else {})},
                **vectors))
        return records

    def _hidden(self, batch: Pass, name: str, row: int, length: int, padding: Mapping, sides: Mapping) -> np.ndarray:
        """True at the padded positions of one side of one sentence."""
        mask = padding.get(name, batch.padding.get(name))
        if mask is None:
            told = [c.padding for c in batch.calls if c.padding is not None and sides[c.kind][1] == name]
            mask = told[0] if told else None
        if mask is None:
            return np.zeros(length, dtype=bool)
        mask = np.asarray(mask)[row]
        if len(mask) < length:  # positions generated later are none
            mask = np.concatenate([mask, np.zeros(length - len(mask), dtype=mask.dtype)])
        return mask[:length].astype(bool)

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
        if all(isinstance(token, Token) for token in found):
            return valid, found, text
        return valid, place(text, found), text


def _listed(texts) -> list[str] | None:
    return None if texts is None else [texts] if isinstance(texts, str) else list(texts)


def _evenness(weights: np.ndarray) -> np.ndarray:
    """Entropy over ln(keys seen) of each row that sees two keys or more."""
    rows = weights.reshape(-1, weights.shape[-1])
    rows = rows[np.isfinite(rows).all(-1)]
    seen = (rows > 0).sum(-1)
    rows, seen = rows[seen > 1], seen[seen > 1]
    return entropy(rows) / np.log(seen)


def _broken(call: Call) -> str | None:
    """What is wrong with the sums of a call's rows."""
    weights = call.weights
    if weights is None:
        return "gave no weights"
    sums = weights.sum(-1, dtype=np.float64)
    sums = sums[np.isfinite(sums) & (sums > 0)]  # rows of padding may be NaN or 0
    if len(sums) and np.abs(sums - 1).max() > 1e-4:
        return (f"gave rows that do not sum to 1 (one sums to {sums[np.abs(sums - 1).argmax()]:.3f}): in training mode "
                "dropout acts on weights, so call model.eval() first")
    return None


def whole_rows(weights: np.ndarray) -> np.ndarray:
    """float32 weights; rows that half precision left a little off 1 are scaled to it."""
    weights = np.array(weights, dtype=np.float32)
    total = weights.sum(-1, keepdims=True)
    near = (np.abs(total - 1) > 1e-5) & (np.abs(total - 1) <= _HALF)
    return np.where(near, weights / np.where(near, total, 1), weights)


def _kinds(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(set(kinds))) or "none"


def _some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
