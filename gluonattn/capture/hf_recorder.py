"""Records of Hugging Face models, with the tokens of the model's ids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError
from ..plain import read_texts
from ..record import AttentionRecord
from .calls import Call, Pass
from .hooks import holds_transformers
from .kinds import settled
from .origins import Origin
from .pieces import byte_level, continuation, hf_tokens
from .placing import spelled
from .steps import joined
from .torch import TorchRecorder

NO_SOFTMAX = "has the name of an attention, but computed none (no softmax over positions that mixes values)"
OTHERWISE = ("Such a layer has no weights from token to token; what the model computes beside it can be captured by name: "
             "capture(model, attention=[...])")
AFTERWARDS = "generate without capturing, then run the model once on the ids that came out, inside `with capture(...)`"
_LISTS = ("ModuleList", "ModuleDict")  # containers of modules, which are never called
UNSEEN = Origin("what could not be followed")


def class_kind(module: Any) -> str:
    """The kind of self-attention that a layer's class suggests. Cross attention is found from the tensors."""
    return "decoder" if getattr(module, "is_causal", False) or getattr(module, "is_decoder", False) else "encoder"


def _looks_back(weights: NDArray[Any] | None) -> bool:
    """Whether queries attend only to earlier keys, in at least one sentence (rows of padding may attend anywhere)."""
    if weights is None or weights.shape[2] < 3 or weights.shape[2] > weights.shape[3]:
        return False
    length = weights.shape[2]
    ahead = np.nan_to_num(weights[:, 0, 0, 1:length]).any(1).all()  # the first row usually decides, at little cost
    return not ahead and not np.triu(np.nan_to_num(weights[:, 0, :, :length]), 1).any((1, 2)).all()


def _apart(weights: NDArray[Any]) -> NDArray[Any] | None:
    """(B, T), True at positions without attention in both directions: padding that the model itself hides."""
    nowhere = np.nan_to_num(weights[:, 0]).sum(-1) == 0
    if not nowhere.any() or weights.shape[2] != weights.shape[3]:
        return None
    apart = (weights.sum((1, 3)) == 0) & (weights.sum((1, 2)) == 0)
    return apart if apart.any() else None


def _above(path: str) -> list[str]:
    """Paths of the modules that contain a module, without the model itself."""
    return [path[:i] for i, letter in enumerate(path) if letter == "."]


def sounds(module: Any) -> bool:
    """Whether the name of a module is that of an attention."""
    return type(module).__name__.endswith("Attention")


class HuggingFaceRecorder(TorchRecorder):
    """A recorder with the ids that the model read.

    Attributes
    ----------
    implementation : str
        The model's attention implementation outside capture.
    """

    implementation: str = "eager"

    def records(  # type: ignore[override]
        self,
        texts: str | Sequence[str],
        tokenizer: Any,
        *,
        target_texts: str | Sequence[str] | None = None,
        target_tokenizer: Any = None,
        kind: str | None = None,
    ) -> list[AttentionRecord]:
        """One record for each sentence and kind of attention, all passes in order.

        Parameters
        ----------
        texts : str or sequence of str
            Raw texts, one for each sentence that the model read. For a decoder that generated, the prompts.
        tokenizer : transformers tokenizer
            The tokenizer that made the model's input. A fast one gives exact spans.
        target_texts : str or sequence of str, or None
            Raw texts of the decoder's side. None decodes the ids that the decoder was given or generated.
        target_tokenizer
            The tokenizer of the decoder's side, if it has its own.
        kind : {"encoder", "decoder", "cross"} or None
            Only this kind.

        Raises
        ------
        CaptureError
            As `check` does, or if the texts do not match what the model read.
        """
        self._refuse_contrastive_search()
        self.leave_out_own_padding()
        tokenizers = {"source": tokenizer, "target": target_tokenizer or tokenizer}
        batches = [(batch, row) for batch in joined(settled(self.passes)) for row in range(batch.size)]
        self._refuse_what_has_no_tokens(kind)
        self._refuse_what_was_not_kept([batch for batch, row in batches if row == 0])
        texts = read_texts(texts, "records")
        copies = next((b.generation.copies for b, _ in batches if b.generation), 1)
        if copies > 1 and len(texts) * copies == len(batches):  # each prompt with all its answers
            texts = [text for text in texts for _ in range(copies)]
        if len(texts) == len(batches):  # otherwise _records raises the error
            texts = [with_generated(text, tokenizer, *place) for text, place in zip(texts, batches)]
            if target_texts is None and any("target" in batch.ids for batch, _ in batches):
                target_texts = [spell(tokenizers["target"], batch.ids["target"][row]) if "target" in batch.ids else ""
                                for batch, row in batches]

        def pieces(side: str, text: str, sentence: int, valid: NDArray[Any]) -> Sequence[Any]:
            batch, row = batches[sentence]
            if side not in batch.ids:
                raise CaptureError(self._no_ids(batch, side))
            ids = batch.ids[side][row]
            if valid[-1] >= len(ids):
                raise CaptureError(
                    f"the model added positions to the {len(ids)} ids of {side} sentence {sentence} (a learned prompt), so "
                    f"no list of tokens fits its {valid[-1] + 1} positions: name them by position, "
                    "records_by_position().")
            return hf_tokens(tokenizers[side], text, ids[valid])

        return self._records(texts, target_texts, pieces, kind, {})

    def ran(self, layer: str) -> bool:
        """Whether a layer's part of the model was called. An uncalled part (a projection, without a picture) is no error."""
        above = layer
        while above:
            above = above.rpartition(".")[0]
            if type(self.modules[above]).__name__ not in _LISTS:
                break
        return super().ran(layer) and above in self.trace.entered

    def hint(self, path: str) -> str:
        return class_kind(self.modules[path]) if path in self.modules else "self"

    def add(self, call: Call) -> None:
        back = any(c.layer == call.layer and c.kind == "decoder" for p in self.passes[:2] for c in p.calls)
        if call.kind == "encoder" and not call.declared and (back or _looks_back(call.weights)):
            call.kind = "decoder"  # its class does not show it
        super().add(call)

    def leave_out_own_padding(self) -> None:
        """Leave out positions that the model itself pads to whole blocks and removes again."""
        for one in self.passes:
            for call in one.calls:
                if call.weights is not None and {call.rows, call.columns} & set(self.trace.sequences.padded):
                    self._cut(call, self.trace.sequences.padded)
                if call.weights is not None and call.padding is None and call.rows == call.columns:
                    call.padding = _apart(call.weights)

    @staticmethod
    def _cut(call: Call, padded: Any) -> None:
        assert call.weights is not None
        queries, keys = (min(length, padded.get(origin, length)) for origin, length in zip(
            (call.rows, call.columns), (call.weights.shape[2], call.weights.shape[3] - len(call.outside))))
        places = [*range(keys), *range(call.weights.shape[3] - len(call.outside), call.weights.shape[3])]
        lost = call.weights[:, :, :queries, keys:call.weights.shape[3] - len(call.outside)].sum(-1)
        if lost.size and np.median(lost) > 1e-6:
            return  # it receives attention, so it is not padding
        call.beside = max(call.weights.shape[2] - queries, call.weights.shape[3] - len(call.outside) - keys, call.beside)
        call.weights = call.weights[:, :, :queries][..., places]
        if call.bias is not None:
            call.bias = call.bias[:, :, :queries] if call.bias.shape[2] > 1 else call.bias
            call.bias = call.bias[..., places] if call.bias.shape[3] > 1 else call.bias
        if call.covered is not None:
            call.covered = call.covered[:, :queries]
        call.nowhere = None if call.nowhere is None else call.nowhere[:, :, :queries]
        if call.local and call.bias is not None:
            rows = np.ones(call.bias.shape[:1] + call.bias.shape[2:3], bool) if call.covered is None else call.covered
            call.local = bool(np.isinf(call.bias[:, 0][rows]).any())
        for name, length in (("queries", queries), ("keys", keys), ("values", keys)):
            vectors = getattr(call, name)
            setattr(call, name, None if vectors is None else vectors[:, :, :length])
        call.context = None if call.context is None else call.context[:, :queries]

    def settle_silent(self) -> None:
        """Handle modules with the name of an attention that ran without recorded attention.

        If other layers were recorded, such a module is left out if it ran no softmax (a linear attention). If it ran one,
        which was not understood, it is refused.
        """
        seen = {c.layer for p in self.passes for c in p.calls}
        recorded = any(c.weights is not None for p in self.passes for c in p.calls)
        called = {path for path in self.trace.entered if path and sounds(self.modules[path])}
        holding = {above for path in (*seen, *called) for above in _above(path)}  # report the smallest parts
        for path in sorted(called - seen - holding):
            if not seen.isdisjoint(_above(path)):
                continue
            if recorded and path not in self.trace.mixing:
                self.without.append(path)
                self._source["without_weights"] = self.without
            else:
                self.passes[-1].calls.append(Call(path, self.hint(path), None, NO_SOFTMAX, rows=UNSEEN, columns=UNSEEN,
                                                  advice=OTHERWISE))

    def _refuse_what_has_no_tokens(self, kind: str | None) -> None:
        """Raise if sequences without cross attention between them include one that has no tokens."""
        parts = [p for p in settled(self.passes) if any(c.weights is not None and kind in (None, c.kind) for c in p.calls)]
        if any(p.ids for p in parts):
            for part in parts:
                if not part.ids:
                    raise CaptureError(self._no_ids(part, "source"))

    def _refuse_contrastive_search(self) -> None:
        if any(p.generation.contrastive for p in self.passes if p.generation):
            raise CaptureError(
                "contrastive search (penalty_alpha) reads several candidates for each token that it keeps, so its steps do "
                f"not form one text: {AFTERWARDS}.")

    def _refuse_what_was_not_kept(self, batches: Sequence[Pass]) -> None:
        """Raise if steps read other tokens than those that were generated."""
        for batch in batches:
            made = batch.generation.ids if batch.generation else None
            read = batch.ids.get("target", batch.ids.get("source"))
            if made is None or read is None or len(made) != len(read):
                continue  # embeddings, or counts that do not match; these are reported elsewhere
            hidden = batch.padding.get("target", batch.padding.get("source"))  # tokens read after its end are not kept
            kept = np.ones(read.shape, bool) if hidden is None or hidden.shape[1] < read.shape[1] else (
                ~hidden[:, :read.shape[1]])
            if read.shape[1] > made.shape[1] or ((made[:, :read.shape[1]] != read) & kept).any():
                raise CaptureError(
                    "generate() read tokens that are not among those it returned, as it does with drafts that it throws "
                    "away (assistant_model, prompt_lookup_num_tokens) and with a second prompt (guidance_scale): "
                    f"{AFTERWARDS}.")

    def _no_ids(self, batch: Pass, side: str) -> str:
        """Raise for a sequence without known tokens: a picture, a sound, or embeddings."""
        sequence = next(s for s, its in batch.sides.items() if its == side)
        layers = [c.layer for c in batch.calls if sequence in (c.rows, c.columns)]
        kinds = sorted({c.kind for c in batch.calls if sequence not in (c.rows, c.columns)})
        read = {c.layer for other in settled(self.passes) if other.ids for c in other.calls}
        part = self._part_of(read, without=layers)
        cures = ([f"capture the part that reads text: capture(model.{part})"] if part else []) + (
            [f"ask for what reads text alone: records(..., kind={kinds[0]!r})"] if kinds else [])
        cures.append("name its tokens by position: records_by_position()")
        return (f"{layers[0]} attends over {sequence}, for which the model was given no {side} ids (a picture, a sound, or "
                f"embeddings), so it has no tokens. To have the rest, {' or '.join(cures[:-1])}; or {cures[-1]}."
                if len(cures) > 1 else
                f"{layers[0]} attends over {sequence}, for which the model was given no {side} ids (a picture, a sound, or "
                f"embeddings), so it has no tokens: {cures[0]}.")

    def _part_of(self, layers: Any, without: Any) -> str:
        """The smallest part of the model that contains some layers and none of others."""
        steps = [layer.split(".") for layer in sorted(layers)]
        if not steps:
            return ""
        shared = [s for s, *_ in itertools.takewhile(lambda at: len(set(at)) == 1, zip(*steps))]
        for end in range(1, len(shared) + 1):
            path = ".".join(shared[:end])
            if not any(layer.startswith(f"{path}.") for layer in without) and holds_transformers(self.modules[path]):
                return path
        return ""


def with_generated(text: str, tokenizer: Any, batch: Pass, row: int) -> str:
    """Append to a decoder's text what it generated and read again (all except the last token).

    Parameters
    ----------
    text : str
        The prompt.
    tokenizer : transformers tokenizer
    batch : Pass
    row : int
        Row of the sentence in the batch.
    """
    if not batch.steps or "target" in batch.ids or "source" not in batch.ids:
        return text
    made, hidden = batch.ids["source"][row][-batch.steps:], batch.padding.get("source")
    if hidden is not None and hidden.shape[1] == batch.ids["source"].shape[1]:
        made = made[~hidden[row][-batch.steps:]]
    return text + spell(tokenizer, made, after=text) if len(made) else text


def spell(tokenizer: Any, ids: Any, after: str = "") -> str:
    """Decode ids to text, with a space in front if it begins a new word after `after`.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    ids : int, shape (T,)
    after : str, default ""
        The preceding text.
    """
    names, mark = tokenizer.convert_ids_to_tokens([int(i) for i in ids]), continuation(tokenizer)
    text = spelled(names, byte_level=byte_level(tokenizer), continuation=mark)
    first = next((n for n in names if spelled([n], byte_level=byte_level(tokenizer), continuation=mark)), "")
    apart = first[:1] in ("▁", "Ġ", " ") or (mark is not None and first and not first.startswith(mark))
    return f" {text}" if after and not after[-1].isspace() and apart else text
