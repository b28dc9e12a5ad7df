"""The recorder that every framework's `capture` fills. It checks the calls and makes records. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError
from ..metrics import entropy
from ..record import AttentionRecord, Token
from .calls import Call, Checked, Generation, Pass, checked
from .kinds import settled
from .making import Records
from .rows import broken_row, some

UNIFORM = 1 - 1e-5  # relative entropy above which a row counts as uniform
BYPASSED = "was bypassed (its hook did not fire)"



class Recorder(Records):
    """Collects the calls of attention layers, and makes records.

    Parameters
    ----------
    framework : str
    expected : mapping of str to str
    cure : str
        What to do about layers that nothing was recorded of.
    source : mapping or None
        Further entries of each record's ``source``.

    Attributes
    ----------
    expected : dict of str to str
        Kind of every attention layer the model has, by its path.
    passes : list of Pass
    without : list of str
        Paths of layers with the name of an attention that compute no weights (linear attention).
    """

    def __init__(self, framework: str, expected: Mapping[str, str], *, cure: str,
                 source: Mapping[str, Any] | None = None) -> None:
        self.expected = dict(expected)
        self.passes: list[Pass] = []
        self.without: list[str] = []
        self.generation: Generation | None = None  # the running pass
        self._cure = cure
        self._source = {"framework": framework, **(source or {})}

    # ---- filled by the hooks

    def begin(self) -> None:
        """Note that the model starts a forward pass. Parts of it may have run just before, as in generation."""
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

    def grids(self) -> dict[str, list[tuple[int, int]]]:
        """Rows and columns of the patches of each picture, by its name as an input. None are known here."""
        return {}

    def ran(self, layer: str) -> bool | None:
        """Whether the module that contains a layer ran; None if unknown."""
        return None

    # ---- checks

    def check(self, kind: str | None = None) -> None:
        """Raise if a layer was bypassed or gave empty, averaged or invalid weights. Warn if they are uniform.

        Raises
        ------
        CaptureError
            If there is such a layer. The message names all of them and the cure.
        """
        self._check(settled(self.passes), kind, {})

    def _check(self, parts: list[Pass], kind: str | None, padding: Mapping[str, Any]) -> None:
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
        if self.without:
            warnings.warn(f"{some(self.without)} computed no attention weights (no softmax over positions), so nothing is "
                          "recorded of them.", stacklevel=4)
        uniform = self.uniform(kind)
        if uniform:
            warnings.warn(
                f"uniform weights in {some(uniform)}: every query shares its attention equally over all keys. Usual "
                "reasons: the trained weights were never loaded, or something averaged them. Load the checkpoint "
                "and check that no weight was reported missing.", stacklevel=4)

    def cure(self, bypassed: Sequence[str], empty: Sequence[Call]) -> str:
        """What to do about layers that nothing was recorded of.

        Parameters
        ----------
        bypassed : sequence of str
            Paths of layers whose hook did not fire.
        empty : sequence of Call
            Calls without weights.
        """
        return self._cure

    def _missing(self, calls: list[Call], kind: str | None) -> list[str]:
        """Layers that should have run but did not."""
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
        """Layers in which every row has equal weights over its visible keys."""
        rows: dict[str, list[NDArray[Any]]] = {}
        for call in (c for p in settled(self.passes) for c in p.calls if kind in (None, c.kind)):
            if call.weights is not None:
                rows.setdefault(call.layer, []).append(_evenness(call.weights))
        found = {layer: np.concatenate(parts) for layer, parts in rows.items()}
        return [layer for layer, parts in found.items() if len(parts) and parts.min() > UNIFORM]

    def verify(self) -> list[Checked]:
        """The difference of each layer from softmax(scale Q K^T + bias) and from weights x V. It needs ``vectors=True``.

        Returns
        -------
        list of Checked
            The largest difference of each layer, in order.
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
        tokens: Sequence[Any],
        *,
        target_texts: str | Sequence[str] | None = None,
        target_tokens: Sequence[Any] | None = None,
        padding: NDArray[Any] | None = None,
        target_padding: NDArray[Any] | None = None,
        kind: str | None = None,
    ) -> list[AttentionRecord]:
        """Make one record for each sentence and kind of attention, with all passes in order.

        Parameters
        ----------
        texts : str or sequence of str
            Raw texts, one for each sentence that the model read.
        tokens : for each sentence, a sequence of Token or str
            Every position of the sentence, including special tokens. Padding may be left out. Strings are
            placed on the raw text (``##``, ``▁``, ``@@`` and special tokens are understood).
        target_texts, target_tokens
            The same for the decoder's side.
        padding, target_padding : bool, shape (B, T), or None
            True at padding. None uses what the layers were given.
        kind : {"self", "encoder", "decoder", "cross"} or None
            Only this kind.

        Raises
        ------
        CaptureError
            As `check` does, or if texts or tokens do not match what the model read.
        """
        both = {"source": tokens, "target": target_tokens}

        def pieces(side: str, text: str, sentence: int, valid: NDArray[Any]) -> Sequence[Any]:
            listed = both[side]
            if listed is None:
                raise CaptureError(f"the model has a {side} side: give {side}_texts and {side}_tokens too.")
            one = [listed] if listed and isinstance(listed[0], (str, Token)) else listed
            if sentence >= len(one):
                raise CaptureError(f"tokens of {len(one)} {side} sentences came, {sentence + 1} or more are needed.")
            return one[sentence]

        given = {"source": padding, "target": target_padding}
        return self._records(texts, target_texts, pieces, kind, {k: v for k, v in given.items() if v is not None})


def _evenness(weights: NDArray[Any]) -> NDArray[Any]:
    """Entropy divided by ln(visible keys) of each row with two visible keys or more."""
    rows = weights.reshape(-1, weights.shape[-1])
    rows = rows[np.isfinite(rows).all(-1)]
    seen = (rows > 0).sum(-1)
    rows, seen = rows[seen > 1], seen[seen > 1]
    result: NDArray[Any] = entropy(rows) / np.log(seen)
    return result


def _kinds(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(set(kinds))) or "none"


def _numberless(path: str) -> str:
    return ".".join("*" if step.isdigit() else step for step in path.split("."))


